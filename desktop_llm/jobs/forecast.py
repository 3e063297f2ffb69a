"""What a run will take, as it was measured before the start, and what it then took: figures that travel as JSON."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from desktop_llm.jobs import events
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Event
from desktop_llm.jobs.recipe import Recipe

FREE = frozenset(
    {
        "learning_rate",
        "lr_scheduler_type",
        "warmup_ratio",
        "warmup_steps",
        "lr_decay_ratio",
        "layerwise_lr_decay",
        "lora_alpha",
        "distillation_temperature",
        "distillation_weight",
        "weight_decay",
        "max_grad_norm",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "label_smoothing_factor",
        "early_stopping_patience",
        "metric_for_best_model",
        "seed",
    }
)
"""Settings that change what a run learns and nothing of what it takes."""
HEAD_ROOM = 0.9
"""The share of the free memory that a run may be offered: other programs grow, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Other settings and what a run with them would take, reckoned from what was measured: bytes and seconds.

    `kind` says in what it differs: batch, accumulation, checkpointing, length, lora; enough is a larger batch that was
    not ended by the memory but by the number of texts.
    """

    kind: str
    values: Mapping[str, Any]
    memory: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run will take. Times in seconds, sizes in bytes, `energy` in watt-hours (None: not readable).

    `memory` is the peak: of the GPU's tensors, or of the whole training process on a processor; `memory_there` what it
    may take. `seconds` is the time to the finish with all in it, `low` and `high` the band around it. `machine`,
    `recipe` and `rows` (by split) are what it was measured for; `labels` the number of classes.
    """

    machine: str
    recipe: Mapping[str, Any]
    rows: Mapping[str, int]
    labels: int
    device: str
    precision: str
    parameters: int
    total_steps: int
    measured_steps: int
    sampled: bool
    seconds_per_step: float
    preparing: float
    evaluation: float
    evaluations: int
    checkpoint: float
    checkpoints: int
    seconds: float
    low: float
    high: float
    memory: int
    memory_there: int
    disk: int
    disk_free: int
    energy: float | None
    flops: float
    """Of all steps, about: six a parameter in a matrix and place."""
    slices: float
    """How often the run goes forward and backward."""
    largest: Offer | None = None
    """The largest batch that fits, or that is sensible (its kind is `enough`)."""
    offers: tuple[Offer, ...] = ()
    """What would fit where this does not."""

    @property
    def fits(self) -> bool:
        """Whether memory and disk are there."""
        return self.memory <= self.memory_there and self.disk <= self.disk_free


def machine() -> str:
    """This computer's name: what was measured on another one says nothing here."""
    return platform.node()


def costly(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide what a run takes."""
    return {key: value for key, value in recipes.to_json(recipe).items() if key not in FREE}


def stale(forecast: Forecast, recipe: Recipe, rows: Mapping[str, int], labels: int) -> tuple[str, ...]:
    """In what a run differs from the one that was measured: `machine`, `rows`, `labels`, recipe keys; () in nothing."""
    told = []
    if forecast.machine != machine():
        told.append("machine")
    if not all(_about(forecast.rows.get(key, 0), rows.get(key, 0), 0.02) for key in {*forecast.rows, *rows}):
        told.append("rows")
    if not _about(forecast.labels, labels, 0.2):
        told.append("labels")
    now = costly(recipe)
    told += [key for key in sorted({*now, *forecast.recipe}) if now.get(key) != forecast.recipe.get(key)]
    return tuple(told)


def _about(one: int, other: int, share: float) -> bool:
    """Whether two numbers are so near that a run would take the same."""
    return abs(one - other) <= max(2, share * max(one, other))


def to_json(forecast: Forecast) -> dict[str, Any]:
    """As a JSON object."""
    return asdict(forecast)


def from_json(told: object) -> Forecast | None:
    """From a JSON object; None for one of another version or a damaged one."""
    if not isinstance(told, Mapping):
        return None
    try:
        known = {one.name: told[one.name] for one in fields(Forecast) if one.name in told}
        largest = known.pop("largest", None)
        offers = known.pop("offers", ())
        return Forecast(
            **known,
            largest=Offer(**largest) if largest else None,
            offers=tuple(Offer(**one) for one in offers),
        )
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a run took: seconds from the engine's first word to its last without pauses, peak memory in bytes."""

    seconds: float = 0.0
    memory: int = 0
    sessions: int = 0
    """How often it was started; a run that was broken off and resumed was prepared more than once."""


def taken(told: Iterable[Event]) -> Taken:
    """What the events of a run say of it, in their order; the time between a crash and a resume does not count."""
    spent, memory, sessions = 0.0, 0, 0
    began = paused = last = math.nan
    stepped = False
    for event in told:
        if stepped and isinstance(event, events.Preparing):  # it went on after a crash, which had no last word
            spent, began, stepped = spent + last - began, math.nan, False
        if math.isnan(began):
            began, sessions = event.at, sessions + 1
        if isinstance(event, events.StepDone):
            memory, stepped = max(memory, event.memory), True
        elif isinstance(event, events.Paused):
            paused = event.at
        elif isinstance(event, events.Continued) and not math.isnan(paused):
            began, paused = began + event.at - paused, math.nan
        last = event.at
        if isinstance(event, events.ENDS):
            spent, began, paused, stepped = spent + last - began, math.nan, math.nan, False
    return Taken(seconds=spent + (0.0 if math.isnan(began) else last - began), memory=memory, sessions=sessions)
