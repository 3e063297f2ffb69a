"""What there is to say of slices as a file: Markdown that can be put beside a model card."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.evidence.slices import FEWEST, Gap
from desktop_llm.verbs import comparing, floors, slice_limits, slicing

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.outcomes import On

MOST_GAPS = 20


def write(
    project: Project,
    number: int,
    on: On,
    by: Sequence[str],
    to: Path,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Write the report to the file `to`. Raises UserError, Cancelled."""
    text = report(project, number, on, by, should_stop=should_stop)
    try:
        atomic.write_text(to, text)
    except OSError as error:
        raise from_os_error(error, "write the report", to) from error


def report(
    project: Project, number: int, on: On, by: Sequence[str], *, should_stop: Callable[[], bool] = lambda: False
) -> str:
    """The report in Markdown. Raises UserError, Cancelled."""
    run = project.runs.get(number)
    lines = [
        f"# Slices of run {number}, {_cell(project.name)}",
        "",
        f"- measured on: {on.words}",
        f"- SHA-256 of what the run learned from: `{run.snapshot.get('sha256', '')}`",
        f"- written: {datetime.now(UTC).isoformat(timespec='seconds')}",
        "",
        "Figures stand with their 95 % intervals (bootstrap over rows, BCa). A slice is called worse by more than "
        "chance where the interval of its difference from all other rows, widened for the number of slices, leaves "
        "out nought, and, for shares of right answers, Fisher's exact test agrees. "
        f"Slices below {FEWEST} rows are listed and never called the worst.",
    ]
    for one in by:
        lines += _section(project, number, on, one, should_stop)
    floor = floors.of(project)
    lines += ["", "## Rule for handing the model on", ""]
    lines.append("None." if floor is None else _rule(project, number, on, floor, should_stop))
    return "\n".join(lines) + "\n"


def _section(project: Project, number: int, on: On, by: str, should_stop: Callable[[], bool]) -> list[str]:
    told = slicing.of(project, number, on, by, should_stop=should_stop)
    metric = told.metric
    lines = ["", f"## By {_cell(told.by)}", "", told.words, ""]
    lines += [f"| slice | rows | {metric.title} | 95 % | all others |", "| --- | --- | --- | --- | --- |"]
    for one in told.slices:
        value = one.figures[metric.name]
        limits = (
            f"{comparing.amount(value.low, metric)} to {comparing.amount(value.high, metric)}" if value.sure else "–"
        )
        cells = (one.name, f"{len(one):,}", comparing.amount(value.value, metric), limits)
        lines.append("| " + " | ".join(map(_cell, (*cells, comparing.amount(one.rest, metric)))) + " |")
    if told.gaps:
        lines += ["", told.gap_words, "", "| label | demographic parity | equalised odds | hits | false alarms |"]
        lines.append("| --- | --- | --- | --- | --- |")
        lines += [
            f"| {_cell(one.label)} | "
            + " | ".join("–" if math.isnan(value) else f"{value:.3f}" for value in _values(one))
            + " |"
            for one in told.gaps[:MOST_GAPS]
        ]
        if len(told.gaps) > MOST_GAPS:
            lines.append(f"\n{len(told.gaps) - MOST_GAPS:,} labels that are treated less unlike are left out.")
        lines += _limits(project, number, on, by, slice_limits.most_unlike(told.gaps), should_stop)
    if by == slicing.LABEL:
        return lines
    try:
        found = slicing.balance(project, by, should_stop=should_stop)
    except UserError:  # labels are no classes
        return lines
    return [*lines, "", f"Labels to learn from: {found.words}"]


def _limits(project: Project, number: int, on: On, by: str, label: str, should_stop: Callable[[], bool]) -> list[str]:
    """What a limit for each slice would do to the label that is found most unlike."""
    if not label:
        return []
    lines = ["", f"### A limit for each slice: {_cell(label)}", ""]
    try:
        found = slice_limits.of(project, number, on, by, label, should_stop=should_stop)
    except UserError as error:  # it was not asked for all its chances
        return [*lines, error.message]
    lines += [found.words, "", "| slice | rows that have it | limit | found | then | wrongly told | then |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for one in found.told.sides:
        cells = (one.name, f"{one.there:,}", slice_limits.limit_words(one))
        shares = (*slice_limits.found_words(one), *slice_limits.wrongly_words(one))
        lines.append("| " + " | ".join(map(_cell, (*cells, *shares))) + " |")
    return [*lines, "", *found.remarks]


def _rule(project: Project, number: int, on: On, floor: floors.Floor, should_stop: Callable[[], bool]) -> str:
    told = slicing.of(project, number, on, floor.by, should_stop=should_stop)
    wanted = comparing.amount(floor.value, told.metric)
    words = f"The worst slice by {told.by} must reach {wanted} of {told.metric.title.lower()}."
    wrong = floors.broken(told, floor)
    return f"{words} Broken: {wrong}" if wrong else f"{words} It holds."


def _values(one: Gap) -> tuple[float, ...]:
    return one.parity, one.odds, one.hits, one.alarms


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
