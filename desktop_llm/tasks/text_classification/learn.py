"""How this task learns: text → tokens → batch → encoder with a classification head → loss → answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.nn import functional

from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import sequence_model
from desktop_llm.nets.learner import Report, Row
from desktop_llm.nets.sequence_head import TOP, SequenceHead


class Classifier(SequenceHead):
    """One class of many: cross-entropy, and the likeliest class as the answer."""

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Mean cross-entropy."""
        return functional.cross_entropy(logits, targets, label_smoothing=smoothing)

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """The likeliest classes; uncertainty is one minus the margin between the first two."""
        chances = torch.softmax(outputs, dim=-1)
        best = torch.topk(chances, min(TOP, len(self.classes)), dim=-1)
        answers = []
        for values, places in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            runner_up = values[1] if len(values) > 1 else 0.0
            answers.append(
                Prediction(
                    label=self.classes[places[0]],
                    probability=values[0],
                    uncertainty=min(1.0, max(0.0, 1.0 - (values[0] - runner_up))),
                    top=tuple((self.classes[place], value) for place, value in zip(places, values, strict=True)),
                )
            )
        return answers


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Classifier:
    """A classifier at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    return Classifier(sequence_model.start(job, rows, source, report), job.recipe.label_smoothing_factor)


def load(folder: Path) -> Classifier:
    """A finished classifier for prediction; label names come from its config."""
    return Classifier(sequence_model.finished(folder))
