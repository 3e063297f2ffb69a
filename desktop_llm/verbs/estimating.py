"""What a run will take, measured and told on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop_llm import settings
from desktop_llm.jobs import amounts, forecast, renting
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
    low, about, high, unit = amounts.band(told.low, told.seconds, told.high)
    lines = [
        f"{told.parameters:,} parameters on {told.device} in {told.precision}: {told.total_steps:,} steps of "
        f"{told.seconds_per_step:.3f} s",
        f"time    about {about} {unit} ({low} to {high}), with "
        f"evaluations ({told.evaluations:,}, {_time(told.evaluation)} each) and "
        f"checkpoints ({told.checkpoints:,}, {_time(told.checkpoint)} each)",
        f"memory  {_size(told.memory)} at the peak, {_size(told.memory_there)} may be used",
        f"disk    {_size(told.disk)} at most, {_size(told.disk_free)} free",
    ]
    if told.energy is not None:
        lines.append(f"energy  about {' '.join(amounts.energy(told.energy))} of the computing part alone")
    if quotes:
        best = quotes[0]
        lines.append(
            f"rented  about ${best.dollars:.2f} on one {best.card.name}: {_time(best.seconds)} of training and "
            f"{renting.SETTLING_SECONDS / 60:.0f} min to set it up"
        )
    if told.largest is not None:
        limited = told.largest.kind == "batch"
        which = (
            "The largest batch that fits: "
            if limited
            else "A larger batch that fits, ended by the texts of a step, not by memory: "
        )
        lines.append(which + _set_words(told.largest))
    if not told.fits:
        lines.append("This does not fit. What would:" if told.offers else "This does not fit.")
        lines += [f"  {_set_words(one)}" for one in told.offers]
    return lines


def _set_words(offer: Offer) -> str:
    values = " ".join(f"--set {key}={value}" for key, value in offer.values.items())
    return f"{values} ({_size(offer.memory)}, about {_time(offer.seconds)})"


def _size(count: float) -> str:
    return " ".join(amounts.size(count))


def _time(seconds: float) -> str:
    return " ".join(amounts.time(seconds))
