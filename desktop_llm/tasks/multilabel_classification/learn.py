"""How this task learns: text → tokens → batch → encoder with one yes-or-no a label → loss → answer.

A label is said from its own threshold on. Thresholds are chosen on the validation texts, each for its label's best F1
(Lipton, Elkan and Naryanaswamy 2014, arXiv:1402.1892), whenever these are measured; labels with too few texts there
keep 0.5. They are kept in the model's config as `thresholds`, in the order of its outputs; the figures on validation
texts are therefore a little too good, those on test texts are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import distillation, model_folder, sequence_model
from desktop_llm.nets.learner import Judged, Report, Row
from desktop_llm.nets.likeliest import TOP
from desktop_llm.nets.sequence_head import SequenceHead
from desktop_llm.nets.sequence_model import Parts
from desktop_llm.nets.tokens import TokenRows

HALF = 0.5
LEAST_TEXTS = 5
"""Validation texts with a label, and without it, from which on its threshold is chosen by them."""
LOWEST, HIGHEST = 0.1, 0.9
KEY = "thresholds"


class MultiLabel(SequenceHead):
    """Any classes of many: binary cross-entropy for each, and all classes that reach their threshold as the answer."""

    def __init__(self, parts: Parts, label_smoothing: float = 0.0) -> None:
        """Thresholds come from the model's config; 0.5 where it has none."""
        super().__init__(parts, label_smoothing)
        self._take_thresholds(getattr(parts.model.config, KEY, None))

    @property
    def thresholds(self) -> tuple[float, ...]:
        """From which chance on each class is said."""
        return self._thresholds

    def target(self, label: Any) -> np.ndarray:
        """int8 [classes]: 1 for each class of the label; −1 throughout where there is no label."""
        if label is None:
            return np.full(len(self.classes), -1, dtype=np.int8)
        told = np.zeros(len(self.classes), dtype=np.int8)
        told[[self._numbers[name] for name in label if name in self._numbers]] = 1
        return told

    def told_by(self, said: np.ndarray) -> np.ndarray:
        """Each class that is likelier than not."""
        return (said > 0).astype(np.int8)

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Mean binary cross-entropy over texts and classes; smoothing moves targets that share towards one half."""
        wanted = targets.to(logits.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, wanted)

    def soft_losses(self, logits: torch.Tensor, said: torch.Tensor, temperature: float) -> torch.Tensor:
        """Each class is a question of its own."""
        return distillation.losses_apart(logits, said, temperature)

    def chances(self, logits: torch.Tensor) -> torch.Tensor:
        """Of each class by itself."""
        return torch.sigmoid(logits)

    def judge(self, logits: torch.Tensor, targets: torch.Tensor) -> Judged:
        """Each class by itself: a label is as sure as its least sure class, and right where all classes are."""
        chances = torch.sigmoid(logits)
        sure, against = torch.where(targets > 0, chances, 1 - chances).min(dim=1)
        return Judged(sure, sure >= HALF, against, 1 - sure)

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """All classes from their thresholds on, in alphabetical order as labels are named.

        The probability is that of exactly these classes, as if each were independent of the others; uncertainty is
        that of the class nearest to its threshold: 1 at it, 0 where its chance is 0 or 1.
        """
        chances = torch.sigmoid(outputs.double())
        limits = torch.tensor(self._thresholds, dtype=chances.dtype)
        said = chances >= limits
        whole = torch.where(said, chances, 1 - chances).prod(dim=-1)
        room = torch.where(said, 1 - limits, limits)
        unsure = (1 - (chances - limits).abs() / room).amax(dim=-1).clamp(0, 1)
        order = torch.argsort(chances, dim=-1, descending=True, stable=True)
        rows = zip(chances.tolist(), said.tolist(), order.tolist(), whole.tolist(), unsure.tolist(), strict=True)
        return [
            Prediction(
                label=sorted(name for name, yes in zip(self.classes, told, strict=True) if yes),
                probability=probability,
                uncertainty=uncertainty,
                top=tuple((self.classes[place], values[place]) for place in places[: max(TOP, sum(told))]),
            )
            for values, told, places, probability, uncertainty in rows
        ]

    def decide(self, outputs: torch.Tensor, examples: TokenRows) -> None:
        """Choose the thresholds by measured examples."""
        targets = examples.targets
        known = targets.min(axis=-1) >= 0 if targets.ndim == 2 else np.zeros(len(targets), dtype=bool)
        chances = torch.sigmoid(outputs.double()).numpy()[known]
        columns = range(len(self.classes))
        self._take_thresholds([_best(chances[:, one], targets[known][:, one] > 0) for one in columns])

    def adopt(self, folder: Path) -> None:
        """Take over weights and thresholds."""
        super().adopt(folder)
        self._take_thresholds(getattr(model_folder.config(folder, part=True), KEY, None))

    def _take_thresholds(self, told: Any) -> None:
        fits = isinstance(told, list | tuple) and len(told) == len(self.classes)
        self._thresholds = tuple(float(one) for one in told) if fits else (HALF,) * len(self.classes)
        setattr(self.model.config, KEY, list(self._thresholds))


def _best(chances: np.ndarray, true: np.ndarray) -> float:
    """The threshold with the best F1 (float [n] against bool [n]), the nearest to one half among equals."""
    if min(int(true.sum()), int((~true).sum())) < LEAST_TEXTS:
        return HALF
    order = np.sort(np.unique(chances))
    between = (order[1:] + order[:-1]) / 2
    limits = np.append(between[(between >= LOWEST) & (between <= HIGHEST)], HALF)
    limits = limits[np.argsort(np.abs(limits - HALF), kind="stable")]
    descending = np.sort(chances)[::-1]
    said = np.searchsorted(-descending, -limits, side="right")
    hits = np.searchsorted(-np.sort(chances[true])[::-1], -limits, side="right")
    f1 = 2 * hits / np.maximum(1, said + int(true.sum()))
    return round(float(limits[int(np.argmax(f1))]), 6)


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> MultiLabel:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    parts = sequence_model.start(job, rows, source, report, "multi_label_classification")
    if source is None and hasattr(parts.model.config, KEY):
        delattr(parts.model.config, KEY)  # those of another model with other labels
    return MultiLabel(parts, job.recipe.label_smoothing_factor)


def load(folder: Path) -> MultiLabel:
    """A finished model for prediction; label names and thresholds come from its config."""
    return MultiLabel(sequence_model.finished(folder))
