"""How this task learns: text → tokens → batch → encoder with a classification head → loss → answer.

Where a language model is to be asked by a prompt, see `nets.prompt_classes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.nn import functional

from desktop_llm.jobs import formats
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe_prompt import BY_PROMPT
from desktop_llm.nets import model_folder, prompt_classes, sequence_model
from desktop_llm.nets.learner import Learner, Report, Row
from desktop_llm.nets.likeliest import likeliest
from desktop_llm.nets.sequence_head import SequenceHead


class Classifier(SequenceHead):
    """One class of many: cross-entropy, and the likeliest class as the answer."""

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Mean cross-entropy."""
        return functional.cross_entropy(logits, targets, label_smoothing=smoothing)

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """The likeliest classes."""
        return likeliest(outputs, self.classes)


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Learner:
    """A classifier at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    if job.recipe.task_type == BY_PROMPT:
        return prompt_classes.build(job, source, report)
    return Classifier(sequence_model.start(job, rows, source, report), job.recipe.label_smoothing_factor)


def load(folder: Path) -> Learner:
    """A finished classifier for prediction; label names come from its config."""
    if formats.goes_on(model_folder.told(folder)):
        return prompt_classes.load(folder)
    return Classifier(sequence_model.finished(folder))
