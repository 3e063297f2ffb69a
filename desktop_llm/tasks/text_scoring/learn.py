"""How this task learns: text → tokens → batch → encoder with a head of one output a level → loss → answer.

The loss is cross-entropy plus the squared earth mover's distance between the softmax and the true level (Hou, Yu and
Samaras 2016, "Squared Earth Mover's Distance-based Loss for Training Deep Neural Networks", arXiv:1611.05916): an
answer two levels off costs more than one that is next to it. The model stays a plain sequence classifier that everybody
loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.nn import functional

from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import sequence_model
from desktop_llm.nets.learner import Report, Row
from desktop_llm.nets.likeliest import TOP
from desktop_llm.nets.sequence_head import SequenceHead


class Scorer(SequenceHead):
    """One level of a scale: `classes` are its names from the lowest on."""

    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Mean cross-entropy plus the mean squared earth mover's distance, summed over the steps of the scale."""
        likely = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        reached = torch.softmax(logits, dim=-1).cumsum(dim=-1)[:, :-1]
        steps = torch.arange(logits.shape[-1] - 1, device=logits.device)
        wanted = (steps >= targets[:, None]).to(reached.dtype)
        return likely + (reached - wanted).square().sum(dim=-1).mean()

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """The likeliest level, as whoever loads the exported model gets it.

        Uncertainty is the standard deviation of the level, as a share of the one where every level is as likely.
        """
        chances = torch.softmax(outputs.double(), dim=-1)
        levels = torch.arange(len(self.classes), dtype=chances.dtype)
        mean = (chances * levels).sum(dim=-1, keepdim=True)
        spread = (chances * (levels - mean).square()).sum(dim=-1).sqrt()
        even = levels.std(correction=0) if len(self.classes) > 1 else torch.ones(())
        unsure = (spread / even).clamp(0, 1).tolist()
        best = torch.topk(chances, min(TOP, len(self.classes)), dim=-1)
        rows = zip(best.values.tolist(), best.indices.tolist(), unsure, strict=True)
        return [
            Prediction(
                label=self.classes[places[0]],
                probability=values[0],
                uncertainty=uncertainty,
                top=tuple((self.classes[place], value) for place, value in zip(places, values, strict=True)),
            )
            for values, places, uncertainty in rows
        ]


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Scorer:
    """A learner at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    return Scorer(sequence_model.start(job, rows, source, report), job.recipe.label_smoothing_factor)


def load(folder: Path) -> Scorer:
    """A finished model for prediction; the levels' names come from its config."""
    return Scorer(sequence_model.finished(folder))
