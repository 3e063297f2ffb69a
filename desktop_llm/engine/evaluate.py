"""Measures a learner on encoded rows: predictions, the task's figures, the mean loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from desktop_llm.engine.device import Device
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Batch, Deciding, Learner, Row
from desktop_llm.tasks.task import Score, Scores


@dataclass(frozen=True, slots=True)
class Split:
    """The rows of a split and their encoded form, in the same order."""

    rows: Sequence[Row]
    examples: Any

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """A batch on the device; from pinned memory where that lets the copy run beside the computation."""
    if device.type == "cpu":
        return batch
    pinned = device.type == "cuda"
    return {
        name: (value.pin_memory() if pinned else value).to(device, non_blocking=True) for name, value in batch.items()
    }


def outputs_of(
    learner: Learner, split: Split, device: Device, batch_size: int, on_batch: Callable[[], None]
) -> torch.Tensor:
    """Outputs of all rows in their order, float32 on the CPU. `on_batch` is called after every batch."""
    was_training = learner.model.training
    learner.model.eval()
    results: torch.Tensor | None = None
    try:
        for places in buckets.evaluation_batches(split.examples.lengths, batch_size):
            batch = to_device(learner.collate(split.examples, places.tolist()), device.torch)
            with torch.inference_mode(), device.autocast():
                part = learner.outputs(batch)
            if results is None:
                results = torch.empty((len(split), *part.shape[1:]), dtype=part.dtype)
            results[torch.from_numpy(places)] = part
            on_batch()
    finally:
        learner.model.train(was_training)
    return torch.empty((0, 1)) if results is None else results


def measure(
    learner: Learner,
    split: Split,
    device: Device,
    batch_size: int,
    classes: Sequence[str],
    score: Score,
    on_batch: Callable[[], None],
    *,
    decide: bool = False,
) -> tuple[Scores, list[Prediction]]:
    """Figures (with the mean `loss`) and predictions of a split whose rows all have a label.

    `decide`: the learner may choose by them first, as far as it has something to choose.
    """
    outputs = outputs_of(learner, split, device, batch_size, on_batch)
    if decide and isinstance(learner, Deciding):
        learner.decide(outputs, split.examples)
    predictions = learner.predictions(outputs) if len(split) else []
    scores = score([row["label"] for row in split.rows], predictions, classes)
    metrics = {**scores.metrics, "loss": learner.mean_loss(outputs, split.examples)} if len(split) else {}
    return Scores(metrics=metrics, details=scores.details), predictions
