"""Small real run folders for tests of the engine: two topics that a tiny model learns in seconds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.jobs import job as jobs
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.tasks import TASKS

TASK = next(iter(TASKS))
WORDS = {
    "food": ["bread", "soup", "cheese", "apple", "rice", "salt", "pan", "oven"],
    "travel": ["train", "ticket", "harbour", "map", "suitcase", "hotel", "bridge", "border"],
}
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
"""What of `TINY` a model folder has of its own."""
FILLER = ["the", "a", "my", "some", "with", "near", "old", "new", "and", "very"]
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 400,
    "max_length": 32,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 8,
    "learning_rate": 3e-3,
    "early_stopping_patience": 0,
    "bf16": False,
    "device": "cpu",
}


def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts of two topics, a few words each, lengths 3 to 14."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        label = ("food", "travel")[place % 2]
        words = [source.choice(FILLER) for _ in range(source.randint(2, 13))]
        words.insert(source.randrange(len(words) + 1), source.choice(WORDS[label]))
        made.append({"id": first_id + place, "text": " ".join(words), "label": label})
    return made


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a task needs to be tested: rows(count, seed=, first_id=) with labels in names, and all class names."""

    task: str
    rows: Callable[..., list[dict[str, Any]]]
    classes: tuple[str, ...]


FIRST = Kind(task=TASK, rows=rows, classes=("food", "travel"))


def make(path: Path, *, count: int = 96, kind: Kind = FIRST, unlabeled: int = 0, **values: Any) -> RunFolder:
    """A run folder with `count` training rows, 16 validation and 16 test rows, and the tiny recipe with `values`.

    `unlabeled`: so many rows without a label more.
    """
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    told = snapshot.write(
        folder.snapshot,
        {
            "train": kind.rows(count),
            "validation": kind.rows(16, seed=1, first_id=1001),
            "test": kind.rows(16, seed=2, first_id=2001),
        },
        unlabeled=[{**row, "label": None} for row in kind.rows(unlabeled, seed=3, first_id=3001)] if unlabeled else (),
    )
    recipe: Recipe = changed(TASKS[kind.task].recipe, {**TINY, **values})
    jobs.write(
        Job(
            number=1,
            project="Tests",
            task=kind.task,
            recipe=recipe,
            schema={"classes": list(kind.classes)},
            snapshot=told,
            created="2026-01-01T00:00:00+00:00",
        ),
        folder.job_file,
    )
    return folder
