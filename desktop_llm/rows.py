"""Rows as they travel between files, the store and the window: plain frozen records, known to all, owned by none."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from desktop_llm.jobs.prediction import Prediction

Show = Literal["all", "unlabeled", "labeled", "skipped", "second", "disputed"]
Order = Literal["file", "uncertain", "doubted"]
MarkKind = Literal["checked", "hard"]
Compare = Literal["is", "contains", "least", "most"]
LOOP = 0
"""`Item.predicted_by` of what the model in the loop guessed: the number of no run."""
WHOLE_ROW = "row as it stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A row on its way into a project. `label` in names or None; `split` '', train, validation or test."""

    content: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)
    label: Any | None = None
    split: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Many rows on their way into a project, by column: what one NewItem each would say, at a tenth of the cost.

    `main` names the content's main field, whose values are `texts`; `contents` holds the other fields, if any;
    `extras` JSON objects or None; `hashes` the rows' 16 bytes each, one behind the other, where somebody made them.
    """

    main: str
    texts: Sequence[str]
    extras: Sequence[str | None]
    labels: Sequence[Any | None]
    splits: Sequence[str]
    contents: Sequence[Mapping[str, str]] | None = None
    hashes: bytes | None = None


def batch_of(items: Sequence[NewItem]) -> Batch:
    """Single rows, all with the same fields, as a batch."""
    main = next(iter(items[0].content)) if items else ""
    contents = [{name: text for name, text in item.content.items() if name != main} for item in items]
    return Batch(
        main=main,
        texts=[item.content.get(main, "") for item in items],
        extras=[
            json.dumps(dict(item.extra), ensure_ascii=False, separators=(",", ":")) if item.extra else None
            for item in items
        ],
        labels=[item.label for item in items],
        splits=[item.split for item in items],
        contents=contents if any(contents) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row of a file that was not taken: its line (from 1), why, as a clause, and its cells as far as they were read.

    A row that has no cells because it could not be parted into any has its text as the cell WHOLE_ROW.
    """

    line: int
    reason: str
    cells: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import is: `fraction` of the file is read, and what became of its rows up to there.

    What is only known in the end is not in it: texts that come twice in the file still count as imported, and labels
    for texts that are here already are not counted.
    """

    fraction: float = 0.0
    imported: int = 0
    duplicates: int = 0
    labeled: int = 0
    unknown: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """All rows read so far."""
        return self.imported + self.duplicates + self.unknown + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did.

    `repeats` of the `duplicates` are repeated in the file only, the others were here before; `labeled` counts labels
    that came along, `conflicts` known texts with another label, `unknown` texts left out because only labels were
    wanted, `unfit` labels that have no place in their texts as these are here; `at` is the time of its end in ISO
    8601. `merged` names labels of the file that were merged in the project, each with the one that its rows have got;
    `archived` labels that are not offered there.
    """

    source: str
    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    rejected: tuple[Rejected, ...]
    rejected_count: int
    seconds: float
    at: str = ""
    unfit: int = 0
    repeats: int = 0
    merged: Mapping[str, str] = field(default_factory=dict)
    archived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of a project. `value` is the stored label (task's JSON) or None; `prediction` of the
    model in the loop, else of the newest run.

    The prediction speaks in the names that labels had when the run `predicted_by` was made; one of the model in the
    loop (LOOP) speaks in class ids, in `top` as text, until `naming.in_names_of_now` has named it (None).
    """

    id: int
    content: Mapping[str, str]
    extra: Mapping[str, str]
    split: str
    source: str
    value: Any | None
    skipped: bool
    prediction: Prediction | None = None
    predicted_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What the model in the loop says of a row: the stored label `value`, its probability and uncertainty in 0…1, and
    the likeliest classes by id with their probabilities."""

    item: int
    value: Any
    probability: float
    uncertainty: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of the label schema; `count` labels use it.

    `description` says what it means, with examples; an `archived` one is not offered for choosing any more; one that
    was `merged` is archived, and that other class (its id) has its labels.
    """

    id: int
    name: str
    color: str
    key: str
    count: int
    description: str = ""
    archived: bool = False
    merged: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guideline:
    """How to label, as it was at a time: the text, and what each class meant (by id). Version 0: nothing is written."""

    version: int
    text: str
    descriptions: Mapping[int, str]
    at: str
    labeler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows are meant. None or '' means any.

    `show` "second": rows that `labeler` is to label without seeing what the first one said; "disputed": rows whose
    labelers differ. `found`: the rows of a list that something found (`store.found`), 0 for none.
    `class_id` a label's class; `text` a part of the main text, whatever its case; lengths in characters of the main
    text; `since` and `until` ISO dates of the import, both inclusive; `column` a further column of the file whose cell
    `compare`s so with `value` ('' with "is": the cell is missing or empty; numbers compare as numbers, all else as
    text, so that ISO dates work); `predicted` (a class name: the label, or one of several) by `run`, or by the newest
    run that answered; `run` with `truth` (class id) and `predicted`: the rows of a run's confusion cell; `without` a
    class id that the label has not; `disagrees`: the newest prediction is another label than the row's.
    """

    show: Show = "all"
    class_id: int | None = None
    split: str = ""
    source: str = ""
    text: str = ""
    run: int | None = None
    truth: int | None = None
    predicted: str | None = None
    without: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    since: str = ""
    until: str = ""
    column: str = ""
    compare: Compare = "is"
    value: str = ""
    disagrees: bool = False
    labeler: str = ""
    found: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a filter lie: blocks of ids, each with its first id and the number of rows before it."""

    firsts: Sequence[int] = ()
    before: Sequence[int] = ()
    count: int = 0

    def at(self, place: int) -> tuple[int, int]:
        """For the row at a place (from 0): the id from which to read, and how many rows to pass over from there."""
        block = bisect_right(self.before, place) - 1
        return self.firsts[block], place - self.before[block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of a project's rows: labeled, skipped, waiting for a label (unlabeled); `binned` are not in the total."""

    total: int
    labeled: int
    skipped: int
    by_class: Mapping[int, int]
    by_split: Mapping[str, int]
    by_source: Mapping[str, int]
    binned: int = 0

    @property
    def unlabeled(self) -> int:
        """Rows without a label that were not skipped."""
        return self.total - self.labeled - self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabel:
    """What an edit gives a row: the stored label `value`, or None for none, then perhaps put aside (`skipped`)."""

    value: Any | None
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What an operation on many rows does to one of them; None leaves alone.

    `content` is the whole new content, `extra` are all further cells, `labeler` a name and the one that what was said
    under it gets.
    """

    item: int
    content: Mapping[str, str] | None = None
    extra: Mapping[str, Any] | None = None
    split: str | None = None
    label: NewLabel | None = None
    to_bin: bool = False
    labeler: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing done to many rows at once. `details` say how, as JSON; `count` rows were changed by it.

    `final`: its originals were forgotten, so that it cannot be undone.
    """

    id: int
    kind: str
    title: str
    details: Mapping[str, Any]
    labeler: str
    at: str
    undone: bool
    count: int
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a write has changed, so that the window can announce it once."""

    items: bool = False
    labels: bool = False
    classes: bool = False
    runs: bool = False
    predictions: bool = False
    doubts: bool = False

    def __or__(self, other: Changes) -> Changes:
        """Both together."""
        return Changes(
            items=self.items or other.items,
            labels=self.labels or other.labels,
            classes=self.classes or other.classes,
            runs=self.runs or other.runs,
            predictions=self.predictions or other.predictions,
            doubts=self.doubts or other.doubts,
        )
