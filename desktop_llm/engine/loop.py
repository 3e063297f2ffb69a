"""The training loop: batches to steps, measured and saved as planned, obeying pause, stop and leave at every step.

What a step computes depends only on the job and the step's number, never on time, pauses or saves: so a run that
was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError

from desktop_llm.engine import checkpoint, compiling, evaluate, optim
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.device import Device
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.plan import AUTOMATIC_SAVE_SECONDS, Plan
from desktop_llm.engine.progress import Voice
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Continued, Evaluated, Paused, Saved, StepDone
from desktop_llm.jobs.job import Job
from desktop_llm.nets import buckets
from desktop_llm.nets.learner import Learner
from desktop_llm.tasks.task import Score

Outcome = Literal["completed", "early_stopped", "stopped", "left"]
SAY_SECONDS = 0.2
SAVE_SHARE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a loop works with."""

    job: Job
    learner: Learner
    train: Split
    validation: Split
    device: Device
    plan: Plan
    score: Score
    classes: tuple[str, ...]
    voice: Voice
    control: Control
    checkpoints: Path


@dataclass(slots=True)
class _Said:
    """A step that is not yet told: its tensors stay on the device until several are read at once."""

    step: int
    epoch: float
    rate: float
    tokens: int
    at: float
    loss: torch.Tensor
    norm: torch.Tensor


class Loop:
    """One run's steps, from `progress` to the end."""

    def __init__(self, parts: Parts, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None) -> None:
        """The learner is on its device; `progress` is set by the caller after a restore."""
        self.parts, self.optimizer, self.scaler = parts, optimizer, scaler
        self.progress = Progress(precision=parts.device.precision)
        self._parameters = [parameter for _, parameter in optim.trainable(parts.learner.model)]
        self._gradient = Gradient(
            parts.learner,
            parts.train.examples,
            parts.device,
            group_by_length=parts.job.recipe.group_by_length,
        )
        self._unsaid: list[_Said] = []
        self._said_at = time.monotonic()
        self._saved_at = time.monotonic()
        self._save_took = 0.0

    def settle(self) -> None:
        """Decide how steps are computed, compiled or not, before the first of them."""
        self.parts.learner.model.train()
        progress, parts = self.progress, self.parts
        left = parts.plan.total_steps - progress.step
        if left > 0:
            mode = compiling.settle(self._gradient, parts.job.recipe, steps=left, mode=progress.mode, voice=parts.voice)
            self.progress = replace(progress, mode=mode)

    def run(self) -> Outcome:
        """Step until the plan, the patience or the person ends it. Raises UserError for a loss that is no number."""
        self.parts.learner.model.train()
        self._saved_at = self._said_at = time.monotonic()
        if self.progress.step == 0:
            self.save()
        while self.progress.step < self.parts.plan.total_steps:
            for group in self._groups():
                began = time.monotonic()
                self._step(group)
                self.progress = replace(self.progress, seconds=self.progress.seconds + time.monotonic() - began)
                outcome = self._after_step()
                if outcome is not None:
                    self._say()
                    return outcome
            self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
        self._say()
        return "completed"

    def save(self) -> None:
        """Write a checkpoint; a disk that refuses is told, and the run goes on with the one before."""
        began, progress = time.monotonic(), self.progress
        self._say()
        try:
            path = checkpoint.save(
                self.parts.checkpoints, self.parts.learner, self.optimizer, self.scaler, self.progress
            )
        except (OSError, SafetensorError) as error:
            kept = checkpoint.steps(self.parts.checkpoints)
            told = _disk_sentence(error, self.parts.checkpoints)
            before = f"the checkpoint at step {int(kept[0].name[5:]):,} is kept" if kept else "there is none before it"
            self.parts.voice.note(f"No checkpoint at step {progress.step:,} ({before}): {told}", "warning")
        else:
            self._save_took = time.monotonic() - began
            size = sum(file.stat().st_size for file in path.iterdir())
            self.parts.voice.say(
                Saved(at=time.time(), step=progress.step, path=path.name, bytes=size, seconds=self._save_took)
            )
        self._saved_at = time.monotonic()

    def _groups(self) -> Iterator[list[np.ndarray]]:
        """The batches of each step left in this epoch."""
        recipe = self.parts.job.recipe
        batches = buckets.training_batches(
            len(self.parts.train.examples),
            recipe.per_device_train_batch_size,
            seed=recipe.seed,
            epoch=self.progress.epoch,
            strata=self.parts.train.examples.strata,
        )
        for start in range(self.progress.batch, len(batches), recipe.gradient_accumulation_steps):
            yield batches[start : start + recipe.gradient_accumulation_steps]

    def _step(self, group: list[np.ndarray]) -> None:
        recipe, plan = self.parts.job.recipe, self.parts.plan
        step = self.progress.step + 1
        rate = optim.rate(recipe, step, plan.total_steps)
        optim.set_rate(self.optimizer, rate)
        total = self._gradient.add(group, self.scaler)
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        limit = recipe.max_grad_norm if recipe.max_grad_norm > 0 else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, limit, foreach=True)
        if self.scaler:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress = replace(self.progress, step=step, batch=self.progress.batch + len(group))
        lengths = self.parts.train.examples.lengths
        self._unsaid.append(
            _Said(
                step=step,
                epoch=step / plan.steps_per_epoch,
                rate=rate,
                tokens=int(sum(lengths[batch].sum() for batch in group)),
                at=time.monotonic(),
                loss=total,
                norm=norm.detach(),
            )
        )

    def _after_step(self) -> Outcome | None:
        plan, step = self.parts.plan, self.progress.step
        self.parts.voice.beat()
        if time.monotonic() - self._said_at >= SAY_SECONDS:
            self._say()
        if (step % plan.eval_steps == 0 or step == plan.total_steps) and len(self.parts.validation):
            self._evaluate()
            patience = self.parts.job.recipe.early_stopping_patience
            if patience and self.progress.waited >= patience and step < plan.total_steps:
                return "early_stopped"
        if self._save_is_due():
            self.save()
        # The last step may lie in the middle of an epoch.
        return self._obey() or ("completed" if step >= plan.total_steps else None)

    def _save_is_due(self) -> bool:
        if self.parts.plan.save_steps:
            return self.progress.step % self.parts.plan.save_steps == 0
        pause = max(AUTOMATIC_SAVE_SECONDS, SAVE_SHARE * self._save_took)
        return time.monotonic() - self._saved_at >= pause

    def _obey(self) -> Outcome | None:
        wish = self.parts.control.wish
        if wish == "pause":
            self.save()
            self.parts.voice.say(Paused(at=time.time(), step=self.progress.step))
            while wish == "pause":
                wish = self.parts.control.wait_while_paused(1.0)
                self.parts.voice.beat()
            self._said_at = time.monotonic()
            if wish == "run":
                self.parts.voice.say(Continued(at=time.time(), step=self.progress.step))
        if wish == "leave":
            self.save()
            return "left"
        return "stopped" if wish == "stop" else None

    def _evaluate(self) -> None:
        self._say()
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
            self._keep_best()
            self.progress = replace(self.progress, best=value, best_step=self.progress.step, waited=0)
        else:
            self.progress = replace(self.progress, waited=self.progress.waited + 1)
        parts.voice.say(
            Evaluated(at=time.time(), step=self.progress.step, split="validation", metrics=scores.metrics, best=better)
        )
        self._said_at = time.monotonic()

    def _keep_best(self) -> None:
        if not self.parts.job.recipe.load_best_model_at_end:
            return
        try:
            checkpoint.save_best(self.parts.checkpoints, self.parts.learner)
        except (OSError, SafetensorError) as error:
            told = _disk_sentence(error, self.parts.checkpoints)
            raise UserError(f"The best model could not be kept at step {self.progress.step:,}. {told}") from error

    def _say(self) -> None:
        """Tell the steps since the last time; reads their figures from the device in one go."""
        if not self._unsaid:
            self._said_at = time.monotonic()
            return
        figures = torch.stack([torch.stack([one.loss, one.norm.to(one.loss.dtype)]) for one in self._unsaid]).tolist()
        memory, before = self.parts.device.memory(), self._said_at
        for one, (loss, norm) in zip(self._unsaid, figures, strict=True):
            seconds = max(one.at - before, 1e-6)
            before = one.at
            self.parts.voice.say(
                StepDone(
                    at=time.time(),
                    step=one.step,
                    epoch=one.epoch,
                    loss=loss,
                    learning_rate=one.rate,
                    grad_norm=norm,
                    tokens_per_second=one.tokens / seconds,
                    memory=memory,
                    seconds=seconds,
                )
            )
        self._unsaid.clear()
        self._said_at = time.monotonic()
        lost = next((place for place, (loss, _) in enumerate(figures) if not math.isfinite(loss)), None)
        if lost is not None:
            raise UserError(
                f"The loss is no longer a number near step {self.progress.step:,}: the learning rate is too high "
                "for this model. Start again with a third of it; the last checkpoint is kept."
            )


def _disk_sentence(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return from_os_error(error, "write the checkpoint to", path).message
    return f"Could not write the checkpoint to “{path}”: {str(error).rstrip('.')}; check the disk's free space."
