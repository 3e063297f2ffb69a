"""The ranges that are suggested for a search: around a recipe, so that they suit its task and its start.

A task's own recipe says what is usual for it, from scratch, from a model folder or with LoRA; what is tried lies around
that. Nobody has to take them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.search import FIELDS, Range

Make = Callable[[str, Any], Range | None]
RATE_TIMES = 10.0
"""How far below and above the usual learning rate is tried: what suits best may be off by that (Smith 2018)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A range; `first`: to be searched unless somebody chooses otherwise."""

    range: Range
    first: bool


def suggested(base: Recipe) -> list[Suggested]:
    """Ranges around a recipe, the most telling settings first; also of settings that have no part in it."""
    told = []
    for key, (make, first) in RANGES.items():
        made = make(key, getattr(base, key))
        if made is not None:
            told.append(Suggested(range=made, first=first))
    return told


def _around(times: float) -> Make:
    """As often in each power of ten, from the value divided by `times` to the value times `times`."""

    def make(key: str, value: Any) -> Range | None:
        if not value:
            return None
        low, high = _within(key, value / times), _within(key, value * times)
        return Range(key=key, low=_short(low), high=_short(high), log=True) if low < high else None

    return make


def _decay(key: str, value: Any) -> Range:
    return (
        Range(key=key, low=min(0.001, value or 0.001), high=max(0.3, value), log=True) if value else _upto(0.1)(key, 0)
    )


def _upto(high: float, low: float = 0.0) -> Make:
    """From `low` to `high`, and as far as the value itself."""

    def make(key: str, value: Any) -> Range:
        known = low if value is None else value
        return Range(key=key, low=min(low, known), high=max(high, known))

    return make


def _times(*factors: float) -> Make:
    """The value times these, each a choice, as far as the setting may be so."""

    def make(key: str, value: Any) -> Range | None:
        if not value:
            return None
        kind = type(value)
        tried = {kind(_within(key, round(value * one))) for one in factors} | {value}
        return Range(key=key, choices=tuple(sorted(tried))) if len(tried) > 1 else None

    return make


def _ranks(key: str, value: Any) -> Range | None:
    return _of(8, 16, 32, 64)(key, value) if value else None


def _layers(key: str, value: Any) -> Range:
    return Range(key=key, low=max(1, value // 2), high=value + max(2, value // 2))


def _of(*values: Any) -> Make:
    """These, and the value itself."""

    def make(key: str, value: Any) -> Range:
        tried = {*values, value} - {None}
        return Range(key=key, choices=tuple(sorted(tried, key=lambda one: (isinstance(one, str), one))))

    return make


def _within(key: str, value: float) -> float:
    told = FIELDS[key].metadata
    return min(max(value, told.get("minimum", value)), told.get("maximum", value))


def _short(value: float) -> float:
    """To two digits, as a person would write it."""
    return float(f"{value:.2g}")


RANGES: Mapping[str, tuple[Make, bool]] = {
    "learning_rate": (_around(RATE_TIMES), True),
    "per_device_train_batch_size": (_times(0.5, 1, 2), True),
    "warmup_ratio": (_upto(0.3), True),
    "weight_decay": (_decay, True),
    "num_train_epochs": (_times(0.5, 1, 1.5, 2), False),
    "lora_r": (_ranks, True),
    "lora_dropout": (_upto(0.2), False),
    "beta": (_around(5.0), False),
    "hidden_dropout_prob": (_upto(0.3), False),
    "label_smoothing_factor": (_upto(0.2), False),
    "lr_scheduler_type": (_of("linear", "cosine", "warmup_stable_decay"), False),
    "optim": (_of("adamw", "muon"), False),
    "adam_beta2": (_of(0.95, 0.98, 0.999), False),
    "max_grad_norm": (_of(0.5, 1.0, 5.0), False),
    "ema_decay": (_of(0.0, 0.99, 0.999), False),
    "layerwise_lr_decay": (_upto(1.0, 0.75), False),
    "hidden_size": (_times(0.5, 1, 2), False),
    "num_hidden_layers": (_layers, False),
    "vocab_size": (_times(0.5, 1, 2), False),
    "max_length": (_times(0.5, 1, 2), False),
    "mlm_probability": (_upto(0.4, 0.1), False),
}
"""How a setting is suggested to be searched, and whether at first."""
