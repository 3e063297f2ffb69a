"""The steps of a learning-rate range test: real steps on real batches of a model that is thrown away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from desktop_llm.engine import device as devices
from desktop_llm.engine.trial import Trial
from desktop_llm.jobs import rate_curve
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.rate_curve import RateCurve

LOW, HIGH = 1e-7, 1.0
STEPS = 100
WORSE_TIMES = 3.0
"""A mean loss so many times the best one has left all rates behind that are of use."""
LEAST_STEPS = 20


def find(
    folder: Path,
    report: Callable[[float, str], None] = lambda fraction, words: None,
    *,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
) -> RateCurve:
    """Step with a rate that grows from `low` to `high`, on the run that is frozen in `folder`. Raises UserError.

    The recipe there has a constant rate of 1, so that a factor is the rate.
    """
    run_folder = RunFolder(folder)
    devices.settle_thread(run_folder.job().recipe.num_processes)
    with devices.memory_sentences():
        trial = Trial(run_folder, time.perf_counter, lambda doing, done, total: report(0.0, doing))
        trial.learner.model.train()
        rates: list[float] = []
        losses: list[float] = []
        for number, group in enumerate(islice(cycle(trial.groups), steps), 1):
            rate = low * (high / low) ** ((number - 1) / max(1, steps - 1))
            trial.stepper.rate_factor = rate
            loss = float(trial.stepper.step(group, number).loss)
            if not math.isfinite(loss):
                break
            rates.append(rate)
            losses.append(loss)
            smooth = rate_curve.smoothed(losses)
            report(number / steps, f"{number:,} / {steps:,}")
            if number > LEAST_STEPS and smooth[-1] > WORSE_TIMES * max(min(smooth), 1e-9):
                break
        return rate_curve.of(rates, losses)
