"""Bundles: a project, or part of it, as one file for a colleague, and what comes back brought together with it.

A bundle holds classes, rows (with the label that came with each), all entries of the rows' label history, and all
versions of the guideline by which labels were given. Taking one in adds what is new and loses nothing of either side:
labels that two people gave without knowing of each other, and that differ, wait for a decision. The same bundle twice
changes nothing; neither does the order. What lies in the bin of one side stays there; texts and splits of rows that
both have stay as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from desktop_llm.data import bundle
from desktop_llm.data.bundle import CLASSES, ENDING, EVENTS, GUIDELINES, HEAD, ROWS
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Changes, Filter, NewItem
from desktop_llm.store.class_joining import ClassCopy
from desktop_llm.store.guideline_joining import GuidelineCopy
from desktop_llm.store.joining import EventCopy, RowCopy
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs.judging import judge
from desktop_llm.verbs.placing import Placing

if TYPE_CHECKING:
    from desktop_llm.tasks.task import Labels

FORMAT = 1
"""Programs refuse a higher one. Bundles without GUIDELINES are from older programs, which read those with it all the
same: they pass over what they do not know, and understand the rest rightly."""
AT_ONCE = 500
ROWS_AT_ONCE = 50_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a bundle is: of which project and task, from whom and when, how much it holds, and the project's rules."""

    format: int
    project: str
    task: str
    labeler: str
    at: str
    rows: int
    events: int
    share: float = 0.0
    share_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a bundle brought: new rows, new entries of the history, others undone or done again.

    `left` are entries of rows that lie in this project's bin; `disputed` rows wait for a decision now; `unfit` labels
    were left out, as their texts were changed here so that they have no place any more; `guidelines` are new versions.
    """

    head: Head
    rows: int
    events: int
    turned: int
    left: int
    disputed: int
    changes: Changes
    unfit: int = 0
    guidelines: int = 0


def write(
    project: Project,
    path: Path,
    *,
    told: Filter | None = None,
    labeler: str = "",
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Head:
    """Write the rows of a filter (None: all) with all that was said about them to `path`, which ends in ENDING.

    Raises UserError, Cancelled; then there is no file.
    """
    if path.suffix.casefold() != ENDING:
        raise UserError(f"The name of a bundle ends in {ENDING}: call it “{path.name}{ENDING}”.")
    which = told or Filter()
    total, done = max(1, 2 * project.items.count(which)), 0
    rules, names = task_named(project.task).labels, project.classes.names()
    former = project.joining.former()

    def parts() -> Iterator[Sequence[int]]:
        nonlocal done
        for part in project.items.ids(which):
            if should_stop():
                raise Cancelled
            yield part
            done += len(part)
            on_progress(done / total, f"{done // 2:,}")

    with bundle.packing(path) as packed:
        packed.put(CLASSES, project.joining.classes())
        rows = packed.put(ROWS, (row for part in parts() for row in _rows(project, part, rules, names, former)))
        entries = packed.put(
            EVENTS,
            (
                replace(copy, label=_named(value, rules, names))
                for part in parts()
                for copy, value in project.joining.events(part, former)
            ),
        )
        # after the entries, so that the version of each is there
        packed.put(GUIDELINES, project.joining.guidelines())
        head = Head(
            format=FORMAT,
            project=project.name,
            task=project.task,
            labeler=labeler,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            rows=rows,
            events=entries,
            share=project.people.share,
            share_at=project.people.share_at,
        )
        packed.put(HEAD, [head])
    return head


def look(path: Path) -> Head:
    """What a bundle is. Raises UserError."""
    with bundle.unpacking(path) as packed:
        head = next(packed.take(HEAD, Head), None)
    if head is None:
        raise UserError(f"“{path.name}” is no bundle of desktop_llm: its {HEAD} is empty.")
    if head.format > FORMAT:
        raise UserError(f"“{path.name}” was made by a newer desktop_llm; take the newest version to read it.")
    if not 0 <= head.share <= 1 or min(head.rows, head.events) < 0:
        raise UserError(f"“{path.name}” is damaged: its {HEAD} cannot be true; ask for the bundle again.")
    return head


def begin(path: Path, file: Path, name: str = "") -> Project:
    """Make an empty project for a bundle, which is to be taken next; open. Raises UserError.

    Without a `name` it is called as the bundle says.
    """
    head = look(file)
    task_named(head.task)
    return Project.create(path, head.task, name or head.project)


def make(
    path: Path,
    file: Path,
    name: str = "",
    *,
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Taken:
    """Make a project of a bundle in the folder `path`, whole or not at all. Raises UserError, Cancelled."""
    fresh = not path.exists()
    project = begin(path, file, name)
    made = False
    try:
        taken = take(project, file, on_progress=on_progress, should_stop=should_stop)
        made = True
        return taken
    finally:
        project.close()
        if fresh and not made:
            shutil.rmtree(path, ignore_errors=True)


def take(
    project: Project,
    path: Path,
    *,
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Taken:
    """Bring a bundle's rows and labels together with the project's. Raises UserError, Cancelled.

    What was taken by then stays, and the same bundle may be taken again: nothing comes twice.
    """
    head = look(path)
    if head.task != project.task:
        known = TASKS.get(head.task)
        raise UserError(
            f"“{path.name}” is of another kind ({known.title if known else head.task}) than this project "
            f"({task_named(project.task).title}); open it as a project of its own."
        )
    task = task_named(project.task)
    rules = task.labels
    with bundle.unpacking(path) as packed:
        judge(packed, path.name, rules)
        known_as = project.joining.take_classes(packed.take(CLASSES, ClassCopy))
        versions = project.joining.take_guidelines(packed.take(GUIDELINES, GuidelineCopy, needed=False))
        passes = 2 if task.move_label is None else 3
        progress = _Progress(passes * head.rows + head.events, on_progress, should_stop)
        came = _take_rows(project, progress.over(packed.take(ROWS, RowCopy)), rules, known_as)
        numbers = {name: number for number, name in project.classes.names().items()}

        def value_of(named: Any) -> Any:
            return rules.to_value(rules.renamed(named, known_as), numbers)

        rows = progress.over(packed.take(ROWS, RowCopy))
        entries = progress.over(packed.take(EVENTS, EventCopy))
        placing = None
        if task.move_label is not None:
            placing = Placing(project, task.move_label, progress.over(packed.take(ROWS, RowCopy)))
            rows, entries = placing.bases(rows, packed.take(EVENTS, EventCopy)), placing.entries(entries)
        project.joining.take_bases(((row, value_of(row.label)) for row in rows if row.label is not None), head.at)
        joined = project.joining.take_events(
            (copy, None if copy.label is None else value_of(copy.label)) for copy in entries
        )
    if head.share_at > project.people.share_at:
        project.people.set_share(head.share, should_stop, at=head.share_at)
    return Taken(
        head=head,
        rows=came,
        events=joined.new,
        turned=joined.turned,
        left=joined.left,
        disputed=project.people.disputed(),
        changes=Changes(items=came > 0, labels=True, classes=True),
        unfit=0 if placing is None else placing.unfit,
        guidelines=versions,
    )


class _Progress:
    """Tells how many records were read, and asks whether to stop."""

    def __init__(self, total: int, on_progress: Callable[[float, str], None], should_stop: Callable[[], bool]) -> None:
        self._total, self._done = max(1, total), 0
        self._tell, self._stop = on_progress, should_stop

    def over(self, records: Iterable[T]) -> Iterator[T]:
        """The records, one after the other."""
        for record in records:
            self._done += 1
            if self._done % AT_ONCE == 0:
                if self._stop():
                    raise Cancelled
                self._tell(min(1.0, self._done / self._total), f"{self._done:,}")
            yield record


def _rows(
    project: Project,
    items: Sequence[int],
    rules: Labels,
    names: Mapping[int, str],
    former: Mapping[int, tuple[str, ...]],
) -> Iterator[RowCopy]:
    hashes, bases = project.joining.hashes(items), project.joining.bases(items)
    for item in project.items.get_many(items):
        yield RowCopy(
            hash=hashes[item.id],
            formerly=former.get(item.id, ()),
            content=item.content,
            extra=item.extra,
            split=item.split,
            source=item.source,
            label=_named(bases.get(item.id), rules, names),
        )


def _named(value: Any | None, rules: Labels, names: Mapping[int, str]) -> Any | None:
    """A label in names; None for none, and for one of a class that was removed since."""
    if value is None:
        return None
    try:
        return rules.to_named(value, names)
    except UserError:
        return None


def _take_rows(project: Project, rows: Iterable[RowCopy], rules: Labels, known_as: Mapping[str, str]) -> int:
    """Bring the rows in that the project does not know; how many."""
    came = 0
    waiting = iter(rows)
    while part := list(islice(waiting, ROWS_AT_ONCE)):
        fresh = project.joining.unknown(part)
        for source, some in groupby(fresh, key=lambda row: row.source):
            items = [
                NewItem(
                    content=row.content,
                    extra=row.extra,
                    label=None if row.label is None else rules.renamed(row.label, known_as),
                    split=row.split,
                )
                for row in some
            ]
            counts = project.items.insert(source, items, to_value=rules.to_value, class_names=rules.names)
            came += counts.imported
        project.joining.know(part)
    return came
