"""What a run keeps while it goes on: checkpoints when they are due, and the best model so far.

The loop waits only while weights and states are copied; a thread of its own writes them to the disk, one after the
other. A checkpoint that time makes due while another is being written is taken once that is done. One that the recipe
wants at a certain step is taken there, and the loop waits for the one before. Pause, leave and the end wait until all
is on the disk.
"""

from __future__ import annotations

import time
from pathlib import Path

from safetensors import SafetensorError

from desktop_llm.engine import checkpoint, retention
from desktop_llm.engine.checkpoint import Moment, Progress
from desktop_llm.engine.host_copy import HostCopy, InPlace
from desktop_llm.engine.optimizers import States
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.plan import AUTOMATIC_SAVE_SECONDS
from desktop_llm.engine.stepper import Stepper
from desktop_llm.engine.writer import Writer
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.events import Saved

SAVE_SHARE = 20.0
"""Where checkpoints are taken by time, the disk is busy with them for a twentieth of it at most."""


class Keeping:
    """Writes into the run's folder of checkpoints."""

    def __init__(self, parts: Parts, stepper: Stepper) -> None:
        """Nothing is written yet."""
        self._parts, self._stepper = parts, stepper
        self._rule = retention.of(parts.job.recipe)
        self._copies, self._writer = HostCopy(), Writer()
        self._saved_at = time.monotonic()
        self._took = 0.0
        self._whole: int | None = None
        """The step of the last checkpoint that is on the disk."""

    def begin(self, whole: int | None) -> None:
        """A step follows, the first or that after the checkpoint `whole`: the time to the next counts from here."""
        self._saved_at, self._whole = time.monotonic(), whole

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is to be taken after `step`."""
        if self._parts.plan.save_steps or self._rule.is_marked(step):
            return self._rule.is_marked(step) or step % self._parts.plan.save_steps == 0
        wait = max(AUTOMATIC_SAVE_SECONDS, SAVE_SHARE * self._took)
        return time.monotonic() - self._saved_at >= wait and not self._writer.busy

    def collect(self) -> None:
        """Tell what was written since the last time. Raises UserError for a best model that could not be."""
        self._writer.collect()

    def save(self, progress: Progress) -> None:
        """Take a checkpoint; that it is on the disk, or that the disk refused, is told later."""
        self._writer.wait()
        began = time.monotonic()
        taken = self._take(self._stepper.states(), progress)
        if taken is None:
            self._whole = progress.step
            return
        moment, copied = taken
        path = self._parts.checkpoints / checkpoint.name_of(progress.step)
        held = time.monotonic() - began

        def work() -> None:
            retention.tidy(path.parent, self._rule, moment.bytes)
            checkpoint.write(path, moment)
            retention.tidy(path.parent, self._rule)
            self._took = time.monotonic() - began  # here, as it is told only after the next step

        def tell(error: BaseException | None) -> None:
            self._tell_saved(path, progress.step, held, error)

        self._saved_at = time.monotonic()
        self._writer.begin(work, tell)
        if not copied:
            self._writer.wait()

    def save_now(self, progress: Progress) -> None:
        """Have a checkpoint of where the run stands on the disk, or told why not."""
        self._writer.wait()
        if self._parts.ranks.decided(self._whole != progress.step)[0]:
            self.save(progress)
            self._writer.wait()

    def best(self, step: int) -> None:
        """Keep the model of `step` as the best so far, where the recipe wants it. Raises UserError."""
        if not self._parts.job.recipe.load_best_model_at_end:
            return
        self._writer.wait()
        taken = self._take()
        if taken is None:
            return
        moment, copied = taken
        path = self._parts.checkpoints / checkpoint.BEST

        def tell(error: BaseException | None) -> None:
            if isinstance(error, (OSError, SafetensorError)):
                told = _disk_sentence(error, self._parts.checkpoints)
                raise UserError(f"The best model could not be kept at step {step:,}. {told}") from error
            if error is not None:
                raise error

        self._writer.begin(lambda: checkpoint.write(path, moment), tell)
        if not copied:
            self._writer.wait()

    def wait(self) -> None:
        """Wait until all is on the disk. Raises UserError as `collect` does."""
        self._writer.wait()

    def close(self) -> None:
        """`wait`, and let the thread go."""
        self._writer.close()

    def _take(self, states: States | None = None, progress: Progress | None = None) -> tuple[Moment, bool] | None:
        """The moment, and whether it is a copy: without memory for one it must be written before the next step.

        Of several processes the first takes it, with what the others have of it; they themselves take none.
        """
        self._parts.spread.gather()
        if not self._parts.ranks.first:
            return None
        learner = self._parts.spread.whole
        try:
            return checkpoint.take(self._copies, learner, states, progress), True
        except (MemoryError, RuntimeError):
            return checkpoint.take(InPlace(), learner, states, progress), False

    def _tell_saved(self, path: Path, step: int, held: float, error: BaseException | None) -> None:
        if isinstance(error, (OSError, SafetensorError)):
            kept = checkpoint.steps(path.parent)
            before = (
                f"the checkpoint at step {checkpoint.step_of(kept[0]):,} is kept" if kept else "there is none before it"
            )
            told = _disk_sentence(error, path.parent)
            self._parts.voice.note(f"No checkpoint at step {step:,} ({before}): {told}", "warning")
            return
        if error is not None:
            raise error
        self._whole = step
        self._parts.voice.say(
            Saved(
                at=time.time(),
                step=step,
                path=path.name,
                bytes=retention.size(path),
                seconds=self._took,
                held=held,
            )
        )


def _disk_sentence(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return from_os_error(error, "write the checkpoint to", path).message
    return f"Could not write the checkpoint to “{path}”: {str(error).rstrip('.')}; check the disk's free space."
