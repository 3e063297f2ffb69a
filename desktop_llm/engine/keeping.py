"""What a run keeps while it goes on: checkpoints when they are due, and the best model so far."""

from __future__ import annotations

import time
from pathlib import Path

from safetensors import SafetensorError

from desktop_llm.engine import checkpoint
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.plan import AUTOMATIC_SAVE_SECONDS
from desktop_llm.engine.stepper import Stepper
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.events import Saved

SAVE_SHARE = 20.0


class Keeping:
    """Writes into the run's folder of checkpoints."""

    def __init__(self, parts: Parts, stepper: Stepper) -> None:
        """Nothing is written yet."""
        self._parts, self._stepper = parts, stepper
        self._saved_at = time.monotonic()
        self._took = 0.0

    def begin(self) -> None:
        """The first step follows: the time to the next checkpoint counts from here."""
        self._saved_at = time.monotonic()

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is to be written after `step`."""
        if self._parts.plan.save_steps:
            return step % self._parts.plan.save_steps == 0
        return time.monotonic() - self._saved_at >= max(AUTOMATIC_SAVE_SECONDS, SAVE_SHARE * self._took)

    def save(self, progress: Progress) -> None:
        """Write a checkpoint; a disk that refuses is told, and the run goes on with the one before."""
        began, folder = time.monotonic(), self._parts.checkpoints
        try:
            path = checkpoint.save(folder, self._parts.learner, self._stepper.states(), progress)
        except (OSError, SafetensorError) as error:
            kept = checkpoint.steps(folder)
            before = f"the checkpoint at step {int(kept[0].name[5:]):,} is kept" if kept else "there is none before it"
            told = _disk_sentence(error, folder)
            self._parts.voice.note(f"No checkpoint at step {progress.step:,} ({before}): {told}", "warning")
        else:
            self._took = time.monotonic() - began
            size = sum(file.stat().st_size for file in path.iterdir())
            self._parts.voice.say(
                Saved(at=time.time(), step=progress.step, path=path.name, bytes=size, seconds=self._took)
            )
        self._saved_at = time.monotonic()

    def best(self, step: int) -> None:
        """Keep the model of `step` as the best so far, where the recipe wants it. Raises UserError."""
        if not self._parts.job.recipe.load_best_model_at_end:
            return
        try:
            checkpoint.save_best(self._parts.checkpoints, self._parts.learner)
        except (OSError, SafetensorError) as error:
            told = _disk_sentence(error, self._parts.checkpoints)
            raise UserError(f"The best model could not be kept at step {step:,}. {told}") from error


def _disk_sentence(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return from_os_error(error, "write the checkpoint to", path).message
    return f"Could not write the checkpoint to “{path}”: {str(error).rstrip('.')}; check the disk's free space."
