"""What a run will take, measured and told on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop_llm import settings
from desktop_llm.jobs import forecast, renting
from desktop_llm.verbs import foretelling, preflight, training

if TYPE_CHECKING:
    from desktop_llm.jobs.forecast import Forecast, Offer
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.jobs.renting import Quote
    from desktop_llm.store.project import Project

Out = Callable[[dict[str, Any], str], None]


def estimate(project: Project, recipe: Recipe, out: Out) -> int:
    """Freeze a trial run beside the project's runs, measure it in a process of its own, throw it away."""
    readiness = training.check(project, recipe)
    with preflight.trial_folder(project.path) as folder:
        training.freeze(project, recipe, 0, folder)
        told = preflight.measure(folder)
    foretelling.keep(project, told)
    quotes = renting.quotes(renting.from_text(settings.load().gpu_prices), told.flops, told.slices, told.memory)
    rented = [{"card": one.card.name, "seconds": one.seconds, "dollars": one.dollars} for one in quotes]
    out(
        {"splits": dict(readiness.splits), **forecast.to_json(told), "fits": told.fits, "rented": rented},
        "\n".join(_estimate_words(told, quotes)),
    )
    return 0


def _estimate_words(told: Forecast, quotes: list[Quote]) -> list[str]:
    lines = [
        f"{told.parameters:,} parameters on {told.device} in {told.precision}: {told.total_steps:,} steps of "
        f"{told.seconds_per_step:.3f} s",
        f"time    about {told.seconds / 60:.1f} minutes ({told.low / 60:.1f} to {told.high / 60:.1f}), with "
        f"{told.evaluations:,} evaluations of {told.evaluation:.1f} s and {told.checkpoints:,} checkpoints of "
        f"{told.checkpoint:.1f} s",
        f"memory  {told.memory / 1e9:.2f} GB at the peak, {told.memory_there / 1e9:.1f} GB may be used",
        f"disk    {told.disk / 1e9:.2f} GB at most, {told.disk_free / 1e9:.1f} GB free",
    ]
    if told.energy is not None:
        lines.append(f"energy  about {told.energy:.1f} Wh of the computing part alone")
    if quotes:
        best = quotes[0]
        lines.append(
            f"rented  about ${best.dollars:.2f} on one {best.card.name}, in some {best.seconds / 60:.0f} minutes"
        )
    if told.largest is not None:
        lines.append("The largest batch that fits: " + _set_words(told.largest))
    if not told.fits:
        lines.append("This does not fit. What would:" if told.offers else "This does not fit.")
        lines += [f"  {_set_words(one)}" for one in told.offers]
    return lines


def _set_words(offer: Offer) -> str:
    values = " ".join(f"--set {key}={value}" for key, value in offer.values.items())
    return f"{values} ({offer.memory / 1e9:.2f} GB, about {offer.seconds / 60:.1f} minutes)"
