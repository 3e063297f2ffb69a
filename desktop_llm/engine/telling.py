"""Tells a run's steps: several at once, so that the device is not asked for figures at each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from desktop_llm.engine import recovering
from desktop_llm.engine.gauging import Gauge
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.recovering import NotFiniteError
from desktop_llm.engine.stepper import Stepped
from desktop_llm.jobs.events import StepDone

SAY_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsaid:
    """A step that is not yet told."""

    step: int
    epoch: float
    tokens: int
    at: float
    stepped: Stepped


class Telling:
    """Keeps steps until it is time to tell them."""

    def __init__(self, parts: Parts, on_losses: Callable[[Sequence[tuple[int, float]]], None]) -> None:
        """Nothing to tell yet. `on_losses` hears of steps and their losses after they were told."""
        self._parts, self._on_losses = parts, on_losses
        self._unsaid: list[_Unsaid] = []
        self._said_at = time.monotonic()
        self._gauge = Gauge(parts)

    def begin(self) -> None:
        """The next step follows at once: its seconds count from here."""
        self._gauge.begin()
        self._said_at = time.monotonic()

    def close(self) -> None:
        """No step follows."""
        self._gauge.close()

    def add(self, step: int, lengths: np.ndarray, stepped: Stepped) -> None:
        """Keep what a step did; `lengths` int64 [n] are those of the examples it learned from, in real tokens."""
        epoch, tokens = step / self._parts.plan.steps_per_epoch, int(lengths.sum())
        self._gauge.add(lengths)
        self._unsaid.append(_Unsaid(step=step, epoch=epoch, tokens=tokens, at=time.monotonic(), stepped=stepped))

    @property
    def is_due(self) -> bool:
        """Whether it is time to `say`, some times a second."""
        return time.monotonic() - self._said_at >= SAY_SECONDS

    def say(self) -> None:
        """Tell the steps since the last time; reads their figures from the device in one go.

        Raises NotFiniteError for a loss or a gradient that is no number.
        """
        if not self._unsaid:
            self._said_at = time.monotonic()
            return
        told = [one.stepped for one in self._unsaid]
        figures = torch.stack([torch.stack([one.loss, one.norm.to(one.loss.dtype)]) for one in told]).tolist()
        memory, before = self._parts.device.memory(), self._said_at
        for one, (loss, norm) in zip(self._unsaid, figures, strict=True):
            seconds = max(one.at - before, 1e-6)
            before = one.at
            self._parts.voice.say(
                StepDone(
                    at=time.time(),
                    step=one.step,
                    epoch=one.epoch,
                    loss=loss,
                    learning_rate=one.stepped.rate,
                    grad_norm=norm,
                    tokens_per_second=one.tokens / seconds,
                    memory=memory,
                    seconds=seconds,
                )
            )
        steps = [one.step for one in self._unsaid]
        gauged = self._gauge.read(steps[-1], before - self._said_at)
        if gauged is not None:
            self._parts.voice.say(gauged)
        self._unsaid.clear()
        self._said_at = time.monotonic()
        scaled = self._parts.device.precision == "fp16"
        for step, (loss, norm) in zip(steps, figures, strict=True):
            if not recovering.finite(loss, norm, scaled=scaled):
                raise NotFiniteError(step)
        self._on_losses([(step, loss) for step, (loss, _) in zip(steps, figures, strict=True)])
