"""A run's teacher, asked what it says of the texts that the run learns from (knowledge distillation).

    teacher/<hash>/  said.npy MANIFEST.json

Where that is little it is asked once, before the first step: what it says is kept, read through the system's memory
map, and the teacher takes no room while the run learns. The hash is that of the texts as the run reads them, of its
classes, and of the teacher's weights, so that a run that goes on needs the teacher no more. A teacher of a model that
writes stays in memory and is asked at each step.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from desktop_llm import atomic
from desktop_llm.engine import evaluate
from desktop_llm.engine.device import Device
from desktop_llm.engine.evaluate import Split
from desktop_llm.engine.progress import Voice
from desktop_llm.engine.spread import Spread
from desktop_llm.errors import UserError
from desktop_llm.jobs import provenance, snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.nets import model_folder
from desktop_llm.nets.distillation import Lesson
from desktop_llm.nets.learner import Accompanied, Learner, Report, Row, Taught
from desktop_llm.paths import expanded
from desktop_llm.tasks import task as task_named

SAID = "said.npy"
ASKING = "Asking the teacher"
TRIED = 256
"""Rows about which the teacher is asked to find out how long that takes."""


def settle(job: Job, run_folder: RunFolder, spread: Spread, train: Split, device: Device, voice: Voice) -> Split:
    """The training rows with what the recipe's teacher says of them, before the first step or going on.

    Raises UserError, Cancelled.
    """
    if not job.recipe.teacher:
        return train
    learner, ranks = spread.learner, spread.ranks
    if isinstance(learner, Accompanied):
        ranks.agreed(lambda: accompany(job, learner, device))
        return train
    if not isinstance(learner, Taught):
        raise UserError("A model of this task learns without a teacher; leave “teacher” empty.")
    kept = run_folder.teacher / key(job, learner, train.examples)
    heard = ranks.told(_read(kept) if ranks.first else None)
    if heard is None:
        teacher = ranks.agreed(lambda: load(job, device))
        heard = _asked(job, Spread(teacher, ranks), learner, train, device, voice)
        unlabeled = job.snapshot.get(snapshot.UNLABELED)
        if unlabeled and ranks.first:
            voice.note(f"Learns from {unlabeled:,} rows without a label, too, by what the teacher says of them.")
        if ranks.first:
            heard = _write(kept, heard, voice)
    if ranks.first:
        _tidy(run_folder.teacher, kept.name)
    return replace(train, examples=learner.taught(train.examples, heard, lesson(job)))


def lesson(job: Job) -> Lesson:
    """How much the teacher counts."""
    return Lesson(temperature=job.recipe.distillation_temperature, weight=job.recipe.distillation_weight)


def load(job: Job, device: Device) -> Learner:
    """The teacher, on the device. Raises UserError."""
    folder = _folder(job)
    model_folder.check_whole(folder)
    teacher = task_named(job.task).open_learn().load(folder)
    device.take(teacher.model)
    teacher.model.eval()
    return teacher


def accompany(job: Job, learner: Accompanied, device: Device) -> None:
    """Put a teacher beside a learner that asks it at each step. Raises UserError."""
    learner.accompany(load(job, device), lesson(job))


def tried(job: Job, learner: Learner, rows: Sequence[Row], device: Device, clock: Callable[[], float]) -> float:
    """What asking the teacher about one row takes before the first step, in seconds, for a run that is only tried.

    A learner that asks at each step has it beside it from now on. Raises UserError.
    """
    if isinstance(learner, Accompanied):
        accompany(job, learner, device)
        return 0.0
    some = rows[:: max(1, len(rows) // TRIED)][:TRIED]
    teacher = load(job, device)
    began = clock()
    asked = Split(some, teacher.encode(some, lambda *_: None))
    evaluate.outputs_of(Spread(teacher), asked, device, job.recipe.per_device_eval_batch_size, lambda: None)
    return (clock() - began) / max(1, len(some))


def key(job: Job, learner: Learner, examples: Any) -> str:
    """What the teacher's answers are kept under. Raises UserError where the teacher is gone and was never noted."""
    digest = hashlib.sha256()
    for one in fields(examples):
        value = getattr(examples, one.name)
        if isinstance(value, np.ndarray):
            digest.update(one.name.encode() + np.ascontiguousarray(value).tobytes())
    told = [digest.hexdigest(), list(getattr(learner, "classes", ())), job.teacher or _weights(job)]
    told += [str(job.snapshot.get("sha256", ""))]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _folder(job: Job) -> Path:
    folder = expanded(job.recipe.teacher)
    if not folder.is_dir():
        raise UserError(f"The teacher “{folder}” is no longer there; put it back, or start a new run.")
    if job.teacher and _weights(job) != job.teacher:
        raise UserError(f"The teacher “{folder}” has other weights than when the run was made; start a new run.")
    return folder


def _weights(job: Job) -> str:
    try:
        return provenance.weights(expanded(job.recipe.teacher))
    except OSError:
        return ""


def _asked(job: Job, teacher: Spread, learner: Taught, train: Split, device: Device, voice: Voice) -> np.ndarray:
    ranks, size = teacher.ranks, job.recipe.per_device_eval_batch_size
    asked = Split(train.rows, ranks.agreed(lambda: teacher.learner.encode(train.rows, _quiet(voice))))
    total, done = -(-len(train.rows) // (size * ranks.world)), 0

    def heard() -> None:
        nonlocal done
        done += 1
        # several processes meet in what they compute: none may leave alone
        voice.preparing(ASKING, done, total) if ranks.alone else voice.beat()

    said = ranks.told(evaluate.outputs_of(teacher, asked, device, size, heard))
    return ranks.agreed(lambda: learner.heard(train.examples, teacher.learner, said))


def _quiet(voice: Voice) -> Report:
    return lambda doing, done, total: voice.preparing(ASKING, 0, 0)


def _read(folder: Path) -> np.ndarray | None:
    if not folder.is_dir() or atomic.damage(folder):
        return None
    try:
        told: np.ndarray = np.load(folder / SAID, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    return told


def _write(folder: Path, heard: np.ndarray, voice: Voice) -> np.ndarray:
    """What was heard, as it lies on the disk; a disk that refuses ends no run: who goes on asks once more."""
    try:
        with atomic.new_folder(folder) as filling:
            np.save(filling / SAID, heard, allow_pickle=False)
    except OSError as error:
        voice.note(f"What the teacher says could not be kept ({error}).", "warning")
        return heard
    kept = _read(folder)
    return heard if kept is None else kept


def _tidy(kept: Path, wanted: str) -> None:
    """What was said of other examples, before the recipe was changed, is of no use any more."""
    for folder in kept.glob("*"):
        if folder.name != wanted:
            shutil.rmtree(folder, ignore_errors=True)
