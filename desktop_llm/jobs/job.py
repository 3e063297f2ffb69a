"""The job: everything a run is told, frozen in `job.json` before it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import Recipe

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is told.

    `task` is a task's name; `schema` the task's own words about its labels (`{"classes": ["a", "b"]}` …);
    `snapshot` the data's hash and counts, `{"sha256": …, "train": n, "validation": n, "test": n}`;
    `created` an ISO 8601 time in UTC; `versions` program and library versions by name; `start` the hash of the weights
    it begins with, '' from scratch, and `teacher` that of its teacher's. `history` tells how the recipe was changed on
    the way, the oldest first, `{"at": …, "step": where it stood, "recipe": {key: [before, after]}}`. `again` is '{}',
    or the run that this one repeats: `{"run": number, "weights": the hash it ended with, "device": …, "precision": …,
    "stopped_at": step or 0}`.
    """

    number: int
    project: str
    task: str
    recipe: Recipe
    schema: Mapping[str, Any]
    snapshot: Mapping[str, Any]
    created: str
    versions: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    teacher: str = ""
    history: tuple[Mapping[str, Any], ...] = ()
    again: Mapping[str, Any] = field(default_factory=dict)


def to_json(job: Job) -> dict[str, Any]:
    """The job as a JSON object."""
    return {
        "format": FORMAT,
        "number": job.number,
        "project": job.project,
        "task": job.task,
        "recipe": recipes.to_json(job.recipe),
        "schema": dict(job.schema),
        "snapshot": dict(job.snapshot),
        "created": job.created,
        "versions": dict(job.versions),
        "start": job.start,
        "teacher": job.teacher,
        "history": [dict(one) for one in job.history],
        "again": dict(job.again),
    }


def write(job: Job, path: Path) -> None:
    """Write `job` to `path` (job.json) in one step. Raises UserError."""
    try:
        atomic.write_json(path, to_json(job))
    except OSError as error:
        raise from_os_error(error, "write the job", path) from error


def read(path: Path, *, named: str = "", mend: str = "start a new run") -> Job:
    """Read job.json. Raises UserError when it is missing, damaged, or from a newer version.

    `named` tells a person where it is, if not by its path; `mend` says what to do about damage.
    """
    name = named or f"The job “{path}”"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise from_os_error(error, "read the job", path) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is damaged and cannot be read; {mend}.") from error
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise UserError(f"{name} is not one of this program.")
    if told["format"] > FORMAT:
        raise UserError(f"{name} was made by a newer version of the program; update to open it.")
    try:
        return Job(
            number=told["number"],
            project=told["project"],
            task=told["task"],
            recipe=recipes.from_json(dict(told["recipe"])),
            schema=dict(told["schema"]),
            snapshot=dict(told["snapshot"]),
            created=told["created"],
            versions=dict(told.get("versions", {})),
            start=str(told.get("start", "")),
            teacher=str(told.get("teacher", "")),
            history=tuple(dict(one) for one in told.get("history", ())),
            again=dict(told.get("again", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{name} is damaged ({error}); {mend}.") from error
