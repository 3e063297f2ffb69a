"""A handful of held-out rows whose answers are shown at each measurement, so that one sees what the model learns."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from desktop_llm.jobs.events import Sampled
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets.learner import Row
from desktop_llm.tasks.task import Task

COUNT = 6
LONGEST = 240


def chosen(rows: Sequence[Row], seed: int) -> list[int]:
    """The places of rows to show, of different labels where there are any; the same for the same rows and seed."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    taken: list[int] = []
    seen: set[str] = set()
    for place in order:
        label = repr(rows[place].get("label"))
        if label not in seen and len(taken) < COUNT:
            seen.add(label)
            taken.append(place)
    rest = [place for place in order if place not in taken]
    return sorted([*taken, *rest[: COUNT - len(taken)]])


def told(
    task: Task,
    places: Sequence[int],
    rows: Sequence[Row],
    answers: Sequence[Prediction],
    classes: Sequence[str],
    step: int,
) -> Sampled | None:
    """The event for rows and the answers to all of them; None where there are none."""
    if not places or len(answers) != len(rows):
        return None
    numbers = {name: place for place, name in enumerate(classes)}
    names = dict(enumerate(classes))

    def words(label: Any) -> str:
        return task.labels.text(task.labels.to_value(label, numbers), names) if task.classes else str(label)

    return Sampled(
        at=time.time(),
        step=step,
        samples=[
            {
                "text": _short(task.in_line({one.name: str(rows[place].get(one.name, "")) for one in task.content})),
                "truth": words(rows[place]["label"]),
                "answer": words(answers[place].label),
                "right": answers[place].label == rows[place]["label"],
            }
            for place in places
        ],
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
