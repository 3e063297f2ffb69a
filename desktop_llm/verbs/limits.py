"""Between what the main figures of runs lie, for lists of runs: as they are kept, else computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.evidence.intervals import Interval
from desktop_llm.verbs import outcomes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run

_computed: dict[tuple[str, int, str, float], Interval] = {}
"""By project, run, figure and value: a run that has ended does not change but by being measured again."""


def of_runs(
    project: Project, runs: Sequence[Run], name: str, *, should_stop: Callable[[], bool] = lambda: False
) -> dict[int, Interval]:
    """That of each run that was measured, on test texts where there are some. Raises Cancelled."""
    told = {}
    for run in runs:
        on = next((one for one in (outcomes.TEST, outcomes.VALIDATION) if run.metrics.get(one.name)), None)
        value = None if on is None else run.metrics[on.name].get(name)
        if on is None or value is None:
            continue
        key = (str(project.path), run.number, name, value)
        kept = project.evaluations.find(run.number, on.kind, on.name)
        if kept is not None and name in kept.intervals:
            low, high = kept.intervals[name]
            told[run.number] = Interval(value=value, low=low, high=high)
            continue
        if key not in _computed:
            found = _of(project, run.number, on, should_stop).get(name)
            if found is None or abs(found.value - value) > 1e-6:  # what is kept of its rows is of another model
                continue
            _computed[key] = found
        told[run.number] = _computed[key]
    return told


def _of(project: Project, number: int, on: outcomes.On, should_stop: Callable[[], bool]) -> dict[str, Interval]:
    try:
        rows = outcomes.of(project, number, on)
    except UserError:  # its snapshot is damaged, which `check` tells
        return {}
    return {} if rows is None else outcomes.figures(project, rows, should_stop=should_stop)
