"""A smaller start for a run: the model of a run, or a folder, with layers or unused tokens left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.moving import STARTS
from desktop_llm.paths import check_home
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import sources, teaching

if TYPE_CHECKING:
    from desktop_llm.engine.shrink import Shrunk

MOST_MEASURED = 256
"""Held-out rows by which it is measured which layers are missed least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smaller:
    """What is to be made smaller, a run by its number or a folder by its path, and how, as `engine.shrink.Cut` has it.

    `to` is a new folder; None: one in the project.
    """

    source: str
    layers: int | None = None
    heads: int | None = None
    inner: int | None = None
    measured: bool = False
    tokens: bool = False
    to: Path | None = None


def shrink(
    project: Project, wish: Smaller, *, on_progress: Callable[[float, str], None] = lambda part, doing: None
) -> Shrunk:
    """Make the folder. Raises UserError; then there is none."""
    if wish.to is None and project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    return _made(project, wish, on_progress)


def _made(project: Project, wish: Smaller, on_progress: Callable[[float, str], None]) -> Shrunk:
    task = task_named(project.task)
    task.must_learn()
    source = teaching.folder(project, wish.source)
    sources.check(source, task)
    narrower = wish.heads is not None or wish.inner is not None
    if wish.layers is None and not wish.tokens and not narrower:
        raise UserError(
            "Say what is to be left out: layers, heads, inner neurons, or tokens that your texts do not use."
        )
    to = _free(project, wish) if wish.to is None else wish.to
    check_home(to)
    if to.exists():
        raise UserError(f"“{to}” is there already; choose another name.")
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine import shrink as engine

    try:
        return engine.shrink(
            source,
            task.name,
            engine.Cut(
                layers=wish.layers, heads=wish.heads, inner=wish.inner, measured=wish.measured, tokens=wish.tokens
            ),
            to,
            texts=lambda: _rows(project, held_out=False),
            held_out=list(islice(_rows(project, held_out=True), MOST_MEASURED)) if wish.measured or narrower else [],
            report=on_progress,
        )
    except OSError as error:
        raise from_os_error(error, "write the model to", to) from error


def shrink_in(path: Path, wish: Smaller, *, on_progress: Callable[[float, str], None] = lambda *_: None) -> Shrunk:
    """`shrink` for another process: opens the project in `path` by itself."""
    with closing(Project.watch(path)) as project:
        return _made(project, wish, on_progress)


def words(told: Shrunk) -> str:
    """What came of it, in a sentence or two."""
    share = told.parameters / max(1, told.parameters_before)
    said = [
        f"{told.parameters:,} of {told.parameters_before:,} parameters are left ({100 * share:.0f} %): "
        f"{len(told.layers)} of {told.layers_before} layers and {told.tokens:,} of {told.tokens_before:,} tokens."
    ]
    if len(told.layers) < told.layers_before:
        said.append(f"The layers that stay are {', '.join(str(one + 1) for one in told.layers)}.")
    if told.trained_again:
        said.append("Such a model has to be trained again before it is of use.")
    return " ".join(said)


def _free(project: Project, wish: Smaller) -> Path:
    """A name that says what it is, and is not taken."""
    parts = [f"run{int(wish.source)}" if wish.source.isdecimal() else Path(wish.source).name]
    if wish.layers is not None:
        parts.append(f"{wish.layers}-layers")
    for count, what in ((wish.heads, "heads"), (wish.inner, "inner")):
        if count is not None:
            parts.append(f"{count}-{what}")
    if wish.tokens:
        parts.append("own-tokens")
    folder, name = project.path / STARTS, "-".join(parts)
    number, to = 1, folder / name
    while to.exists():
        number += 1
        to = folder / f"{name}-{number}"
    return to


def _rows(project: Project, *, held_out: bool) -> Iterator[dict[str, Any]]:
    """Rows as learners read them: those that are held out and have a label, or all others, also without one.

    What is measured on must not say which tokens stay. Of labels that are classes no token is to stay; what is written
    in a label is a text like others.
    """
    task = task_named(project.task)
    names = {one.id: one.name for one in project.classes.all()}
    for row in project.items.labelled(every=not held_out or task.unsupervised):
        if held_out and row.split == "validation":
            label = None if task.unsupervised else task.labels.to_named(row.value, names)
            yield {**row.content, "id": row.id, "label": label}
        elif not held_out and row.split not in ("validation", "test"):
            text = not task.classes and not task.unsupervised and row.value is not None
            label = task.labels.to_named(row.value, names) if text else None
            yield {**row.content, "id": row.id, "label": label}
