"""What the tests of every task need to know of each: `tests/tasks/<task>/fixture.py` says it as `FIXTURE`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop_llm.tasks.task import Task
from tests import run_folders
from tests.run_folders import Kind

CLASSIFIER_OUTSIDE = """
import json, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
import torch
folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
with torch.no_grad():
    print(json.dumps([model(**tokenizer([text], return_tensors="pt")).logits[0].tolist() for text in texts]))
"""


def _its_label(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["label"], row["label"]


def _no_figures(row: dict[str, Any]) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class TaskFixture:
    """`cell`: a label as a file has it; for those that learn a `kind` of rows, and `outside`, a program that loads a
    folder without us and prints its outputs.

    `narrows`: words that no text uses can be left out of training; `perfect` gives what a score takes for the truth of
    a row, and the label of the best answer to it, `figures` the figures of that answer; `best` are the scores of such
    answers where they are not as usual.

    It is called with the folder and a JSON list of texts, and prints a JSON list of outputs, one a text.
    """

    kind: Kind = run_folders.FIRST
    cell: object
    outside: str = CLASSIFIER_OUTSIDE
    narrows: bool = True
    perfect: Callable[[dict[str, Any]], tuple[Any, Any]] = _its_label
    figures: Callable[[dict[str, Any]], Mapping[str, float]] = _no_figures
    best: Mapping[str, float] = field(default_factory=dict)


def fixture_of(task: Task) -> TaskFixture:
    """The fixture of a task; an ImportError names the file that is missing."""
    told = importlib.import_module(f"tests.tasks.{task.name}.fixture").FIXTURE
    assert isinstance(told, TaskFixture)
    return told
