"""Personal data in a project's texts: found, reviewed kind by kind, masked or replaced as one operation.

Texts and all further cells of the rows are looked through, and so are labels that a person writes. What a person
decides may stay (`staying`) is known again wherever it comes up.
What is masked or replaced is gone from them; History still knows the originals, so that it can be undone, until
`forgetting` makes it final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from desktop_llm.data.personal.find import KINDS, REGIONS, TITLES, Find, Kind, find
from desktop_llm.data.personal.masking import mask, replace
from desktop_llm.data.personal.pseudonyms import Pseudonyms
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.rows import Edit, NewLabel
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs.following import Following
from desktop_llm.verbs.staying import Kept, Values

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

Way = Literal["mask", "blocks", "replace"]
WAYS: Mapping[Way, str] = {"mask": "named by kind, [EMAIL]", "blocks": "blacked out", "replace": "pseudonyms"}
REFUSE, OPERATION = "personal.refuse", "personal"
LABEL = "label"
"""The column in which finds in labels are told."""
EXAMPLES = 200
AT_ONCE = 200
REMEMBERED = 4096
"""Cells whose finds are remembered: in further columns many are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One find in its text, which is a row's cell in `column`; `main` where that is the main text."""

    row: int
    column: str
    main: bool
    text: str
    found: Find


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in `rows` rows: finds by kind that wait for a decision and that may stay, and the first ones.

    `columns` tells in which columns those are that wait.
    """

    rows: int
    open: Mapping[Kind, int]
    kept: Mapping[Kind, int]
    columns: Mapping[Kind, Mapping[str, int]]
    examples: Mapping[Kind, tuple[Example, ...]]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row in full. Cells of both kinds may have one name, so they are kept apart."""

    id: int
    content: Mapping[str, str]
    extra: Mapping[str, Any]
    label: Any = None
    """In tasks where it is written; None in all others, as classes are no texts of a person."""

    def cells(self) -> Iterator[tuple[str, bool, str]]:
        """Column, whether it is the main text, and text; numbers as they are written."""
        for place, (column, text) in enumerate(self.content.items()):
            yield column, not place, text
        for column, cell in self.extra.items():
            text = _text(cell)
            if text:
                yield column, False, text
        for text in _written(self.label):
            yield LABEL, False, text


def scan(
    project: Project,
    *,
    kinds: Collection[Kind] = KINDS,
    regions: Collection[str] = REGIONS,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Found:
    """Look through all cells of all rows. Raises Cancelled."""
    may_stay = Kept(project)
    kept: Counter[Kind] = Counter()
    columns: dict[Kind, Counter[str]] = {}
    examples: dict[Kind, list[Example]] = {}
    rows, look = 0, _looking(kinds, regions)
    for row in _rows(project, on_progress, should_stop):
        rows += 1
        for column, main, text in row.cells():
            for one in look(text):
                if one in may_stay:
                    kept[one.kind] += 1
                    continue
                columns.setdefault(one.kind, Counter())[column] += 1
                shown = examples.setdefault(one.kind, [])
                if len(shown) < EXAMPLES:
                    shown.append(Example(row=row.id, column=column, main=main, text=text, found=one))
    return Found(
        rows=rows,
        open={kind: told.total() for kind, told in columns.items()},
        kept=kept,
        columns=columns,
        examples={kind: tuple(some) for kind, some in examples.items()},
    )


def there(
    project: Project,
    kinds: Collection[Kind],
    *,
    regions: Collection[str] = REGIONS,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Values:
    """The different values of these kinds in all cells of all rows; `staying.keep` lets them stay. Raises Cancelled."""
    look, found = _looking(tuple(kinds), regions), {kind: set[str]() for kind in kinds}
    rows = 0
    for row in _rows(project, on_progress, should_stop):
        here = [one for _, _, text in row.cells() for one in look(text)]
        rows += bool(here)
        for one in here:
            found[one.kind].add(one.text)
    return Values(rows=rows, of=found)


def treat(
    project: Project,
    ways: Mapping[Kind, Way],
    *,
    regions: Collection[str] = REGIONS,
    labeler: str = "",
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Mask or replace all finds of these kinds that may not stay, in all columns and written labels, as one operation.

    Raises UserError or Cancelled, and then nothing has changed.
    """
    _writable(project)
    if not ways:
        raise UserError("Choose at least one kind of personal data.")
    may_stay, pseudonyms = Kept(project), Pseudonyms(project.notes.secret(), regions)
    look = _looking(tuple(ways), regions)
    there: set[Kind] = set()

    def treated(cell: Any) -> Any:
        """The cell itself where nothing is found."""
        text = _text(cell)
        finds = [one for one in look(text) if one not in may_stay]
        there.update(one.kind for one in finds)
        return _treated(text, finds, ways, pseudonyms) if finds else cell

    def edits() -> Iterator[Edit]:
        for row in _rows(project, on_progress, should_stop):
            content = {column: treated(cell) for column, cell in row.content.items()}
            extra = {column: treated(cell) for column, cell in row.extra.items()}
            label = _rewritten(row.label, treated)
            if content != row.content or extra != row.extra or label != row.label:
                yield Edit(
                    item=row.id,
                    content=content if content != row.content else None,
                    extra=extra if extra != row.extra else None,
                    label=NewLabel(value=label) if label != row.label else None,
                )

    def title() -> str:
        """With the kinds that there were."""
        found = {kind: way for kind, way in ways.items() if kind in there} or ways
        return "Personal data: " + ", ".join(f"{TITLES[kind].lower()} {WAYS[way]}" for kind, way in found.items())

    following = Following(project, edits())
    details = {"ways": dict(ways), "regions": list(regions), **following.details}
    outcome = project.operations.apply(
        OPERATION,
        title(),
        following,
        details=details,
        labeler=labeler,
        retitle=title,
        should_stop=should_stop,
    )
    return following.told(outcome)


def mask_drafts(project: Project) -> None:
    """Name the kind of what is found in drafts of written labels, and may not stay. Raises UserError."""
    may_stay = Kept(project)

    def treated(cell: Any) -> Any:
        text = _text(cell)
        finds = [one for one in find(text) if one not in may_stay]
        return mask(text, finds, "kind") if finds else cell

    project.drafts.rewrite(lambda value: _rewritten(value, treated))


def refuses(project: Project) -> bool:
    """Whether models are not exported while their texts hold finds that nobody has reviewed."""
    return bool(project.notes.get(REFUSE, default=False))


def set_refuses(project: Project, *, refuse: bool) -> None:
    """Say whether they are. Raises UserError."""
    _writable(project)
    project.notes.put(REFUSE, refuse)


def must_be_reviewed(project: Project, number: int) -> None:
    """Raise UserError when the project wants it and texts that run `number` learned from hold unreviewed finds."""
    if not refuses(project):
        return
    may_stay = Kept(project)
    rows = finds = 0
    for here in _learned(project, number, may_stay):
        rows, finds = rows + bool(here), finds + here
    if finds:
        raise UserError(
            f"Run {number} learned from {rows:,} texts with personal data that nobody has reviewed ({finds:,} finds); "
            "review them under Data, Personal, and train again, or switch this rule off there."
        )


def learned_unreviewed(project: Project, should_stop: Callable[[], bool] = lambda: False) -> list[int]:
    """The runs that learned from texts with finds that nobody has reviewed. Raises Cancelled."""
    may_stay, found = Kept(project), []
    for run in project.runs.all():
        try:
            for place, here in enumerate(_learned(project, run.number, may_stay)):
                if place % AT_ONCE == 0 and should_stop():
                    raise Cancelled
                if here:
                    found.append(run.number)
                    break
        except UserError:  # what cannot be read tells nobody anything
            continue
    return sorted(found)


def _learned(project: Project, number: int, may_stay: Kept) -> Iterator[int]:
    """Unreviewed finds in each row that a run has frozen. Raises UserError."""
    folder = project.runs.folder(number).snapshot
    for _, row in snapshot.every(folder):
        texts = [value for name, value in row.items() if name not in ("id", "label") and isinstance(value, str)]
        yield sum(one not in may_stay for text in texts for one in find(text))


def _treated(text: str, finds: list[Find], ways: Mapping[Kind, Way], pseudonyms: Pseudonyms) -> str:
    """The finds of each way in turn, from the right, so that places stay right."""
    for one in sorted(finds, key=lambda one: -one.start):
        way = ways[one.kind]
        if way == "replace":
            text = replace(text, [one], pseudonyms)
        else:
            text = mask(text, [one], "blocks" if way == "blocks" else "kind")
    return text


def _looking(kinds: Collection[Kind], regions: Collection[str]) -> Callable[[str], tuple[Find, ...]]:
    """What finds data of these kinds in a text."""
    return lru_cache(REMEMBERED)(lambda text: find(text, kinds, regions))


def _text(cell: Any) -> str:
    """What is written in a cell; '' where nothing is."""
    return cell if isinstance(cell, str) else "" if cell is None or isinstance(cell, bool) else str(cell)


def _rows(project: Project, on_progress: Callable[[float], None], should_stop: Callable[[], bool]) -> Iterator[_Row]:
    total, place = max(1, project.items.counts().total), 0
    written = not task_named(project.task).classes
    waiting = project.items.in_full()
    while part := list(islice(waiting, AT_ONCE)):
        if should_stop():
            raise Cancelled
        on_progress(min(1.0, place / total))
        there = project.items.get_many([number for number, _, _ in part]) if written else []
        labels = {item.id: item.value for item in there}
        for number, content, extra in part:
            yield _Row(number, content, extra, labels.get(number))
        place += len(part)
    on_progress(1.0)


def _written(label: Any) -> Iterator[str]:
    """The texts in a label, which may be a text, or lists and tables of texts."""
    if isinstance(label, str):
        yield label
    elif isinstance(label, Mapping | list):
        for part in label.values() if isinstance(label, Mapping) else label:
            yield from _written(part)


def _rewritten(label: Any, treated: Callable[[Any], Any]) -> Any:
    """The label with all its texts treated."""
    if isinstance(label, str):
        return treated(label)
    if isinstance(label, Mapping):
        return {key: _rewritten(part, treated) for key, part in label.items()}
    return [_rewritten(part, treated) for part in label] if isinstance(label, list) else label


def _writable(project: Project) -> None:
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
