"""Which run is proposed where one has to be chosen: the newest, and of a search the trial that was best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run
    from desktop_llm.tasks.task import Task

TO_ITS_END = "finished"


def of(runs: Sequence[Run], task: Task) -> Run | None:
    """The run that is proposed of these, the newest of which comes first; None of none.

    The last trial of a search is no better than any other. Of equals the earlier one, as the search itself says.
    """
    newest = next(iter(runs), None)
    if newest is None or not newest.trial:
        return newest
    search = newest.trial.get("search")
    told = [run for run in runs if run.trial.get("search") == search and run.state == TO_ITS_END]
    metric = task.main(told[0].metrics.get("validation", {})) if told else task.main()
    sign = 1 if metric.higher_is_better else -1
    there = [run for run in reversed(told) if metric.name in run.metrics.get("validation", {})]
    return max(there, key=lambda run: sign * run.metrics["validation"][metric.name], default=newest)
