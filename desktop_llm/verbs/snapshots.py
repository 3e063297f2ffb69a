"""What runs trained on: the frozen rows, whether they are whole, how they differ from today, and as a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.snapshot import Pages
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs.naming import renames
from desktop_llm.verbs.saving import BARE, label_cells, without_label

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

Kind = Literal["gone", "text", "label", "split", "new"]
KINDS: Mapping[Kind, str] = {
    "gone": "are no longer in the project, or have no label any more",
    "text": "have another text now",
    "label": "have another label now",
    "split": "are in another split now",
    "new": "were labeled since",
}
EXAMPLES = 500
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The data of a run: rows by split, and those without a label where there are some, their hash, and what is wrong
    with them ('' nothing).
    """

    run: int
    counts: Mapping[str, int]
    sha256: str
    damage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that differs: as it was and as it is; None where it was not or is not."""

    row: int
    kind: Kind
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Rows that are the `same`, rows that differ by kind (a row may differ in several), and the first of each kind."""

    same: int
    counts: Mapping[Kind, int]
    examples: Mapping[Kind, tuple[Difference, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The data of a run, and where its pages lie, so that any of them can be read."""

    frozen: Frozen
    pages: Pages

    @property
    def count(self) -> int:
        """All rows that can be read."""
        return 0 if self.frozen.damage else sum(self.frozen.counts.values())


def frozen(project: Project, number: int) -> Frozen:
    """The data of a run. Raises UserError."""
    return contents(project, number).frozen


def contents(project: Project, number: int, *, should_stop: Callable[[], bool] = lambda: False) -> Contents:
    """The data of a run, read through once. Raises UserError, Cancelled."""
    project.runs.get(number)
    folder = project.runs.folder(number).snapshot
    pages = snapshot.look_through(folder, should_stop=should_stop)
    damage = pages.damage
    try:
        told = snapshot.note(folder)
    except UserError:  # which is the damage
        told = {}
    counts = {part: int(told.get(part, 0)) for part in snapshot.parts(told)}
    was = Frozen(run=number, counts=counts, sha256=str(told.get("sha256", "")), damage=damage)
    return Contents(frozen=was, pages=pages)


def page(project: Project, told: Contents, number: int) -> list[tuple[str, snapshot.Row]]:
    """The rows of a page, from 0, each with its split. Raises UserError."""
    return snapshot.page(project.runs.folder(told.frozen.run).snapshot, told.pages, number)


def compare(
    project: Project,
    number: int,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Comparison:
    """The data of a run against the project's labeled rows of today. Raises UserError, Cancelled.

    Labels are compared in the names that classes have now: a class with another name is the same class. Of a row that
    had no label only its text is compared; it is new where it has one now.
    """
    was = frozen(project, number)
    if was.damage:
        raise UserError(was.damage)
    now = _today(project)
    labels, called = task_named(project.task).labels, renames(project, number)
    found = _Found()
    total, waiting = max(1, sum(was.counts.values())), list[snapshot.Row]()
    for place, (part, row) in enumerate(snapshot.every(project.runs.folder(number).snapshot)):
        if place % AT_ONCE == 0:
            if should_stop():
                raise Cancelled
            on_progress(place / total)
            _add_unlabeled(project, found, waiting, now)
        if part == snapshot.UNLABELED:
            waiting.append(row)
            continue
        before = {**row, "split": part}
        after = now.pop(int(row["id"]), None)
        found.add(int(row["id"]), before, after, labels.renamed(row["label"], called))
    _add_unlabeled(project, found, waiting, now)
    for item, after in now.items():
        found.note("new", item, None, after)
    on_progress(1.0)
    return Comparison(
        same=found.same,
        counts=found.counts,
        examples={kind: tuple(some) for kind, some in found.examples.items()},
    )


class _Found:
    """What differs, as it is found."""

    def __init__(self) -> None:
        self.same = 0
        self.counts: Counter[Kind] = Counter()
        self.examples: dict[Kind, list[Difference]] = {}

    def add(self, row: int, before: Mapping[str, Any], after: Mapping[str, Any] | None, label: Any) -> None:
        """A row as it was, with its label in the names of today, and as it is."""
        if after is None:
            self.note("gone", row, before, None)
            return
        kinds: list[Kind] = []
        if any(before.get(name) != text for name, text in after.items() if name not in ("label", "split")):
            kinds.append("text")
        if label != after["label"]:
            kinds.append("label")
        if before["split"] != after["split"]:
            kinds.append("split")
        for kind in kinds:
            self.note(kind, row, before, after)
        self.same += not kinds

    def note(self, kind: Kind, row: int, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """One difference; the first ones are kept to be shown."""
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < EXAMPLES:
            shown.append(Difference(row=row, kind=kind, before=before, after=after))


def _add_unlabeled(project: Project, found: _Found, waiting: list[snapshot.Row], now: Container[int]) -> None:
    """Rows that had no label, and have none `now`; they wait no longer."""
    there = {item.id: item for item in project.items.get_many([int(row["id"]) for row in waiting])}
    for row in waiting:
        number, split = int(row["id"]), snapshot.UNLABELED
        item = there.get(number)
        if number not in now:
            after = None if item is None else {**item.content, "label": None, "split": split}
            found.add(number, {**row, "split": split}, after, None)
    waiting.clear()


def _today(project: Project) -> dict[int, dict[str, Any]]:
    """The labeled rows as they are now."""
    task, names = task_named(project.task), project.classes.names()
    return {
        row.id: {**row.content, "label": task.labels.to_named(row.value, names), "split": row.split}
        for row in project.items.labelled(every=task.unsupervised)
    }


def save(
    project: Project,
    number: int,
    path: Path,
    form: Format,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Write the frozen rows to `path`; how many. Raises UserError, Cancelled."""
    if form not in FORMATS:
        raise UserError(f"There is no format “{form}”; choose one of {', '.join(FORMATS)}.")
    was, task = frozen(project, number), task_named(project.task)
    if was.damage:
        raise UserError(was.damage)

    def cells() -> Iterator[dict[str, object]]:
        total = max(1, sum(was.counts.values()))
        for place, (part, row) in enumerate(snapshot.every(project.runs.folder(number).snapshot)):
            if place % AT_ONCE == 0:
                on_progress(place / total)
            told = {name: value for name, value in row.items() if name not in ("id", "label")}
            told |= label_cells(task, row["label"], form)
            split = "train" if part == snapshot.UNLABELED else part
            yield told if form in BARE else {**told, "split": split}

    return write(path, cells(), form, without=without_label(task, form), should_stop=should_stop)
