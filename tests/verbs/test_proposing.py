"""Which run is proposed: the newest, and of a search its best trial."""

from __future__ import annotations

from desktop_llm.store.runs import Run
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import proposing
from tests import run_folders

TASK = TASKS[run_folders.TASK]


def _run(number: int, value: float, *, search: int = 0, state: str = "finished") -> Run:
    return Run(
        number=number,
        state=state,
        created="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        model_title="from scratch",
        recipe=TASK.recipe,
        parameters=1,
        total_steps=1,
        step=1,
        snapshot={},
        schema={},
        metrics={"validation": {TASK.metrics[0].name: value}},
        details={"trial": {"search": search, "trial": number, "key": str(number)}} if search else {},
    )


def _proposed(*runs: Run) -> int:
    found = proposing.of(tuple(sorted(runs, key=lambda run: -run.number)), TASK)
    return 0 if found is None else found.number


def test_the_newest_run_is_proposed() -> None:
    assert _proposed() == 0
    assert _proposed(_run(1, 0.9), _run(2, 0.5)) == 2


def test_of_a_search_the_best_trial_is_proposed_and_not_the_last() -> None:
    trials = [_run(3, 0.7, search=2), _run(4, 0.8, search=2), _run(5, 0.8, search=2), _run(6, 0.2, search=2)]
    assert _proposed(_run(1, 0.9), _run(2, 0.95, search=1), *trials) == 4
    assert _proposed(*trials, _run(7, 0.3)) == 7


def test_a_trial_that_was_ended_early_is_not_the_best() -> None:
    assert _proposed(_run(1, 0.6, search=1), _run(2, 0.9, search=1, state="stopped")) == 1
    assert _proposed(_run(1, 0.9, search=1, state="stopped")) == 1
