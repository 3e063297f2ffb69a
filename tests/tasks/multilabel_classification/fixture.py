"""Several labels a text, or none, for the tests that all tasks share."""

from __future__ import annotations

import random
from typing import Any

from tests.run_folders import FILLER, WORDS, Kind
from tests.tasks.fixture import TaskFixture

LABELS: tuple[list[str], ...] = (["food"], ["travel"], ["food", "travel"], [])


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts with a word for each of their labels."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        labels = LABELS[place % len(LABELS)]
        words = [source.choice(FILLER) for _ in range(source.randint(2, 10))]
        for label in labels:
            words.insert(source.randrange(len(words) + 1), source.choice(WORDS[label]))
        made.append({"id": first_id + place, "text": " ".join(words), "label": list(labels)})
    return made


FIXTURE = TaskFixture(
    kind=Kind(task="multilabel_classification", rows=rows, classes=("food", "travel")),
    cell=["  two   words ", "one", "two words"],
)
