"""Learners of the tests that meet what real ones seldom meet: a loss that is no number, a memory that is full."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pytest
import torch

from desktop_llm.jobs.job import Job
from desktop_llm.nets import sequence_model
from desktop_llm.nets.learner import Batch, Judged, Report, Row
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.text_classification import learn
from desktop_llm.tasks.text_classification.learn import Classifier
from tests import run_folders


class Poisoned(Classifier):
    """Its loss is no number where its weights are among `poison`; `seen` are those that it was asked with, in order."""

    def prepare(self, poison: Collection[float], seen: list[float]) -> Poisoned:
        """Begin."""
        self._poison, self._met = poison, seen
        return self

    def judged_loss(self, batch: Batch) -> tuple[torch.Tensor, Judged]:
        """The loss, or NaN."""
        now = float(sum(parameter.detach().double().sum() for parameter in self.model.parameters()))
        if now not in self._met:
            self._met.append(now)
        loss, judged = super().judged_loss(batch)
        return (loss * math.nan if now in self._poison else loss), judged


class Full(Classifier):
    """Memory is full for it above `most` texts at once, before or (`late`) in the middle of the backward pass."""

    def prepare(self, most: int, error: Callable[[], Exception], *, late: bool) -> Full:
        """Begin."""
        self._most, self._error, self._late, self._texts = most, error, late, 0
        if late:
            first = next(one for name, one in self.model.named_parameters() if "embed" not in name)
            first.register_hook(self._on_gradient)  # type: ignore[no-untyped-call]
        return self

    def judged_loss(self, batch: Batch) -> tuple[torch.Tensor, Judged]:
        """The loss, where there is room for it."""
        self._texts = len(batch["input_ids"])
        if self._texts > self._most and not self._late:
            raise self._error()
        return super().judged_loss(batch)

    def _on_gradient(self, gradient: torch.Tensor) -> torch.Tensor:
        if self._texts > self._most:
            raise self._error()
        return gradient


def use(monkeypatch: pytest.MonkeyPatch, kind: type[Classifier], prepare: Callable[[Classifier], object]) -> None:
    """Let the first task's runs learn with `kind`, prepared."""
    assert TASKS[run_folders.TASK].open_learn() is learn

    def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Classifier:
        made = kind(sequence_model.start(job, rows, source, report), job.recipe.label_smoothing_factor)
        prepare(made)
        return made

    monkeypatch.setattr(learn, "build", build)
