"""The gradient of one optimizer step: the batches of a step, in slices, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from desktop_llm.engine import evaluate
from desktop_llm.engine.device import Device
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Batch, Learner


class Gradient:
    """Adds the gradient of a step's batches to the parameters; the mean over all their examples."""

    def __init__(self, learner: Learner, examples: Any, device: Device, *, group_by_length: bool) -> None:
        """`examples` are the encoded training rows; the learner is on its device."""
        self.learner, self._examples, self.device = learner, examples, device
        self.loss: Callable[[Batch], torch.Tensor] = learner.loss
        """How the loss of a batch is computed; a compiled one may take its place."""
        size = sum(parameter.numel() for parameter in learner.model.parameters() if parameter.requires_grad)
        self._overhead = device.slice_overhead(size) if group_by_length else None

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(self._examples)

    @property
    def one_shape(self) -> bool:
        """Whether all full batches have the same shape."""
        lengths = self._examples.lengths
        return len(lengths) > 0 and bool(lengths.min() == lengths.max())

    def add(self, group: Sequence[np.ndarray], scaler: torch.amp.GradScaler | None = None) -> torch.Tensor:
        """Forward and backward over the batches `group` (indices int64 [b] each); the mean loss, on the device."""
        rows = sum(len(batch) for batch in group)
        total = torch.zeros((), device=self.device.torch)
        for batch in group:
            for indices in self.slices(batch):
                chosen = self.learner.collate(self._examples, indices.tolist())
                with self.device.autocast():
                    loss = self.loss(evaluate.to_device(chosen, self.device.torch)) * (len(indices) / rows)
                (scaler.scale(loss) if scaler else loss).backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return total

    def slices(self, batch: np.ndarray) -> list[np.ndarray]:
        """What of a batch is computed at once: all of it, or slices of similar length."""
        if self._overhead is None:
            return [batch]
        return buckets.slices(batch, self._examples.lengths, self._overhead)
