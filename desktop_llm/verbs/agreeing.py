"""How far the people of a project agree, and how each of them labels: figures for labelers and labels."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_llm.data import agreement as figures
from desktop_llm.data.agreement import Agreement
from desktop_llm.errors import UserError
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelerFigures:
    """How somebody labels. Shares are 0…1, None where there is nothing to tell from.

    `given` labels, `seconds` the median of how long a row was looked at, `agreement` the share of equal pairs with
    others who did not see the label, `changed` the share that another one replaced by a different label,
    `suggested` the share taken over from a model.
    """

    name: str
    given: int
    seconds: float | None
    agreement: float | None
    changed: float | None
    suggested: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """How surely people give a label: `rows` that two or more judged and one at least gave it.

    `specific` is the share of its pairs in which both gave it (specific agreement, Cicchetti & Feinstein 1990);
    `alpha` Krippendorff's of giving it or not; `changed` as in LabelerFigures.
    """

    name: str
    given: int
    rows: int
    specific: float | None
    alpha: float | None
    changed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All figures of a project."""

    overall: Agreement
    labelers: Sequence[LabelerFigures]
    labels: Sequence[LabelFigures]


BLIND_PART = 0.3
"""How much of the time goes by with the rows that several people labeled, about."""


def report(
    project: Project,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Report:
    """Read all that people said and count. Raises Cancelled."""
    rules, names = task_named(project.task).labels, project.classes.names()

    def named(value: Any) -> Any | None:
        try:
            return rules.to_named(value, names)
        except UserError:  # a class that was removed since
            return None

    rows = []
    for _, said in project.people.opinions(should_stop, lambda told: on_progress(BLIND_PART * told)):
        told = {name: label for name, value in said.items() if (label := named(value)) is not None}
        if len(told) > 1:
            rows.append(told)
    by_name: dict[str, _Tally] = defaultdict(_Tally)
    by_label: dict[str, _Tally] = defaultdict(_Tally)
    for given in project.people.given(should_stop, lambda told: on_progress(BLIND_PART + (1 - BLIND_PART) * told)):
        label = named(given.value)
        if label is None:
            continue
        changed = given.replaced_by is not None and given.replaced_by != given.value
        for tally in (by_name[given.labeler], *(by_label[name] for name in rules.names(label))):
            tally.count(given.seconds, changed=changed, suggested=given.origin == "suggestion")
    categories = [{name: _category(label) for name, label in row.items()} for row in rows]
    parts = [{name: frozenset(rules.names(label)) for name, label in row.items()} for row in rows]
    return Report(
        overall=figures.agreement(categories),
        labelers=[_labeler(name, tally, categories) for name, tally in sorted(by_name.items())],
        labels=[_label(name, by_label[name], parts) for name in names.values() if name in by_label],
    )


class _Tally:
    """What is counted of the labels of one person, or of one label."""

    def __init__(self) -> None:
        self.given = 0
        self.told: Counter[str] = Counter()
        self.seconds: list[float] = []

    def count(self, seconds: float | None, *, changed: bool, suggested: bool) -> None:
        """One label more."""
        self.given += 1
        self.told.update(changed=int(changed), suggested=int(suggested))
        if seconds is not None:
            self.seconds.append(seconds)

    def share(self, what: str) -> float | None:
        """The share of labels of which this was said."""
        return self.told[what] / self.given if self.given else None


def _category(label: Any) -> str:
    """A label as something to be compared."""
    return json.dumps(label, ensure_ascii=False, sort_keys=True)


def _labeler(name: str, tally: _Tally, rows: Sequence[Mapping[str, str]]) -> LabelerFigures:
    pairs = [row[name] == label for row in rows if name in row for other, label in row.items() if other != name]
    return LabelerFigures(
        name=name,
        given=tally.given,
        seconds=statistics.median(tally.seconds) if tally.seconds else None,
        agreement=sum(pairs) / len(pairs) if pairs else None,
        changed=tally.share("changed"),
        suggested=tally.share("suggested"),
    )


def _label(name: str, tally: _Tally, rows: Sequence[Mapping[str, frozenset[str]]]) -> LabelFigures:
    yes_or_no = [{who: name in parts for who, parts in row.items()} for row in rows]
    with_it = [row for row in yes_or_no if any(row.values())]
    both = sum(sum(row.values()) * (sum(row.values()) - 1) for row in with_it)
    pairs = sum(sum(row.values()) * (len(row) - 1) for row in with_it)
    return LabelFigures(
        name=name,
        given=tally.given,
        rows=len(with_it),
        specific=both / pairs if pairs else None,
        alpha=figures.krippendorff_alpha(yes_or_no),
        changed=tally.share("changed"),
    )
