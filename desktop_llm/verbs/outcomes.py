"""How the rows of a measurement came out: gathered from what is kept of a run, and turned into figures with intervals.

Nothing here asks a model: a run that has ended left its answers on the held-out rows behind, and `evaluating` keeps
those on whatever else it was measured on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_llm.errors import UserError
from desktop_llm.evidence import calibration
from desktop_llm.evidence import intervals as bootstrap
from desktop_llm.evidence.intervals import Interval
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.store.evaluations import FILTER, SPLIT, Evaluation, Outcome
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

Kind = Literal["split", "filter", "file"]
AT_ONCE = 500
MOST_MEASURED = 300
"""Rows whose figures get intervals by measuring again and again, where a task has no tally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class On:
    """What a run is measured on: a split, a filter that the project keeps, or a file, by name or path."""

    kind: Kind
    name: str

    @property
    def words(self) -> str:
        """In words."""
        if self.kind == SPLIT:
            return f"{self.name} texts"
        return f"the filter “{self.name}”" if self.kind == FILTER else f"the file “{self.name}”"


TEST, VALIDATION = On(kind=SPLIT, name="test"), On(kind=SPLIT, name="validation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Rows in their order: ids (0: not in the project), true labels in the names of the run, and its answers.

    `logits` float32 [rows, classes] where answers are classes and the run was asked for them, else None; `contents`
    and `extras` are of rows that are not in the project, by place.
    """

    run: int
    on: On
    ids: tuple[int, ...]
    truth: tuple[Any, ...]
    answers: tuple[Prediction, ...]
    classes: tuple[str, ...]
    logits: np.ndarray | None = None
    contents: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    extras: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    at: str = ""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)

    def keys(self, places: Iterable[int]) -> tuple[int, ...]:
        """By what rows at these places are asked for: their ids; −1 − place of those that are not in the project."""
        return tuple(self.ids[place] or -1 - place for place in places)


def of(project: Project, number: int, on: On) -> Outcomes | None:
    """Those of run `number` on something; None where it was not measured on it. Raises UserError."""
    kept = project.evaluations.find(number, on.kind, on.name)
    if kept is not None:
        return _kept(project, kept, on)
    return _left_behind(project, number, on.name) if on.kind == SPLIT else None


def tally_of(project: Project, told: Outcomes) -> Tally | None:
    """What its rows add to the figures; None where the task cannot tell, or there are no rows."""
    task = task_named(project.task)
    if task.open_tally is None or not len(told):
        return None
    return task.open_tally()(told.truth, told.answers, told.classes)


def memberships(project: Project, told: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Which labels each row has, and is told to have: bool [rows, classes] both."""
    task = task_named(project.task)
    place = {name: at for at, name in enumerate(told.classes)}
    both = []
    for side in (told.truth, [one.label for one in told.answers]):
        made = np.zeros((len(told), len(place)), dtype=bool)
        for row, label in enumerate(side):
            made[row, [place[name] for name in task.labels.names(label) if name in place]] = True
        both.append(made)
    return both[0], both[1]


def chances(project: Project, told: Outcomes) -> np.ndarray | None:
    """Of each label, float64 [rows, classes]; None where the run was not asked, or labels are no classes of rows."""
    rules = task_named(project.task).loop
    if rules is None or told.logits is None or not len(told):
        return None
    logits = told.logits.astype(np.float64)
    return 1.0 / (1.0 + np.exp(-logits)) if rules.many else calibration.chances(logits)


def wrong(told: Outcomes, tally: Tally | None) -> tuple[int, ...]:
    """The keys of the rows that went wrong."""
    if tally is None or tally.right is None:
        return ()
    return told.keys(np.flatnonzero(~tally.right).tolist())


def figures(
    project: Project, told: Outcomes, *, should_stop: Callable[[], bool] = lambda: False
) -> dict[str, Interval]:
    """The figures with their intervals. Raises Cancelled."""
    tally = tally_of(project, told)
    if tally is not None:
        return bootstrap.intervals(tally, should_stop=should_stop)
    task = task_named(project.task)
    if not len(told):
        return {}
    score = task.open_score()
    if len(told) > MOST_MEASURED:  # each draw would be scored anew
        value = score(told.truth, told.answers, told.classes).metrics
        return {name: Interval(value=one, low=math.nan, high=math.nan) for name, one in value.items()}

    def measured(places: np.ndarray) -> Mapping[str, float]:
        truth, answers = [told.truth[place] for place in places], [told.answers[place] for place in places]
        return score(truth, answers, told.classes).metrics

    return bootstrap.by_measuring(measured, len(told), should_stop=should_stop)


def to_keep(told: Outcomes) -> list[Outcome]:
    """The rows as the project keeps them."""
    logits = None if told.logits is None else told.logits.astype("<f4")
    return [
        Outcome(
            item=number,
            truth=None if number and isinstance(truth, Mapping) else truth,
            answer=answer,
            logits=None if logits is None else logits[place].tobytes(),
            content=told.contents.get(place, {}),
            extra=told.extras.get(place, {}),
        )
        for place, (number, truth, answer) in enumerate(zip(told.ids, told.truth, told.answers, strict=True))
    ]


def _kept(project: Project, kept: Evaluation, on: On) -> Outcomes:
    rows = list(project.evaluations.outcomes(kept.id))
    texts = _contents(project, [one.item for one in rows if one.truth is None and one.item])
    there = [place for place, one in enumerate(rows) if one.truth is not None or not one.item or one.item in texts]
    rows = [rows[place] for place in there]
    whole = bool(rows) and all(one.logits is not None for one in rows)
    logits = np.stack([np.frombuffer(one.logits or b"", "<f4") for one in rows]) if whole else None
    return Outcomes(
        run=kept.run,
        on=on,
        ids=tuple(one.item for one in rows),
        truth=tuple(texts[one.item] if one.truth is None and one.item else one.truth for one in rows),
        answers=tuple(one.answer for one in rows),
        classes=kept.classes,
        logits=logits,
        contents={place: one.content for place, one in enumerate(rows) if not one.item},
        extras={place: one.extra for place, one in enumerate(rows) if not one.item},
        at=kept.at,
    )


def _contents(project: Project, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The rows themselves, for tasks that foretell these."""
    found = {}
    for start in range(0, len(ids), AT_ONCE):
        found.update({item.id: dict(item.content) for item in project.items.get_many(ids[start : start + AT_ONCE])})
    return found


def _left_behind(project: Project, number: int, split: str) -> Outcomes | None:
    """What the run left in its folder when it ended: the labels as they were frozen, and its answers."""
    if split not in SPLITS:
        raise UserError(f"There is no split “{split}”; choose one of {', '.join(SPLITS)}.")
    folder = project.runs.folder(number)
    answers = dict(folder.read_predictions(split))
    if not answers:
        return None
    task = task_named(project.task)
    rows = [row for row in snapshot.rows(folder.snapshot, split) if int(row["id"]) in answers]
    return Outcomes(
        run=number,
        on=On(kind=SPLIT, name=split),
        ids=tuple(int(row["id"]) for row in rows),
        truth=tuple(row if task.unsupervised else row["label"] for row in rows),
        answers=tuple(answers[int(row["id"])] for row in rows),
        classes=tuple(project.runs.schema(number).get("classes", ())),
    )
