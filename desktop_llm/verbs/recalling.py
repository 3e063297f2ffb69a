"""How files of one shape were imported last time: a project remembers it, and the next such file opens so.

The shape of a file is its kind and its columns. Only what a person chose against the guess is kept; which split the
rows are for is not: train.csv and test.csv have one shape and differ in just that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.verbs import importing

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Task
    from desktop_llm.verbs.importing import Plan

NOTE = "imports"
MOST_SHAPES = 50
ALIKE = {"jsonl": "json", "arrow": "parquet"}
READING = ("encoding", "delimiter", "header", "shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person chose for `source`, a file's name: columns by field, and `reading`, arguments of `plan`.

    `found` is the encoding that was guessed then: where another is guessed, what was said against it does not hold.
    """

    source: str
    mapping: Mapping[str, str]
    reading: Mapping[str, Any]
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A first look at a file: the plan as it is guessed, and, where one is remembered for its shape, that one."""

    guessed: Plan
    remembered: Plan | None = None
    choices: Choices | None = None


def look(project: Project, task: Task, path: Path) -> Look:
    """Look at a file as the last one of its shape was imported, where this can be read so. Raises UserError."""
    guessed = importing.plan(task, path)
    choices = _all(project).get(_shape(guessed))
    if choices is None or (choices.reading.get("encoding") and choices.found != guessed.form.encoding):
        return Look(guessed=guessed)
    try:
        remembered = importing.plan(task, path, **choices.reading, mapping=choices.mapping)
    except UserError:  # it is like the other in its columns alone; the guess stands
        return Look(guessed=guessed)
    return Look(guessed=guessed, remembered=remembered, choices=choices)


def remember(project: Project, guessed: Plan, taken: Plan, reading: Mapping[str, Any]) -> None:
    """Keep how a file was taken, with what was said of `reading` it, for the next of its shape. Raises UserError.

    A file taken as it was guessed makes the project forget what it knew of the shape.
    """
    known = _all(project)
    before = known.pop(_shape(guessed), None)
    if reading or taken.mapping != guessed.mapping:
        told = {name: reading[name] for name in READING if name in reading}
        known[_shape(guessed)] = Choices(
            source=taken.path.name, mapping=dict(taken.mapping), reading=told, found=guessed.form.encoding
        )
    elif before is None:
        return
    newest = list(known.items())[-MOST_SHAPES:]
    project.notes.put(NOTE, {shape: asdict(choices) for shape, choices in newest})


def _all(project: Project) -> dict[str, Choices]:
    """What is remembered, by shape, the newest last; what another version wrote otherwise is passed over."""
    names = {one.name for one in fields(Choices)}
    told = project.notes.get(NOTE, default={})
    return {shape: Choices(**one) for shape, one in told.items() if names == one.keys()}


def _shape(guessed: Plan) -> str:
    told = [ALIKE.get(guessed.form.kind, guessed.form.kind), sorted(guessed.columns)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
