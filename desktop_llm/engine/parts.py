"""What a run's loop and its collaborators work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from desktop_llm.engine.device import Device
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.plan import Plan
from desktop_llm.engine.progress import Voice
from desktop_llm.engine.ranks import Ranks
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.job import Job
from desktop_llm.nets.learner import Learner
from desktop_llm.tasks.task import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The learner is on its device, the splits are encoded, `checkpoints` is the folder they are kept in.

    `dynamics` is the folder of what training said of each example. `peak` is what the device computes at most, FLOP/s;
    0.0 where that is not known. `weights` tell how often each training example is drawn, where not all are as often.
    """

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
    dynamics: Path
    ranks: Ranks
    spread: Spread
    peak: float = 0.0
    weights: np.ndarray | None = None
