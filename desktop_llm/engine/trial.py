"""A run at its first step, to be measured and thrown away: built, encoded and put on its device as the run will be."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import optimizers, teaching, what_learns
from desktop_llm.engine.plan import Plan, plan
from desktop_llm.engine.ranks import Ranks
from desktop_llm.engine.stepper import Stepper
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Packing, Report, Row
from desktop_llm.tasks import task as task_named

MOST_ROWS = 20_000
"""Of more rows than these a sample is encoded, and what it took is scaled up."""
MOST_BATCHES = 4000
"""The batches of so many of the run's first epochs are looked at as make up this number."""

Group = list[np.ndarray]


@dataclass(frozen=True, slots=True)
class Work:
    """What a step computes: its slices as (examples, longest), the places in all of them, and in the largest."""

    shapes: tuple[tuple[int, int], ...]
    places: int
    largest: int


class Trial:
    """The learner, its encoded rows, and what its steps will be. Raises UserError as the run would."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float], report: Report) -> None:
        """Build it; `clock` tells the seconds, `report` what is being done."""
        began = clock()
        self.folder, self.job = folder, folder.job()
        recipe = self.job.recipe
        if recipe.fsdp and recipe.num_processes > 1:
            raise UserError(
                "What a model takes that lies in parts on several devices (“fsdp”) cannot be measured on one of them; "
                "start it, or measure it with all of the model on each."
            )
        self.task = task_named(self.job.task)
        snapshot.verify(folder.snapshot)
        told = snapshot.note(folder.snapshot)
        self.counts = {split: int(told[split]) for split in snapshot.SPLITS}
        self.ranks = Ranks(world=recipe.num_processes, near=recipe.num_processes)
        """The first of the run's processes: its share is measured, without its meetings with the others."""
        self.device = devices.choose(recipe, self.ranks)
        random.seed(recipe.seed)
        np.random.seed(recipe.seed)
        torch.manual_seed(recipe.seed)
        read = clock()
        self.rows = {split: _rows(folder, split, count) for split, count in self.counts.items()}
        self.learner = self.task.open_learn().build(self.job, lambda split: self.rows[split], None, report)
        self.examples = {split: self.learner.encode(rows, report) for split, rows in self.rows.items()}
        if isinstance(self.learner, Packing):
            self.examples["train"] = self.learner.pack(self.examples["train"])
        encoded = clock()
        kept = sum(len(rows) for rows in self.rows.values())
        self.unlabeled = int(told.get(snapshot.UNLABELED, 0))
        self.scale = (sum(self.counts.values()) + self.unlabeled) / max(1, kept)
        """How many rows of the run stand behind each that was read."""
        what_learns.settle(self.learner, recipe)
        self.learner.model.train()
        self.parameters = optimizers.count(self.learner.model)
        self.learner.narrow(list(self.examples.values()))
        self.device.take(self.learner.model)
        what_learns.save_memory(self.learner, recipe, self.device)
        train = self.examples["train"]
        weights = snapshot.weights(folder.snapshot)
        learned = self.counts["train"] + self.unlabeled
        self.asking = (
            learned
            / max(1, recipe.num_processes)
            * teaching.tried(self.job, self.learner, self.rows["train"], self.device, clock)
            if recipe.teacher
            else 0.0
        )
        """What asking a teacher takes before the first step, in seconds."""
        self._weights = None if weights is None or len(weights) != len(train) else np.asarray(weights, np.float64)
        """How often each example is drawn; None where all are as often, or where only a sample was read."""
        self.learned = round(len(train) * learned / max(1, len(self.rows["train"])))
        """How many examples the run learns from: its training rows, or what they are joined to."""
        self.plan: Plan = plan(recipe, self.task, self.learned, _batch(recipe))
        self.stepper = Stepper(self.learner, train, recipe, self.device, self.plan.total_steps)
        self.gradient = self.stepper.gradient
        size = optimizers.count(self.learner.model)  # as `Gradient` counts, also where little of it learns
        self.overhead = self.device.slice_overhead(size)
        self.preparing = (read - began) + (encoded - read) * self.scale + clock() - encoded

    @property
    def recipe(self) -> Recipe:
        """The run's."""
        return self.job.recipe

    @property
    def sampled(self) -> bool:
        """Whether not all rows were read."""
        return self.scale > 1.0

    @cached_property
    def groups(self) -> list[Group]:
        """The batches of the first steps of the run, at most some thousand."""
        return self.groups_for(self.recipe)

    def groups_for(self, recipe: Recipe) -> list[Group]:
        """The batches of each of the first steps with another recipe."""
        told: list[Group] = []
        epochs = max(1, int(np.ceil(recipe.num_train_epochs)))
        per_step, train = recipe.gradient_accumulation_steps, self.examples["train"]
        for epoch in range(epochs):
            told += buckets.training_steps(
                len(train),
                _batch(recipe),
                per_step,
                seed=recipe.seed,
                epoch=epoch,
                strata=train.strata,
                weights=self._weights,
            )
            if len(told) * per_step >= MOST_BATCHES:
                break
        # a sample has too few batches for all steps
        told = told[: self.plan.total_steps] or told
        # of several processes each takes a share, the first the largest: that one is measured
        return [[self.ranks.share(batch) for batch in group] for group in told]

    def work(self, group: Group, lengths: np.ndarray | None = None) -> Work:
        """What a step computes; with other `lengths` of the examples, int64 [n]."""
        told = self.examples["train"].lengths if lengths is None else lengths
        shapes: list[tuple[int, int]] = []
        for batch in group:
            cut = buckets.slices(batch, told, self.overhead) if self.recipe.group_by_length else [batch]
            shapes += [(len(one), int(told[one].max())) for one in cut]
        padded = [rows * longest for rows, longest in shapes]
        return Work(tuple(shapes), sum(padded), max(padded))

    def worst(self, group: Group) -> np.ndarray:
        """The slice of a step that takes most memory."""
        lengths = self.examples["train"].lengths
        cut = [one for batch in group for one in self.gradient.slices(batch)]
        return max(cut, key=lambda one: len(one) * int(lengths[one].max()))

    def step(self, group: Group) -> None:
        """A real step, to its end on the device."""
        self.stepper.step(group, 1)
        if self.device.torch.type == "cuda":
            torch.cuda.synchronize()

    def settle(self, group: Group) -> None:
        """Let a step be computed from now on as the run will compute it once it has seen the like."""
        if self.gradient.replays:
            for _ in range(2):
                self.step(group)

    def steps_with(self, recipe: Recipe) -> int:
        """How many steps the run has with another recipe."""
        return plan(recipe, self.task, self.learned, _batch(recipe)).total_steps

    def other(self, **values: object) -> Recipe:
        """The recipe with other values, unchecked."""
        return replace(self.recipe, **values)  # type: ignore[arg-type]


def _batch(recipe: Recipe) -> int:
    """The examples of a batch, of all processes together."""
    return recipe.per_device_train_batch_size * recipe.num_processes


def _rows(folder: RunFolder, split: str, count: int) -> list[Row]:
    """The rows of a split; of very many a sample, evenly over the file, and the longest."""
    rows: Iterable[Row] = snapshot.rows(folder.snapshot, split)
    if count <= MOST_ROWS:
        return list(rows)
    every = np.linspace(0, count - 1, MOST_ROWS, dtype=np.int64)
    wanted, kept = set(every.tolist()), []
    longest: list[tuple[int, int, Row]] = []
    for place, row in enumerate(rows):
        if place in wanted:
            kept.append(row)
            continue
        size = sum(len(str(value)) for value in row.values())
        if len(longest) < 16 or size > longest[0][0]:
            (heapq.heappush if len(longest) < 16 else heapq.heapreplace)(longest, (size, place, row))
    return [*kept, *(row for _, _, row in longest)]
