"""One optimizer step: the gradient of its batches, clipped, and what the optimizer makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from desktop_llm.engine import schedules, shards
from desktop_llm.engine.average import Average
from desktop_llm.engine.device import Device, memory_sentences
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.optimizers import Optimizers, States, trainable
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets.learner import Examples, Learner


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step did. `loss` and `norm` (of the gradient, before clipping) stay on the device until they are read."""

    rate: float
    loss: torch.Tensor
    norm: torch.Tensor


class Stepper:
    """Owns what changes the weights: the gradient, the optimizer, the loss scaler of fp16, the average of weights."""

    def __init__(
        self,
        learner: Learner,
        examples: Examples,
        recipe: Recipe,
        device: Device,
        total_steps: int,
        spread: Spread | None = None,
    ) -> None:
        """`examples` are the encoded training rows; the learner is on its device, spread over processes or alone.

        `total_steps` is the plan's. Raises UserError for an optimizer that is not there.
        """
        self._learner, self._recipe, self._total = learner, recipe, total_steps
        self._device, self._spread = device, spread or Spread(learner)
        self._gradient = Gradient(
            learner, examples, device, group_by_length=recipe.group_by_length, spread=self._spread
        )
        # what is computed twice is not recorded, nor what is scaled by figures that are read at each step
        self._gradient.replays = (
            device.torch.type == "cuda"
            and device.precision != "fp16"
            and not recipe.gradient_checkpointing
            and not recipe.load_in_4bit
        )
        self._optimizers = Optimizers(learner.model, recipe)
        self._scaler = torch.amp.GradScaler("cuda") if device.precision == "fp16" else None
        self._average = Average(trainable(learner.model), recipe.ema_decay) if recipe.ema_decay else None
        self.rate_factor = 1.0
        """By which the plan's learning rate is multiplied."""
        self.on_halved: Callable[[int], None] | None = None
        """Told the token places at once from then on, where memory ran out; None: a full memory is raised."""

    @property
    def gradient(self) -> Gradient:
        """What makes the gradient of a step."""
        return self._gradient

    def step(self, group: Sequence[np.ndarray], number: int) -> Stepped:
        """Optimizer step `number` (from 1) on the batches `group` (indices int64 [b] each)."""
        rate = schedules.rate(self._recipe, number, self._total) * self.rate_factor
        self._optimizers.set_rate(rate)
        self._spread.ranks.seed(self._recipe.seed, number)
        # of a model that lies in parts none computes alone, and so cannot try again alone
        if self.on_halved is None or self._spread.sharded:
            loss = self._gradient.add(group, self._scaler)
        else:
            loss = self._gradient.add_frugally(group, self._scaler, self.on_halved)
        loss = self._gradient.reduce(loss)
        if self._scaler:
            self._optimizers.unscale(self._scaler)
        limit = self._recipe.max_grad_norm if self._recipe.max_grad_norm > 0 else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._optimizers.parameters, limit, foreach=True)
        self._optimizers.step(self._scaler)
        if self._average:
            self._average.add(number)
        return Stepped(rate, loss, shards.whole(norm.detach()))

    def averaged(self) -> AbstractContextManager[None]:
        """The model as it is measured and kept: with the average as its weights, where there is one."""
        return self._average.in_place() if self._average else nullcontext()

    def put_average(self) -> None:
        """The last step is done: the model has the average as its weights for good, where there is one."""
        if self._average:
            self._average.put()

    def states(self) -> States:
        """What an exact resume needs beside the weights; of several processes the first gets it."""
        told = self._optimizers.states()
        average = self._average.states() if self._average else {}
        scaler = {"scaler": self._scaler.state_dict()} if self._scaler else {}
        return self._spread.states(States({**told.tensors, **average}, {**told.figures, **scaler}))

    def restore(self, states: States) -> None:
        """Take over what `states` told, once the weights are in place; nothing of before is left."""
        self._optimizers.restore(states)
        if self._average:
            self._average.restore(states.tensors)
        if self._scaler is not None and "scaler" in states.figures:
            self._scaler.load_state_dict(states.figures["scaler"])

    def release(self) -> int:
        """Move the model and what the optimizer remembers out of a GPU's memory; how many bytes it got back."""
        if self._spread.sharded:  # what lies in parts stays where it is
            return 0
        before = self._device.reserved()
        self._gradient.forget()
        self._move(torch.device("cpu"))
        return before - self._device.give_back()

    def take_back(self) -> None:
        """Undo `release`: all is on the device again, as it was. Raises UserError where its memory is taken."""
        if not self._spread.sharded:
            with memory_sentences():
                self._move(self._device.torch)

    def _move(self, to: torch.device) -> None:
        self._learner.model.to(to)
        self._optimizers.move(to)
        if self._average:
            self._average.move(to)
