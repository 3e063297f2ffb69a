"""How a run fares on parts of the rows: by a column, length, file, language or label; and who is treated unlike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.evidence import slices
from desktop_llm.evidence.slices import FEWEST, Gap, Slice
from desktop_llm.rows import Filter
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import comparing, outcomes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Metric
    from desktop_llm.verbs.outcomes import On, Outcomes

LENGTH, SOURCE, LANGUAGE, LABEL = "length", "file", "language", "label"
OWN = (LENGTH, SOURCE, LANGUAGE, LABEL)
"""What every row has; whatever else it is sliced by is a column of its file."""
COLUMN = "column:"
"""Goes before a column that is called like one of OWN."""
NOTHING = "(empty)"
MOST = 40
"""Slices at most: the smaller ones become OTHERS."""
OTHERS = "(all others)"
BANDS = (0.25, 0.5, 0.75)
AT_ONCE = 500
ALIKE = 0.05
"""From so much chance on slices are called alike."""
SMALLEST_SHARE = 0.1
"""Of differences that are worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """The slices of what run `run` was measured on, by `by`, the largest first, and how unlike they are treated.

    `worst` is the slice with the worst main figure (None where there are not two of at least FEWEST rows); `keys` are
    the keys of the rows of each slice, see `Outcomes.keys`; `gap_chance` is how often the largest of the `gaps` would
    be as large by chance.
    """

    run: int
    by: str
    on: On
    metric: Metric
    slices: tuple[Slice, ...]
    worst: Slice | None
    gaps: tuple[Gap, ...]
    gap_chance: float
    keys: Mapping[str, tuple[int, ...]]

    @property
    def clear(self) -> bool:
        """Whether the worst slice is worse than the rest by more than chance."""
        if self.worst is None:
            return False
        gap = self.worst.gap
        return gap.sure and (gap.high < 0 if self.metric.higher_is_better else gap.low > 0)

    @property
    def words(self) -> str:
        """The verdict in a sentence."""
        if self.worst is None:
            return f"By {self.by} there are not two slices of {FEWEST} rows or more; choose something else."
        told = self.worst.figures[self.metric.name]
        here = f"{comparing.amount(told.value, self.metric)} on {len(self.worst):,} rows"
        rest = comparing.amount(self.worst.rest, self.metric)
        name = self.metric.title.lower()
        if not self.clear:
            return (
                f"No slice by {self.by} is worse than the others by more than chance; the worst is "
                f"“{self.worst.name}”, {name} {here}, against {rest} for all others."
            )
        return (
            f"Worst slice: {self.by} “{self.worst.name}”, {name} {here}, against {rest} for all others; "
            "that is more than chance."
        )

    @property
    def gap_words(self) -> str:
        """Which label is told most unlike, in a sentence; '' where there is nothing to say."""
        known = [one for one in self.gaps if not math.isnan(one.odds)]
        if not known:
            return ""
        odds = max(known, key=lambda one: one.odds)
        parity = max(known, key=lambda one: one.parity)
        if self.gap_chance > ALIKE:
            return (
                "Slices are told alike, as far as these rows show: the largest difference, "
                f"{100 * odds.odds:.0f} points for “{odds.label}” (equalised odds), comes about by chance, too."
            )
        return (
            f"Most unlike: “{odds.label}” is found, or wrongly told, {100 * odds.odds:.0f} points more often in one "
            f"slice than in another (equalised odds); “{parity.label}” is told {100 * parity.parity:.0f} points more "
            "often (demographic parity)."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How many labelled rows each slice has with each label: int64 [slices, labels]."""

    by: str
    slices: tuple[str, ...]
    labels: tuple[str, ...]
    counts: np.ndarray

    @property
    def words(self) -> str:
        """The label that is spread most unevenly, in a sentence."""
        totals = self.counts.sum(axis=1)
        kept = np.flatnonzero(totals >= FEWEST)
        if len(kept) < 2 or not len(self.labels):
            return f"By {self.by} there are not two slices of {FEWEST} labeled rows or more."
        shares = self.counts[kept] / totals[kept, None]
        spread = shares.max(axis=0) - shares.min(axis=0)
        place = int(spread.argmax())
        if spread[place] < SMALLEST_SHARE:
            return f"Labels are spread alike over all slices by {self.by}."
        most, least = int(shares[:, place].argmax()), int(shares[:, place].argmin())
        return (
            f"“{self.labels[place]}” is {100 * shares[most, place]:.0f} % of “{self.slices[kept[most]]}” and "
            f"{100 * shares[least, place]:.0f} % of “{self.slices[kept[least]]}”; a model may take the one for the "
            "other."
        )


def choices(project: Project) -> tuple[str, ...]:
    """What rows can be sliced by: the columns of their files, and what every row has."""
    columns = [COLUMN + name if name in OWN else name for name in project.items.columns()]
    return (*columns, *OWN) if task_named(project.task).classes else (*columns, *OWN[:-1])


def of(
    project: Project,
    number: int,
    on: On,
    by: str,
    *,
    told: Outcomes | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Sliced:
    """Slice what run `number` was measured on. Raises UserError, Cancelled."""
    rows = told or comparing.must_have(project, number, on)
    tally = outcomes.tally_of(project, rows)
    task = task_named(project.task)
    if tally is None:
        raise UserError("Runs of this kind of task cannot be sliced yet.")
    groups = grouped(project, rows, by, should_stop=should_stop)
    metric = next(one for one in task.metrics if one.name in tally.values())
    found = slices.measured(tally, groups, metric.name, should_stop=should_stop)
    gaps, chance = _gaps(project, rows, groups, should_stop) if by != LABEL else ((), 1.0)
    return Sliced(
        run=number,
        by=by.removeprefix(COLUMN),
        on=on,
        metric=metric,
        slices=found,
        worst=slices.worst(found, metric.name, higher_is_better=metric.higher_is_better),
        gaps=gaps,
        gap_chance=chance,
        keys={one.name: rows.keys(one.rows.tolist()) for one in found},
    )


def grouped(project: Project, told: Outcomes, by: str, *, should_stop: Callable[[], bool] = lambda: False) -> list[str]:
    """The slice of each row; of very many slices, the smaller ones as one. Raises Cancelled."""
    return _together(_groups_of(project, told, by, should_stop))


def _groups_of(project: Project, told: Outcomes, by: str, should_stop: Callable[[], bool]) -> list[str]:
    task = task_named(project.task)
    if by == LABEL:
        return ["" if task.unsupervised else task.labels.stratum(one) or NOTHING for one in told.truth]
    facts = _facts(project, told, should_stop)
    main = task.content[0].name
    texts = [content.get(main, "") for content, _, _ in facts]
    return sliced(texts, [extra for _, extra, _ in facts], [source for *_, source in facts], by, should_stop)


def sliced(
    texts: Sequence[str],
    extras: Sequence[Mapping[str, Any]],
    sources: Sequence[str],
    by: str,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[str]:
    """The slice of each row, by anything but its label. Raises Cancelled."""
    if by == LENGTH:
        return _bands([len(text) for text in texts])
    if by == SOURCE:
        return [source or NOTHING for source in sources]
    if by == LANGUAGE:
        return _languages(texts, should_stop)
    name = by.removeprefix(COLUMN)
    return [str(extra.get(name, "") or "").strip() or NOTHING for extra in extras]


def against(
    project: Project,
    first: int,
    second: int,
    on: On,
    by: str,
    name: str,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> str:
    """Whether run `first` is better than run `second` on slice `name`, in a sentence. Raises UserError, Cancelled."""
    told = comparing.between(
        project, first, second, on, only=lambda rows: _mask(project, rows, by, name), should_stop=should_stop
    )
    return f"On “{name}” alone: {told.words}"


def _mask(project: Project, told: Outcomes, by: str, name: str) -> list[int]:
    groups = grouped(project, told, by)
    return [place for place, group in enumerate(groups) if group == name]


def balance(project: Project, by: str, *, should_stop: Callable[[], bool] = lambda: False) -> Balance:
    """The labels of the rows that may be learned from, by slice. Raises UserError, Cancelled."""
    task = task_named(project.task)
    if not task.classes:
        raise UserError("The labels of this task are no classes that could be counted.")
    texts, extras, sources, labels = [], [], [], []
    names = project.classes.names()
    for part in project.items.ids(Filter(show="labeled")):
        if should_stop():
            raise Cancelled
        for item in project.items.get_many(part):
            if item.split in ("", "train"):
                texts.append(next(iter(item.content.values()), ""))
                extras.append(item.extra)
                sources.append(item.source)
                labels.append(task.labels.names(task.labels.to_named(item.value, names)))
    groups = _together(sliced(texts, extras, sources, by, should_stop))
    rows, columns, counts = slices.balance(groups, labels)
    return Balance(by=by.removeprefix(COLUMN), slices=tuple(rows), labels=tuple(columns), counts=counts)


def _facts(
    project: Project, told: Outcomes, should_stop: Callable[[], bool]
) -> list[tuple[Mapping[str, str], Mapping[str, Any], str]]:
    """Content, further cells and file of each row, as they are now."""
    there: dict[int, tuple[Mapping[str, str], Mapping[str, Any], str]] = {}
    ids = [number for number in told.ids if number]
    for start in range(0, len(ids), AT_ONCE):
        if should_stop():
            raise Cancelled
        for item in project.items.get_many(ids[start : start + AT_ONCE]):
            there[item.id] = (item.content, item.extra, item.source)
    return [
        there.get(number, ({}, {}, "")) if number else (told.contents.get(place, {}), told.extras.get(place, {}), "")
        for place, number in enumerate(told.ids)
    ]


def _bands(lengths: Sequence[int]) -> list[str]:
    """Four bands of lengths that have about as many rows each."""
    edges = np.unique(np.quantile(lengths, BANDS).round().astype(np.int64)) if lengths else np.zeros(0, np.int64)
    names = [f"up to {edge:,} characters" for edge in edges[:1]]
    names += [f"{low + 1:,} to {high:,} characters" for low, high in pairwise(edges.tolist())]
    names.append(f"over {edges[-1]:,} characters" if len(edges) else "all")
    return [names[int(np.searchsorted(edges, length))] for length in lengths]


def _languages(texts: Sequence[str], should_stop: Callable[[], bool]) -> list[str]:
    from desktop_llm.data.cleaning.filters import language_of

    found = []
    for place, text in enumerate(texts):
        if place % AT_ONCE == 0 and should_stop():
            raise Cancelled
        found.append(language_of(text)[0] or NOTHING)
    return found


def _together(groups: Sequence[str]) -> list[str]:
    """Of very many slices, the smaller ones as one."""
    names, counts = np.unique(np.asarray(groups, dtype=str), return_counts=True)
    if len(names) <= MOST:
        return list(groups)
    kept = set(names[np.argsort(-counts, kind="stable")[: MOST - 1]].tolist())
    return [name if name in kept else OTHERS for name in groups]


def _gaps(
    project: Project, told: Outcomes, groups: Sequence[str], should_stop: Callable[[], bool]
) -> tuple[tuple[Gap, ...], float]:
    """For tasks whose labels are classes of whole texts; the label that is treated most unlike first."""
    task = task_named(project.task)
    if task.loop is None:
        return (), 1.0
    both = outcomes.memberships(project, told)
    found = slices.gaps(both[0], both[1], groups, told.classes)
    chance = slices.chance_of_gaps(both[0], both[1], groups, should_stop=should_stop) if found else 1.0
    return tuple(sorted(found, key=lambda one: (math.isnan(one.odds), -one.odds, one.label))), chance
