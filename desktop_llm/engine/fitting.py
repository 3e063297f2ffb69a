"""What fits into memory: the longest batch, the largest batch, and what else would do where a recipe does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from desktop_llm.engine import peak
from desktop_llm.engine.device import is_full
from desktop_llm.engine.pace import Pace
from desktop_llm.engine.peak import Watch
from desktop_llm.engine.trial import Group, Trial, Work
from desktop_llm.jobs.forecast import HEAD_ROOM, Offer
from desktop_llm.jobs.recipe import SCRATCH, Recipe

LARGEST_BATCH = 1024
LEAST_STEPS_AN_EPOCH = 8
CHECKPOINTED, AGAIN = 0.35, 1.3
"""With gradient checkpointing about this share of the places' memory is left, and the forward pass is done again."""
QUANTILE = 0.99
OFFERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The peak of a step in bytes at `places` in its largest slice, and what a place more takes."""

    peak: int
    places: int
    per_place: float
    limit: int
    tried: np.ndarray
    """The largest slice that was computed, longest example first."""
    whole: bool = True
    """Whether the longest batch was really computed; else `peak` is reckoned."""

    def of(self, places: int) -> int:
        """The peak at so many places."""
        return int(max(0.0, self.peak + self.per_place * (places - self.places)))

    @property
    def fits(self) -> bool:
        """Whether it is there."""
        return self.whole and self.peak <= self.limit


def climb(trial: Trial, group: Group, watch: Watch) -> Memory:
    """Real steps on more and more of the slice that takes most memory, up to the whole longest batch `group`.

    What would fill the memory by what the smaller ones took is not tried on a processor: the system would end the
    process, or another one.
    """
    worst = trial.worst(group)
    lengths = trial.examples["train"].lengths
    worst = worst[np.argsort(-lengths[worst], kind="stable")]
    there = peak.there(trial.device.torch)
    if trial.device.torch.type == "cpu":
        there //= trial.device.near  # all processes of the run want as much of it
    limit = int(there * HEAD_ROOM)

    def places(slice_: np.ndarray) -> int:
        return len(slice_) * int(lengths[slice_].max())

    trial.step([worst[:1]])  # what the optimizer remembers is there from now on
    points: list[tuple[int, int]] = []
    tried = worst[:1]
    for share in (8, 3):
        if len(worst) >= 2 * share and watch.part():
            tried = worst[: len(worst) // share]
            trial.step([tried])
            points.append((places(tried), watch.now()))
    slope = _slope(points)
    reach = points[-1][1] + slope * (places(worst) - points[-1][0]) if points else 0.0
    can = watch.part()
    if reach <= limit:
        with _room() as room:
            trial.settle(group)
            trial.step(group)
            trial.step(group)
        if room.enough:
            found = watch.now()
            slope = _slope([points[0], (places(worst), found)]) if points and can else slope
            return Memory(peak=found, places=places(worst), per_place=slope, limit=limit, tried=worst)
        reach = max(reach, limit + 1.0)
    return Memory(peak=int(reach), places=places(worst), per_place=slope, limit=limit, tried=tried, whole=False)


def largest(trial: Trial, memory: Memory, pace: Pace) -> Offer | None:
    """The largest batch that fits: real steps on a GPU, else by what a place takes.

    With gradient accumulation the batches added up stay exactly as many texts; without, a step learns from more, up to
    a number that is not the memory's: such an offer is of the kind `enough`.
    """
    recipe = trial.recipe
    size, rounds = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    whole = size * rounds
    if not memory.fits or memory.per_place <= 0:
        return None

    def changes(batch: int) -> dict[str, Any]:
        return {
            "per_device_train_batch_size": batch,
            "gradient_accumulation_steps": whole // batch if rounds > 1 else 1,
        }

    def fits(batch: int) -> bool:
        told = _priced(trial, memory, pace, "batch", changes(batch))
        if told.memory > memory.limit:
            return False
        return trial.device.torch.type != "cuda" or _runs(trial, trial.other(**changes(batch)))

    if rounds > 1:
        good, capped = _among([one for one in range(size, min(LARGEST_BATCH, whole) + 1) if whole % one == 0], fits)
    else:
        good, capped = _doubled(size, max(size, min(LARGEST_BATCH, trial.learned // LEAST_STEPS_AN_EPOCH)), fits)
    if good == size:
        return None
    return _priced(trial, memory, pace, "enough" if capped else "batch", changes(good))


def _among(batches: list[int], fits: Callable[[int], bool]) -> tuple[int, bool]:
    """The largest of `batches` that fits, whose first one does; and whether that is the last."""
    good, bad = 0, len(batches)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(batches[middle]) else (good, middle)
    return batches[good], good == len(batches) - 1


def _doubled(size: int, most: int, fits: Callable[[int], bool]) -> tuple[int, bool]:
    """A batch that fits by doubling and bisection; and whether `most` ended it and not the memory."""
    good, bad = size, 0
    while good * 2 <= most and not bad:
        good, bad = (good * 2, 0) if fits(good * 2) else (good, good * 2)
    capped = not bad
    while bad and bad - good > max(8, good // 4):
        middle = (good + bad) // 16 * 8
        if middle <= good:
            break
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good, capped


def offers(trial: Trial, memory: Memory, pace: Pace) -> tuple[Offer, ...]:
    """The nearest settings that fit, where the recipe's do not."""
    told: list[Offer] = []
    for make in (_accumulated, _checkpointed, _shorter, _adapted):
        for offer in make(trial, memory, pace):
            if offer.memory <= memory.limit:
                told.append(offer)
                break
    return tuple(told[:OFFERS])


def _accumulated(trial: Trial, memory: Memory, pace: Pace) -> Iterator[Offer]:
    size = trial.recipe.per_device_train_batch_size
    whole = size * trial.recipe.gradient_accumulation_steps
    while size > 1:
        size = next(one for one in range(size // 2, 0, -1) if whole % one == 0)
        values = {"per_device_train_batch_size": size, "gradient_accumulation_steps": whole // size}
        yield _priced(trial, memory, pace, "accumulation", values)


def _checkpointed(trial: Trial, memory: Memory, pace: Pace) -> Iterator[Offer]:
    if not trial.recipe.gradient_checkpointing:
        base = memory.of(0)
        less = int(base + CHECKPOINTED * (memory.peak - base))
        seconds = AGAIN * pace.seconds([trial.work(one) for one in trial.groups], trial.plan.total_steps)
        yield Offer(kind="checkpointing", values={"gradient_checkpointing": True}, memory=less, seconds=seconds)


def _shorter(trial: Trial, memory: Memory, pace: Pace) -> Iterator[Offer]:
    lengths = trial.examples["train"].lengths
    longest = int(lengths.max())
    for share in (QUANTILE, 0.95, 0.9):
        length = max(8, int(np.quantile(lengths, share)))
        if length < longest:
            yield _priced(trial, memory, pace, "length", {"max_length": length}, np.minimum(lengths, length))


def _adapted(trial: Trial, memory: Memory, pace: Pace) -> Iterator[Offer]:
    """Adapters: the weights' gradients and what the optimizer remembers of them go, the places' memory stays."""
    recipe = trial.recipe
    frozen = recipe.freeze_backbone or recipe.freeze_layers  # then little is remembered already
    if not recipe.lora_r and not frozen and recipe.model != SCRATCH:
        less = memory.peak - 12 * trial.parameters
        seconds = pace.seconds([trial.work(one) for one in trial.groups], trial.plan.total_steps)
        yield Offer(kind="lora", values={"lora_r": 16}, memory=max(0, less), seconds=seconds)


def _priced(
    trial: Trial, memory: Memory, pace: Pace, kind: str, values: dict[str, Any], lengths: np.ndarray | None = None
) -> Offer:
    """An offer with what it would take by what was measured; `seconds` are those of the steps."""
    recipe = trial.other(**values)
    works = _works(trial, recipe, lengths)
    steps = trial.steps_with(recipe)
    most = max(one.largest for one in works)
    return Offer(kind=kind, values=values, memory=memory.of(most), seconds=pace.seconds(works, steps))


def _works(trial: Trial, recipe: Recipe, lengths: np.ndarray | None) -> list[Work]:
    return [trial.work(group, lengths) for group in trial.groups_for(recipe)]


def _runs(trial: Trial, recipe: Recipe) -> bool:
    """Whether the largest slice of a recipe's steps can really be computed."""
    groups = trial.groups_for(recipe)
    works = [trial.work(group) for group in groups]
    group = groups[max(range(len(works)), key=lambda place: works[place].largest)]
    with _room() as room:
        trial.step([trial.worst(group)])
    return room.enough


class _room:
    """Catches what a full memory says."""

    enough = True

    def __enter__(self) -> _room:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        full = error is not None and is_full(error)
        if full:
            self.enough = False
            with suppress(RuntimeError):
                torch.cuda.empty_cache()
        return full


def _slope(points: list[tuple[int, int]]) -> float:
    """Bytes a place between the first and the last of them."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return 0.0
    return max(0.0, (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0]))
