"""The training loop: batches to steps, measured and saved as planned, obeying pause, stop and leave at every step.

What a step computes depends only on the job and the step's number, never on time, pauses or saves: so a run that
was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from desktop_llm.engine import evaluate
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.keeping import Keeping
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.stepper import Stepper
from desktop_llm.engine.telling import Telling
from desktop_llm.jobs.control import Wish
from desktop_llm.jobs.events import Continued, Evaluated, Paused
from desktop_llm.nets import buckets

Outcome = Literal["completed", "early_stopped", "stopped", "left"]


class Loop:
    """One run's steps, from `progress` to the end."""

    def __init__(self, parts: Parts, stepper: Stepper) -> None:
        """The learner is on its device; `progress` is set by the caller after a restore."""
        self.parts, self._stepper = parts, stepper
        self.progress = Progress(precision=parts.device.precision)
        self._keeping = Keeping(parts, stepper)
        self._telling = Telling(parts)

    def run(self) -> Outcome:
        """Step until the plan, the patience or the person ends it; what is to be kept is on the disk then.

        Raises UserError for a loss that is no number.
        """
        try:
            outcome = self._run()
            self._save_now()
        finally:
            self._keeping.close()
        return outcome

    def _run(self) -> Outcome:
        self.parts.learner.model.train()
        self._telling.begin()
        self._keeping.begin(self.progress.step or None)
        if self.progress.step == 0:
            self.save()
        while self.progress.step < self.parts.plan.total_steps:
            for group in self._groups():
                began = time.monotonic()
                self._step(group)
                self.progress = replace(self.progress, seconds=self.progress.seconds + time.monotonic() - began)
                outcome = self._after_step()
                if outcome is not None:
                    return outcome
            self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
        return "completed"

    def save(self) -> None:
        """Take a checkpoint of where the run stands; a disk that refuses is told."""
        self._telling.say()
        self._keeping.save(self.progress)

    def settle(self) -> None:
        """Give the model the weights that are kept where none was the best."""
        self._stepper.settle()

    def _save_now(self) -> None:
        self._telling.say()
        self._keeping.save_now(self.progress)

    def _groups(self) -> Iterator[list[np.ndarray]]:
        """The batches of each step left in this epoch."""
        recipe = self.parts.job.recipe
        batches = buckets.training_batches(
            len(self.parts.train),
            recipe.per_device_train_batch_size,
            seed=recipe.seed,
            epoch=self.progress.epoch,
            strata=self.parts.train.examples.strata,
        )
        for start in range(self.progress.batch, len(batches), recipe.gradient_accumulation_steps):
            yield batches[start : start + recipe.gradient_accumulation_steps]

    def _step(self, group: list[np.ndarray]) -> None:
        step = self.progress.step + 1
        stepped = self._stepper.step(group, step)
        self.progress = replace(self.progress, step=step, batch=self.progress.batch + len(group))
        lengths = self.parts.train.examples.lengths
        self._telling.add(step, int(sum(lengths[batch].sum() for batch in group)), stepped)

    def _after_step(self) -> Outcome | None:
        plan, step = self.parts.plan, self.progress.step
        self.parts.voice.beat()
        self._telling.say_if_due()
        self._keeping.collect()
        if (step % plan.eval_steps == 0 or step == plan.total_steps) and len(self.parts.validation):
            with self._stepper.averaged():
                self._evaluate()
            patience = self.parts.job.recipe.early_stopping_patience
            if patience and self.progress.waited >= patience and step < plan.total_steps:
                return "early_stopped"
        if self._keeping.is_due(step):
            self.save()
        # The last step may lie in the middle of an epoch.
        return self._obey() or ("completed" if step >= plan.total_steps else None)

    def _obey(self) -> Outcome | None:
        wish = self.parts.control.wish
        if wish == "pause":
            wish = self._pause()
        if wish == "leave":
            return "left"
        # a run that repeats one which a person stopped ends where that one did
        return "stopped" if wish == "stop" or self.progress.step == self.parts.job.again.get("stopped_at") else None

    def _pause(self) -> Wish:
        """Hold, with nothing left in the memory of a GPU, until the person wants something else."""
        self._save_now()
        freed = self._stepper.release()
        self.parts.voice.say(Paused(at=time.time(), step=self.progress.step, freed=freed))
        wish = self.parts.control.wish
        while wish == "pause":
            wish = self.parts.control.wait_while_paused(1.0)
            self.parts.voice.beat()
        if wish != "leave":
            self._stepper.take_back()
        self._telling.begin()
        if wish == "run":
            self.parts.voice.say(Continued(at=time.time(), step=self.progress.step))
        return wish

    def _evaluate(self) -> None:
        self._telling.say()
        parts, plan = self.parts, self.parts.plan
        scores, _ = evaluate.measure(
            parts.learner,
            parts.validation,
            parts.device,
            parts.job.recipe.per_device_eval_batch_size,
            parts.classes,
            parts.score,
            parts.voice.beat,
            decide=True,
        )
        value = scores.metrics.get(plan.metric, math.nan)
        best = self.progress.best
        better = best is None or (value > best if plan.higher_is_better else value < best)
        if better:
            self._keeping.best(self.progress.step)
            self.progress = replace(self.progress, best=value, best_step=self.progress.step, waited=0)
        else:
            self.progress = replace(self.progress, waited=self.progress.waited + 1)
        parts.voice.say(
            Evaluated(at=time.time(), step=self.progress.step, split="validation", metrics=scores.metrics, best=better)
        )
        self._telling.begin()
