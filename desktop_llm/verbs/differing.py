"""What differs between two runs: recipe, data, program and libraries, device, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import provenance, snapshot
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named

Group = Literal["recipe", "data", "program", "device", "result"]
GROUPS: Mapping[Group, str] = {
    "recipe": "Recipe",
    "data": "Data",
    "program": "Program",
    "device": "Device",
    "result": "Result",
}
AT_ONCE = 2000
SHORT = 12
"""Digits of a hash that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that differs, or, in `result` and `data`, is the same: its name, and its value in either run."""

    group: Group
    name: str
    here: str
    there: str

    @property
    def same(self) -> bool:
        """Whether both runs have the same."""
        return self.here == self.there


def between(
    project: Project, here: int, there: int, *, should_stop: Callable[[], bool] = lambda: False
) -> tuple[Line, ...]:
    """What differs between two runs, by group. Raises UserError, Cancelled."""
    folders = project.runs.folder(here), project.runs.folder(there)
    for number in (here, there):
        project.runs.get(number)
    job, other = folders[0].job(), folders[1].job()
    told = [
        *_lines("recipe", _recipe(job), _recipe(other)),
        *_data(folders, (job, other), should_stop),
        *_lines("program", _program(job), _program(other)),
        *_lines("device", _device(folders[0]), _device(folders[1])),
        *_results(project, (here, there), folders),
    ]
    return tuple(told)


def _lines(group: Group, here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[Line]:
    for name in (*here, *(one for one in there if one not in here)):
        if here.get(name, "") != there.get(name, ""):
            yield Line(group=group, name=name, here=here.get(name, "–"), there=there.get(name, "–"))


def _recipe(job: Job) -> dict[str, str]:
    told = {key: "automatic" if value is None else str(value) for key, value in recipes.to_json(job.recipe).items()}
    told["weights it began with"] = job.start[:SHORT] or "–"
    told["labels"] = ", ".join(str(one) for one in job.schema.get("classes", ()))
    for place, entry in enumerate(job.history, 1):
        changes = ", ".join(f"{key} {was} → {now}" for key, (was, now) in entry.get("recipe", {}).items())
        told[f"change {place} on the way"] = f"at step {int(entry.get('step', 0)):,}: {changes}"
    return told


def _program(job: Job) -> dict[str, str]:
    return {name: value[:SHORT] if len(value) == 64 else value for name, value in job.versions.items()}


def _device(folder: RunFolder) -> dict[str, str]:
    started = next(folder.starts(), None)
    if started is None:
        return {}
    return {"device": started.device, "precision": started.precision, "threads": str(started.threads or "–")}


def _data(folders: tuple[RunFolder, RunFolder], jobs: tuple[Job, Job], should_stop: Callable[[], bool]) -> list[Line]:
    hashes = [str(job.snapshot.get("sha256", "")) for job in jobs]
    found = [Line(group="data", name="SHA-256", here=hashes[0][:SHORT], there=hashes[1][:SHORT])]
    if hashes[0] == hashes[1]:
        return found
    here, there = (dict(_rows(folder, should_stop)) for folder in folders)
    both = here.keys() & there.keys()
    counts = {
        "rows only in it": (len(here) - len(both), len(there) - len(both)),
        "rows in another split": (sum(here[row][0] != there[row][0] for row in both),) * 2,
        "rows with another text or label": (sum(here[row][1] != there[row][1] for row in both),) * 2,
    }
    for part in snapshot.PARTS:
        counts[f"{part} rows"] = (int(jobs[0].snapshot.get(part, 0)), int(jobs[1].snapshot.get(part, 0)))
    return found + [
        Line(group="data", name=name, here=f"{one:,}", there=f"{other:,}")
        for name, (one, other) in counts.items()
        if one or other
    ]


def _rows(folder: RunFolder, should_stop: Callable[[], bool]) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """Each row's id with its split and a hash of all else."""
    wrong = snapshot.verify(folder.snapshot)
    if wrong:
        raise UserError(wrong)
    for place, (part, row) in enumerate(snapshot.every(folder.snapshot)):
        if place % AT_ONCE == 0 and should_stop():
            raise Cancelled
        rest = {name: value for name, value in row.items() if name != "id"}
        content = json.dumps(rest, ensure_ascii=False, sort_keys=True).encode()
        yield int(row["id"]), (part, hashlib.blake2b(content, digest_size=16).digest())


def _results(project: Project, numbers: tuple[int, int], folders: tuple[RunFolder, RunFolder]) -> list[Line]:
    here, there = (project.runs.get(number) for number in numbers)
    lines = [
        Line(group="result", name="state", here=here.state, there=there.state),
        Line(group="result", name="steps", here=f"{here.step:,}", there=f"{there.step:,}"),
    ]
    hashes = ["", ""]
    with suppress(OSError):
        hashes = [provenance.weights(folder.model) for folder in folders]
    lines.append(Line(group="result", name="weights", here=hashes[0][:SHORT] or "–", there=hashes[1][:SHORT] or "–"))
    for metric in task_named(project.task).metrics:
        for split in ("validation", "test"):
            figures = [run.metrics.get(split, {}).get(metric.name) for run in (here, there)]
            if any(one is not None for one in figures):
                words = ["–" if one is None else f"{one:.4f}" for one in figures]
                lines.append(Line(group="result", name=f"{split} {metric.name}", here=words[0], there=words[1]))
    return lines


def as_json(lines: tuple[Line, ...]) -> dict[str, Any]:
    """The lines by group and name, `[here, there]` each."""
    told: dict[str, dict[str, list[str]]] = {}
    for line in lines:
        told.setdefault(line.group, {})[line.name] = [line.here, line.there]
    return told
