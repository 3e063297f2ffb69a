"""How a project holds rows out: the rule, what it would do, and doing it now as one operation.

Without a rule of its own a project holds out a tenth each for validation and test, evenly over the labels, when a
run is first made. A row that has a split keeps it, whatever comes in later; only `again` deals all of them out anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from desktop_llm.data import splits
from desktop_llm.data.splits import METHODS, Alike, Method, SplitRow, moment
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Edit
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

NOTE = "splits"
LEAST_TRAIN = 0.1
ENOUGH_HELD, LEAST_SHARE = 4_000_000, 0.0001
"""So many characters of texts without labels, and at least this share of them, are enough to tell how well a model
foretells: about a million tokens, which a processor reads in a minute or two."""
ASK_EVERY = 1000
"""Rows that are read between two looks whether it is to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`method` of `data.splits`, the shares held out, the seed of what is drawn, the `column` of groups or times."""

    method: Method = "stratified"
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """What a rule gives: a split for each row by id; those of them that are `new`; rows by class and split.

    A row of several classes counts for each, one without any for its stratum.
    """

    split_of: Mapping[int, str]
    new: Mapping[int, str]
    counts: Mapping[str, Mapping[str, int]]


def rule(project: Project) -> Rule:
    """The project's own rule; without one, of texts that need no label so many are held out as a figure needs."""
    told = project.notes.get(NOTE, default={})
    known = {one.name for one in fields(Rule)}
    if told and known.issuperset(told):
        return Rule(**told)
    if not task_named(project.task).unsupervised:
        return Rule()
    share = min(Rule().validation, max(LEAST_SHARE, round(ENOUGH_HELD / max(1, project.items.characters()), 4)))
    return Rule(validation=share, test=share)


def checked(told: Rule) -> Rule:
    """The rule, if it is one. Raises UserError."""
    if told.method not in METHODS:
        raise UserError(f"There is no way to split called “{told.method}”; choose one of {', '.join(METHODS)}.")
    if min(told.validation, told.test) < 0 or told.validation + told.test > 1 - LEAST_TRAIN:
        raise UserError("Validation and test together take at most 90 % of the rows, and neither less than nothing.")
    if told.method in ("group", "time") and not told.column:
        raise UserError(f"Splitting by {told.method} needs the column that holds it; choose one.")
    return told if told.method in ("group", "time") else replace(told, column="")


def set_rule(project: Project, told: Rule) -> None:
    """Keep a rule for the runs to come. Raises UserError."""
    project.notes.put(NOTE, asdict(checked(told)))


def deal(
    project: Project,
    told: Rule,
    *,
    again: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Dealt:
    """What the rule gives the labeled rows as they are now; `again`: as if none had a split.

    Raises UserError, Cancelled.
    """
    told = checked(told)
    task = task_named(project.task)
    if task.unsupervised and told.method == "stratified":
        return _deal_alike(project, told, again=again, should_stop=should_stop)
    names = project.classes.names()
    labels = task.labels
    cells = _cells(project, told)
    rows: list[SplitRow] = []
    classes: list[tuple[str, ...]] = []
    for place, row in enumerate(project.items.labelled(every=task.unsupervised)):
        if place % ASK_EVERY == 0 and should_stop():
            raise Cancelled
        named = labels.to_named(row.value, names)
        classes.append(labels.names(named) or (labels.stratum(named),))
        rows.append(
            SplitRow(
                id=row.id,
                hash=row.hash,
                stratum=labels.stratum(named),
                split="" if again and told.method != "file" else row.split,
                group=cells.get(row.id, "") if told.method == "group" else "",
                time=moment(cells.get(row.id, "")) if told.method == "time" else None,
            )
        )
    rows = _by_rarest(rows, classes)
    new = splits.split(rows, told.method, validation=told.validation, test=told.test, seed=told.seed)
    split_of = {row.id: row.split or new.get(row.id, splits.TRAIN) for row in rows}
    counts: dict[str, Counter[str]] = {}
    for dealt, used in zip(rows, classes, strict=True):
        for name in used:
            counts.setdefault(name, Counter())[split_of[dealt.id]] += 1
    return Dealt(split_of=split_of, new=new, counts=counts)


def _deal_alike(project: Project, told: Rule, *, again: bool, should_stop: Callable[[], bool]) -> Dealt:
    """As `deal`, for rows without labels, of which there may be many millions. Raises Cancelled."""
    rows = Alike(told.seed)
    for place, (item, digest, split) in enumerate(project.items.hashes()):
        if place % ASK_EVERY == 0 and should_stop():
            raise Cancelled
        rows.add(item, digest.hex(), "" if again else split)
    split_of, new = rows.deal(validation=told.validation, test=told.test)
    counts = split_of.counts()
    stratum = task_named(project.task).labels.stratum(None)
    return Dealt(split_of=split_of, new=new, counts={stratum: counts} if counts else {})


def _cells(project: Project, told: Rule) -> dict[int, str]:
    """What rows have in the rule's column. Raises UserError where there is no such column."""
    if not told.column:
        return {}
    cells = dict(project.items.cells(told.column))
    if not cells:
        columns = ", ".join(f"“{name}”" for name in project.items.columns())
        there = f"the columns are {columns}" if columns else "the rows have no further columns"
        raise UserError(f"No row has a column “{told.column}” to split by {told.method}; {there}.")
    return cells


def _by_rarest(rows: list[SplitRow], classes: Sequence[tuple[str, ...]]) -> list[SplitRow]:
    """Rows of several classes go by their rarest one: few share all of them, and what is rare is held out evenly.

    A class of a single row cannot be, and must not keep its row from what is held out of its other classes.
    """
    if all(len(used) == 1 for used in classes):
        return rows
    often = Counter(name for used in classes for name in used)
    return [
        replace(row, stratum=min(used, key=lambda name: (often[name] < 2, often[name], name))) if len(used) > 1 else row
        for row, used in zip(rows, classes, strict=True)
    ]


def apply(
    project: Project,
    told: Rule,
    *,
    again: bool = False,
    labeler: str = "",
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Deal the rows out by the rule now, as one operation, and keep the rule.

    Raises UserError or Cancelled, and then nothing has changed.
    """
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    dealt = deal(project, told, again=again, should_stop=should_stop)
    total = max(1, len(dealt.new))

    def edits() -> Iterator[Edit]:
        for item, split in sorted(dealt.new.items()):
            yield Edit(item=item, split=split)

    outcome = project.operations.apply(
        "split",
        f"Split: {METHODS[told.method].lower()}",
        edits(),
        details={**asdict(told), "again": again},
        labeler=labeler,
        on_progress=lambda done: on_progress(min(1.0, done / total)),
        should_stop=should_stop,
    )
    set_rule(project, told)
    return outcome
