"""One level of a scale a text, for the tests that all tasks share."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, Kind
from tests.tasks.fixture import TaskFixture

LEVELS = {"1": ("awful", "broken"), "2": ("plain", "usual"), "3": ("superb", "lovely")}


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts with a word of their level."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        level = list(LEVELS)[place % len(LEVELS)]
        words = [source.choice(FILLER) for _ in range(source.randint(2, 10))]
        words.insert(source.randrange(len(words) + 1), source.choice(LEVELS[level]))
        made.append({"id": first_id + place, "text": " ".join(words), "label": level})
    return made


FIXTURE = TaskFixture(kind=Kind(task="text_scoring", rows=rows, classes=tuple(LEVELS)), cell=" 4.0 ")
