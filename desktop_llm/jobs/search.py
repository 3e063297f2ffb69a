"""A search over recipes: which settings are tried in which ranges, by what they are judged, and for how long.

A range is written `learning_rate=1e-5..1e-3:log`, `num_hidden_layers=2..6`, `lr_scheduler_type=linear,cosine`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import moving
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import Recipe

FORMAT = 1
LOG, TO, BETWEEN = ":log", "..", ","
Pruner = Literal["median", "halving", "none"]
PRUNERS: tuple[Pruner, ...] = get_args(Pruner)
TRIALS, MOST_TRIALS, MOST_MINUTES = 15, 10_000, 60 * 24 * 30
ABOUT_THE_RUN = frozenset({"several"})
FIXED = frozenset(
    {
        "model",
        "teacher",
        "distillation_unlabeled",
        "device",
        "seed",
        "bf16",
        "fp16",
        "torch_compile",
        "load_in_4bit",
        "gradient_checkpointing",
        "group_by_length",
        "per_device_eval_batch_size",
        "eval_steps",
        "save_steps",
        "save_total_limit",
        "save_kept_steps",
        "save_gigabytes",
        "load_best_model_at_end",
        "metric_for_best_model",
        "balance_by",
    }
)
"""Settings that say where, on what or how a run is measured and kept, or what is chance alone: no range of them is a
search for a better recipe."""
FIELDS = {one.name: one for one in fields(Recipe)}
SEARCHED = tuple(key for key, one in FIELDS.items() if key not in FIXED and one.metadata["group"] not in ABOUT_THE_RUN)
"""The settings that may be searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is tried of a setting: some `choices`, or all from `low` to `high`; `log`: as often in each power of ten."""

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return recipes.kinds(self.key)[0] is int

    @property
    def words(self) -> str:
        """As `parse` reads what stands behind the key."""
        if self.choices:
            return f"{BETWEEN} ".join(text(one) for one in self.choices)
        ends = f"{number(self.low)}{TO}{number(self.high)}"
        return ends + LOG if self.log else ends

    def has(self, value: Any) -> bool:
        """Whether a value is in it."""
        if self.choices:
            return value in self.choices
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched: `ranges` around the recipe `base`, judged by `metric` on the rows held out for validation.

    It ends after `trials` runs or `minutes`, whichever is first; 0: no limit of this kind. `pruner` ends runs that fall
    behind; the same `seed` proposes the same trials after the same results.
    """

    number: int
    base: Recipe
    ranges: tuple[Range, ...]
    metric: str
    higher_is_better: bool
    trials: int = TRIALS
    minutes: float = 0.0
    pruner: Pruner = "median"
    seed: int = 42
    created: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings that are searched."""
        return tuple(one.key for one in self.ranges)


def number(value: float) -> str:
    """A number without needless digits."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else f"{value:.6g}"


def text(value: Any) -> str:
    """A value of a setting as `parse` reads it."""
    return number(value) if isinstance(value, float) else recipes.as_text(value)


def parse(words: str) -> Range:
    """The range in `key=…`. Raises UserError with what is wrong."""
    key, equals, told = (part.strip() for part in words.partition("="))
    if not equals or not told:
        example = "learning_rate=1e-5..1e-3:log, or lr_scheduler_type=linear,cosine"
        raise UserError(f"“{words}” is no range; write for example {example}.")
    return of_words(key, told)


def of_words(key: str, told: str) -> Range:
    """The range of `key` that is written so. Raises UserError with what is wrong."""
    require(key)
    plain = told.strip()
    log = plain.endswith(LOG)
    plain = plain.removesuffix(LOG).strip()
    if TO not in plain:
        if log:
            raise UserError(f"“{key}”: “{LOG}” goes with two ends, such as 1e-5..1e-3{LOG}.")
        return checked(Range(key=key, choices=tuple(_value(key, one) for one in plain.split(BETWEEN))))
    if recipes.kinds(key)[0] not in (int, float):
        raise UserError(f"“{key}” takes no numbers: write what is to be tried with commas between.")
    low, _, high = plain.partition(TO)
    return checked(Range(key=key, low=_value(key, low), high=_value(key, high), log=log))


def require(key: str) -> None:
    """Raise UserError where there is no such setting, or where it cannot be searched."""
    recipes.require_key(key)
    if key not in SEARCHED:
        raise UserError(f"“{key}” is the same in all runs of a search; set it beforehand.")


def checked(told: Range) -> Range:
    """The range, if all in it can be. Raises UserError."""
    key, about = told.key, FIELDS[told.key].metadata
    if told.choices:
        if len(set(told.choices)) < 2:
            raise UserError(f"“{key}” needs at least two different values to choose from.")
        if len(set(told.choices)) < len(told.choices):
            raise UserError(f"“{key}” names a value twice.")
        for one in told.choices:
            _check_value(key, one)
        return told
    if not (math.isfinite(told.low) and math.isfinite(told.high)) or told.low >= told.high:
        ends = f"{number(told.low)} and {number(told.high)}" if math.isfinite(told.low + told.high) else "these ends"
        raise UserError(f"“{key}” needs a lower end below its upper one, not {ends}.")
    if told.log and told.low <= 0:
        raise UserError(f"“{key}”: with “{LOG}” both ends are above 0, not {number(told.low)}.")
    for end in (told.low, told.high):
        _check_value(key, int(end) if told.whole else float(end))
    if about.get("choices"):
        raise UserError(f"“{key}” takes no numbers: write what is to be tried with commas between.")
    return told


def check(told: Search) -> None:
    """Raise UserError where a search cannot be."""
    if not told.ranges:
        raise UserError("Choose at least one setting to be searched.")
    twice = sorted({key for key in told.keys if told.keys.count(key) > 1})
    if twice:
        raise UserError(f"“{twice[0]}” is given two ranges; give it one.")
    check_budget(told.trials, told.minutes)
    if told.pruner not in PRUNERS:
        raise UserError(f"The pruner is one of {', '.join(PRUNERS)}, not “{told.pruner}”.")


def check_budget(trials: int, minutes: float) -> None:
    """Raise UserError where a search could not have so many trials, or minutes; 0: no limit of this kind."""
    if not 0 <= trials <= MOST_TRIALS:
        raise UserError(f"The number of trials is between 1 and {MOST_TRIALS:,}, or 0 for no limit, not {trials}.")
    if not 0 <= minutes <= MOST_MINUTES:
        raise UserError(f"The minutes are between 0 (no limit) and {MOST_MINUTES:,}, not {minutes:g}.")
    if not trials and not minutes:
        raise UserError("Say how many trials to run, or for how many minutes.")


def to_json(told: Search) -> dict[str, Any]:
    """The search as a JSON object."""
    return {
        "format": FORMAT,
        "number": told.number,
        "base": recipes.to_json(told.base),
        "ranges": {one.key: _range_json(one) for one in told.ranges},
        "metric": told.metric,
        "higher_is_better": told.higher_is_better,
        "trials": told.trials,
        "minutes": told.minutes,
        "pruner": told.pruner,
        "seed": told.seed,
        "created": told.created,
    }


def write(told: Search, path: Path) -> None:
    """Write it in one step. Raises UserError."""
    try:
        atomic.write_json(path, to_json(replace(told, base=moving.kept(told.base, path.parent))))
    except OSError as error:
        raise from_os_error(error, "write the search", path) from error


def read(path: Path) -> Search:
    """Read what `write` wrote. Raises UserError where it is missing, damaged, or of a newer version."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] > FORMAT:
            raise UserError(f"The search “{path}” was made by a newer version of the program; update to open it.")
        return Search(
            number=int(told["number"]),
            base=moving.found(recipes.from_json(dict(told["base"])), path.parent),
            ranges=tuple(_range_of(key, one) for key, one in dict(told["ranges"]).items()),
            metric=str(told["metric"]),
            higher_is_better=bool(told["higher_is_better"]),
            trials=int(told["trials"]),
            minutes=float(told["minutes"]),
            pruner=told["pruner"],
            seed=int(told["seed"]),
            created=str(told["created"]),
        )
    except OSError as error:
        raise from_os_error(error, "read the search", path) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"The search “{path}” is damaged and cannot be read; start a new one.") from error


def named(ranges: Sequence[Range]) -> Mapping[str, Range]:
    """The ranges by their keys."""
    return {one.key: one for one in ranges}


def _range_json(told: Range) -> dict[str, Any]:
    return {"low": told.low, "high": told.high, "log": told.log, "choices": list(told.choices)}


def _range_of(key: str, told: Mapping[str, Any]) -> Range:
    return Range(
        key=key, low=told["low"], high=told["high"], log=bool(told["log"]), choices=tuple(told.get("choices", ()))
    )


def _value(key: str, words: str) -> Any:
    if not words.strip() and recipes.kinds(key)[0] is not str:
        raise UserError(f"“{key}”: a value is missing; write for example 1..4, or 1,2,4.")
    return recipes.parse_value(key, words)


def _check_value(key: str, value: Any) -> None:
    recipes.check_value(key, value)
