"""A moving average of the weights (Polyak & Juditsky 1992), kept beside the model in float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from desktop_llm.engine import shards

PREFIX = "average/"


class Average:
    """The average of the parameters that learn: after each step, a little of it gives way to the weights."""

    def __init__(self, named: Sequence[tuple[str, nn.Parameter]], decay: float) -> None:
        """Begins with the weights as they are."""
        self._names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._kept = [weight.to(torch.float32, copy=True) for weight in self._weights()]
        self._decay = decay

    @torch.no_grad()
    def add(self, step: int) -> None:
        """Take in the weights after `step` (from 1).

        The first steps count more, or the average of a short run would be that of its beginning: the decay is at most
        (1 + step) / (10 + step), as TensorFlow's ExponentialMovingAverage has it.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        weights = [weight.to(torch.float32) for weight in self._weights()]
        torch._foreach_lerp_(self._kept, weights, 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with the average as its weights; afterwards it has its own again, to the bit."""
        own = [weight.clone() for weight in self._weights()]
        self.put()
        try:
            yield
        finally:
            torch._foreach_copy_(self._weights(), own)

    def put(self) -> None:
        """Give the model the average as its weights for good."""
        torch._foreach_copy_(self._weights(), self._kept)

    def states(self) -> dict[str, torch.Tensor]:
        """The average by names that begin with PREFIX; the tensors themselves, not copies."""
        every = zip(self._names, self._parameters, self._kept, strict=True)
        return {PREFIX + name: shards.like(parameter.detach(), kept) for name, parameter, kept in every}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `states` told; what it did not tell begins with the weights as they are."""
        for name, kept, parameter in zip(self._names, self._kept, self._parameters, strict=True):
            weight = parameter.detach()
            kept.copy_(shards.local(shards.part_of(weight, tensors.get(PREFIX + name, weight))))

    def move(self, to: torch.device) -> None:
        """Bring the average to a device."""
        self._kept = [kept.to(to) for kept in self._kept]

    def _weights(self) -> list[torch.Tensor]:
        # asked each time: a model that moves to another device has new ones
        return [shards.local(parameter.detach()) for parameter in self._parameters]
