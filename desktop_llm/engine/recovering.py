"""Back to the last good state: what a run does when its loss or gradient is no number any more."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from desktop_llm.engine import checkpoint
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.stepper import Stepper
from desktop_llm.engine.watching import Advice
from desktop_llm.errors import UserError
from desktop_llm.jobs.events import RolledBack

FACTOR = 0.5
MOST = 3


class NotFiniteError(Exception):
    """The loss or the gradient of a step is no number; nothing later than the last checkpoint can be trusted."""

    def __init__(self, step: int) -> None:
        """`step` is the first such one."""
        super().__init__(f"not finite at step {step}")
        self.step = step


def back(parts: Parts, stepper: Stepper, now: Progress, bad: int) -> Progress:
    """Take over the newest whole checkpoint, and say that the run goes on from there at a lower rate.

    Raises UserError after `MOST` times, or where there is no checkpoint. The best model so far stays the best.
    """
    sentence = f"The loss is no longer a number near step {bad:,}"
    advised = float(f"{parts.job.recipe.learning_rate / 3:.2g}")
    if now.rollbacks >= MOST:
        raise UserError(
            f"{sentence}, although the learning rate was lowered {MOST} times: it is too high for this model, or a "
            f"text is damaged. Start again with a learning rate of {advised:g}; the last checkpoint is kept."
        )
    ranks = parts.ranks
    source = ranks.told(checkpoint.newest(parts.checkpoints)[0] if ranks.first else None)
    if source is None:
        raise UserError(
            f"{sentence}, and there is no checkpoint to go back to. Start again with a learning rate of {advised:g}."
        )
    good = checkpoint.restore(source, parts.spread, stepper.restore)
    factor = now.rate_factor * FACTOR
    parts.voice.say(
        RolledBack(
            at=time.time(),
            step=good.step,
            message=f"{sentence}: the run went back to step {good.step:,} and goes on at "
            f"{100 * factor:.3g} % of the learning rate.",
        )
    )
    return replace(
        good,
        rate_factor=factor,
        rollbacks=now.rollbacks + 1,
        places=now.places,
        best=now.best,
        best_step=now.best_step,
        waited=0 if now.best_step > good.step else good.waited,
        seconds=now.seconds,
    )


def advice(rate: float, progress: Progress) -> Advice:
    """What to do better the next time."""
    lower = float(f"{rate * progress.rate_factor:.2g}")
    return Advice(
        about="not_a_number",
        message=f"The loss was no longer a number, and the run went back to step {progress.step:,}. The learning rate "
        "is probably too high.",
        action="restart",
        value={"learning_rate": lower},
    )


def finite(loss: float, norm: float, *, scaled: bool) -> bool:
    """Whether a step can be trusted. A loss scaler (`scaled`) skips by itself the steps whose gradient overflows."""
    return math.isfinite(loss) and (scaled or math.isfinite(norm))
