"""Measures a learner on encoded rows: predictions, the task's figures, the mean loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from desktop_llm.engine.device import Device
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Batch, Deciding, Learner, Outputs, Row, Sparing
from desktop_llm.tasks.task import Score, Scores

MOST_ROWS = 2000


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


Part = tuple[np.ndarray, Outputs]
"""The outputs of some rows, with their places."""


def outputs_of(spread: Spread, split: Split, device: Device, batch_size: int, on_batch: Callable[[], None]) -> Outputs:
    """Outputs of all rows in their order, float32 on the CPU. `on_batch` is called after every batch.

    Of several processes each computes its share, and the first gets all of it; what the others get is nothing.
    """
    batches = buckets.evaluation_batches(split.examples.lengths, batch_size * spread.ranks.world)
    return outputs_in(spread, split, device, batches, on_batch)


def outputs_in(
    spread: Spread, split: Split, device: Device, batches: Sequence[np.ndarray], on_batch: Callable[[], None]
) -> Outputs:
    """The same in the `batches` that are given: indices of rows, int64 [b] each, every row once."""
    learner, ranks = spread.learner, spread.ranks
    was_training = learner.model.training
    if was_training:  # else nothing is to be changed: other threads may be asking, too
        learner.model.eval()
    parts: list[Part] = []
    try:
        for places in batches:
            share = ranks.share(places)
            # as in training all processes compute equally often
            some = share if len(share) else places[:1]
            batch = to_device(learner.collate(split.examples, some.tolist()), device.torch)
            with torch.inference_mode(), device.autocast():
                part = spread.compute(learner.outputs, batch)
            if len(share):
                parts.append((share, part))
            on_batch()
    finally:
        spread.rest()
        if was_training:
            learner.model.train()
    return _in_order([part for told in ranks.gathered(parts) for part in told], len(split.examples))


def _in_order(parts: Sequence[Part], count: int) -> Outputs:
    """The outputs of `count` rows, from those of some rows each."""
    results: torch.Tensor | None = None
    listed: dict[int, torch.Tensor] = {}
    for places, part in parts:
        if isinstance(part, list):
            listed.update(zip(places.tolist(), part, strict=True))
            continue
        if results is None:
            results = torch.empty((count, *part.shape[1:]), dtype=part.dtype)
        results[torch.from_numpy(places)] = part
    if listed:
        return [listed[place] for place in range(count)]
    return torch.empty((0, 1)) if results is None else results


def difference(ours: Outputs, theirs: Outputs) -> float:
    """The largest difference between outputs for the same rows."""
    if isinstance(ours, torch.Tensor) and isinstance(theirs, torch.Tensor):
        return float(torch.max(torch.abs(ours - theirs)))
    return max((difference(one, other) for one, other in zip(ours, theirs, strict=True) if len(one)), default=0.0)


def measure(
    spread: Spread,
    split: Split,
    device: Device,
    batch_size: int,
    classes: Sequence[str],
    score: Score,
    on_batch: Callable[[], None],
    *,
    decide: bool = False,
) -> tuple[Scores, list[Prediction]]:
    """Figures (with the mean `loss`) and predictions of a split whose rows all have a label, or all need none.

    `decide`: the learner is still learning; it may choose by them first, as far as it has something to choose, and
    spare itself what takes long. Of several processes the first measures, and the others get nothing.
    """
    if isinstance(spread.learner, Sparing):
        spread.learner.sparing = decide
    outputs = outputs_of(spread, split, device, batch_size, on_batch)
    learner = spread.whole
    if not spread.ranks.first:
        return Scores(metrics={}), []
    if decide and isinstance(learner, Deciding):
        learner.decide(outputs, split.examples)
    return judged(learner, split, outputs, classes, score)


def judged(
    learner: Learner, split: Split, outputs: Outputs, classes: Sequence[str], score: Score
) -> tuple[Scores, list[Prediction]]:
    """What outputs for the rows of a split come to, as `measure` has it."""
    predictions = learner.predictions(outputs) if len(split) else []
    # a row without a label is itself all that there is to foretell
    truth = [row if row.get("label") is None else row["label"] for row in split.rows]
    scores = score(truth, predictions, classes)
    loss = learner.mean_loss(outputs, split.examples) if len(split) else math.nan
    metrics = dict(scores.metrics) if len(split) else {}
    if not math.isnan(loss):  # where nothing can be measured there is no figure
        metrics["loss"] = loss
    return Scores(metrics=metrics, details=_with_rows(scores, split.rows)), predictions


def _with_rows(scores: Scores, rows: Sequence[Row]) -> Mapping[str, Any]:
    """The details with the rows that the result view can open; of very many, the first."""
    if not scores.places:
        return scores.details
    told = {
        key: [rows[place]["id"] for place in places[:MOST_ROWS] if "id" in rows[place]]
        for key, places in scores.places.items()
    }
    return {**scores.details, "rows": told}
