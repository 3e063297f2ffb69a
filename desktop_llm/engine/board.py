"""Measures forms of a model against each other on this machine: how long an answer takes, and what the answers are.

All are loaded together, and asked in turn, round after round, so that whatever else the machine does meets all alike;
what is told are medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from desktop_llm import atomic
from desktop_llm.engine import device as devices
from desktop_llm.engine.export import FILLERS, Order, light
from desktop_llm.engine.optimizers import count
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import Format
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import onnx_model
from desktop_llm.nets.learner import Row
from desktop_llm.tasks.task import Scores

ROUNDS, ALONE, TOGETHER = 5, 24, 32
"""How often each form has its turn, how many rows it is then asked one by one, and how many at once."""
Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A form of a model: its answers to all rows and their figures, seconds for one, rows a second, and its size."""

    answers: Sequence[Prediction]
    scores: Scores
    latency: float
    rate: float
    size: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One for each form, in their order, and by what device and how many threads they were measured."""

    forms: Sequence[Timed]
    device: str
    threads: int


def form(run: RunFolder, kind: Format, folder: Path, exact: Path) -> None:
    """Write a run's model in a format, to be measured, into `folder`, unless it is there already. Raises UserError.

    `exact` is a folder with the model in the same kind of format with all of its digits, where there is one: what is
    less exact is made of that.
    """
    if folder.is_dir() and not atomic.damage(folder):
        return
    made = exact / onnx_model.WEIGHTS
    with atomic.new_folder(folder) as filling:
        if kind.kind == "onnx" and kind.precision and made.is_file():
            light(run, filling)
            onnx_model.QUANTISERS[kind.precision](made, filling / onnx_model.WEIGHTS)
        else:
            FILLERS[kind.kind](run, Order(format=kind, to=folder, describe=lambda told: {}), filling)


def measure(
    folders: Sequence[Path],
    rows: Sequence[Row],
    classes: Sequence[str],
    *,
    clock: Callable[[], float] = time.perf_counter,
    report: Report = lambda part, doing: None,
) -> Measured:
    """Measure the models in `folders` on `rows`, which are labeled or need no label. Raises UserError."""
    if not rows:
        raise UserError("There are no held-out rows to measure on; hold some out first.")
    devices.settle_thread()
    report(0.0, "Loading the models")
    # on the processor, all of them: that is where small models serve, and ONNX computes
    there = [Predictor(folder, Recipe(bf16=False, device="cpu")) for folder in folders]
    alone, together = _turns(there, _spread(rows, ALONE), _spread(rows, TOGETHER), clock, report)
    forms = []
    for place, one in enumerate(there):
        report(0.3 + 0.7 * place / len(there), "Asking about all rows")
        told = one.evaluate(rows, classes)
        forms.append(
            Timed(
                answers=told.answers,
                scores=told.scores,
                latency=statistics.median(alone[place]),
                rate=min(TOGETHER, len(rows)) / statistics.median(together[place]),
                size=_size(folders[place]),
                parameters=count(one.learner.model),  # none of ONNX can be seen
            )
        )
    report(1.0, "Measured")
    return Measured(forms=forms, device=there[0].device.title, threads=torch.get_num_threads())


def _turns(
    there: Sequence[Predictor],
    alone: Sequence[Row],
    together: Sequence[Row],
    clock: Callable[[], float],
    report: Report,
) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds of single answers, and of many at once, by form."""
    single: list[list[float]] = [[] for _ in there]
    many: list[list[float]] = [[] for _ in there]
    for one in there:  # what libraries prepare at their first call
        one.predict(alone[:2])
        one.predict(together)
    for turn in range(ROUNDS):
        report(0.3 * turn / ROUNDS, "Measuring the time of answers")
        for step in range(len(there)):
            place = (turn + step) % len(there)  # each is at times the first
            for row in alone:
                began = clock()
                there[place].predict([row])
                single[place].append(clock() - began)
            began = clock()
            there[place].predict(together)
            many[place].append(clock() - began)
    return single, many


def _spread(rows: Sequence[Row], wanted: int) -> list[Row]:
    """So many rows, evenly over all by their length."""
    order = sorted(range(len(rows)), key=lambda place: len(str(rows[place])))
    places = np.linspace(0, len(order) - 1, min(wanted, len(order))).astype(int)
    return [rows[order[place]] for place in places.tolist()]


def _size(folder: Path) -> int:
    """Bytes of all files: of the tokenizer, too, which whoever uses it needs as well."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != atomic.MANIFEST)
