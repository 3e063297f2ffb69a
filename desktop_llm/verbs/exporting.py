"""Hand a finished model to others: in a format of `jobs.formats`, with its card, an example, and exact versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import formats
from desktop_llm.jobs.formats import FORMATS, Compared, Format
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import export_example, floors, personal
from desktop_llm.verbs.card import Papers, card
from desktop_llm.verbs.evaluating import finished_folder

if TYPE_CHECKING:
    from desktop_llm.engine.export import Report

COMPARED = 256
"""Rows on which an export is compared with its run, where nobody asks for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be exported, and how: a format's name, a new folder or (`zipped`) file, rows to compare, papers."""

    format_name: str = "huggingface"
    to: Path
    compared: int = COMPARED
    zipped: bool = False
    papers: Papers = field(default_factory=Papers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A format, and why the run cannot have it: '' where it can; `missing` where something is to be installed first.

    `note`: what is to be known of it beforehand.
    """

    format: Format
    unfit: str = ""
    missing: str = ""
    note: str = ""


def format_named(name: str) -> Format:
    """The format of that name. Raises UserError."""
    if name not in FORMATS:
        raise UserError(f"There is no export format “{name}”; choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def choices(project: Project, number: int) -> list[Choice]:
    """All formats, and which of them run `number` can have. Raises UserError."""
    folder = finished_folder(project, number)
    config, adapter = config_of(folder.model), folder.adapter.is_dir()
    return [
        Choice(
            format=one,
            unfit=formats.unfit(one, config, adapter=adapter),
            missing=formats.missing(one),
            note=formats.note(one, config),
        )
        for one in FORMATS.values()
    ]


def config_of(model: Path) -> dict[str, Any]:
    """The config.json of a model folder; what cannot be read describes nothing."""
    try:
        told = json.loads((model / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def export(project: Project, number: int, wish: Wish, report: Report | None = None) -> Compared:
    """Write run `number` as wished; what reading it back has shown. Raises UserError."""
    kind = format_named(wish.format_name)
    folder = finished_folder(project, number)
    personal.must_be_reviewed(project, number)
    floors.must_hold(project, number)
    if wish.compared < 1:
        raise UserError("At least one row has to be compared.")
    lacking = formats.unfit(kind, config_of(folder.model), adapter=folder.adapter.is_dir()) or formats.missing(kind)
    if lacking:
        raise UserError(lacking)
    formats.check_place(wish.to, zipped=wish.zipped)  # before libraries are loaded for nothing
    from desktop_llm.engine import worker

    worker.offline()
    with at_rest():
        from desktop_llm.engine import export as engine

    def describe(told: Compared) -> Mapping[str, str]:
        return beside(project, number, kind, wish.papers, told)

    order = engine.Order(
        format=kind,
        to=wish.to,
        describe=describe,
        name=f"{project.name}, run {number}",
        compared=wish.compared,
        zipped=wish.zipped,
        **({} if report is None else {"report": report}),
    )
    return engine.export(folder, order)


def beside(project: Project, number: int, kind: Format, papers: Papers, told: Compared | None) -> dict[str, str]:
    """What lies beside the model, by file name. Raises UserError."""
    task = task_named(project.task)
    config = config_of(project.runs.folder(number).model)
    example = export_example.script(task, project.runs.folder(number).job().recipe, kind, config)
    return {
        "README.md": card(project, number, kind, papers, example, told, config),
        "example.py": example,
        "requirements.txt": export_example.requirements(kind, config),
    }


def export_from(path: Path, number: int, wish: Wish, on_progress: Report) -> Compared:
    """`export` for another process: opens the project in `path` by itself."""
    with closing(Project.open(path)) as project:
        return export(project, number, wish, on_progress)


def preview(project: Project, number: int, format_name: str, papers: Papers) -> str:
    """The model card as it would be written. Raises UserError."""
    return beside(project, number, format_named(format_name), papers, None)["README.md"]
