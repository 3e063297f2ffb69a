"""Two runs of one project are compared row by row: told apart where they differ, and not where they do not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.store.evaluations import Evaluation, Outcome
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import comparing
from desktop_llm.verbs.outcomes import TEST, VALIDATION
from tests import projects

ROWS = 3000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Project]:
    """A project of many labelled rows."""
    project = Project.open(projects.make(tmp_path / "Many"))
    yield project
    project.close()


def _run(project: Project, right: Sequence[bool], *, on: str = "test", first: int = 1, of: int | None = None) -> int:
    """A run that has the rows from id `first` on right, or not."""
    number = of or project.runs.create(
        TASKS[project.task].recipe, model_title="made up", snapshot={}, schema={"classes": ["food", "travel"]}
    )
    told = [
        Outcome(
            item=place,
            truth=("food", "travel")[place % 2],
            answer=Prediction(
                label=("food", "travel")[place % 2 if good else 1 - place % 2], probability=0.9, uncertainty=0.2
            ),
        )
        for place, good in enumerate(right, first)
    ]
    project.evaluations.keep(
        Evaluation(
            run=number,
            kind="split",
            name=on,
            count=len(told),
            metrics={},
            intervals={},
            details={},
            classes=("food", "travel"),
        ),
        told,
    )
    return number


def test_three_points_are_found_and_said(opened: Project) -> None:
    source = random.Random(1)
    before = [source.random() < 0.90 for _ in range(ROWS)]
    after = [good or source.random() < 0.3 for good in before]
    first, second = _run(opened, before), _run(opened, after)
    told = comparing.between(opened, first, second, TEST)
    assert told.distinguishable
    assert told.words.startswith(f"Run {second} is better than run {first} by 3.")
    assert "points" in told.words
    assert told.chance < 0.001
    assert set(told.better) == set()
    assert set(told.worse) == {place for place, (a, b) in enumerate(zip(before, after, strict=True), 1) if b and not a}
    assert comparing.between(opened, second, first, TEST).words == told.words


def test_noise_is_not_told_apart(opened: Project) -> None:
    source = random.Random(2)
    first, second = (_run(opened, [source.random() < 0.9 for _ in range(ROWS)]) for _ in range(2))
    told = comparing.between(opened, first, second, TEST)
    assert not told.distinguishable
    assert told.words.startswith(
        f"Run {first} and run {second} cannot be told apart by accuracy on the same 3,000 rows"
    )
    assert told.chance > 0.05
    assert any(f"only run {second}" in line for line in told.lines)


def test_only_rows_of_both_count(opened: Project) -> None:
    first = _run(opened, [True] * 60)
    second = _run(opened, [True] * 50 + [False] * 30, first=21)
    told = comparing.between(opened, first, second, TEST)
    assert (told.rows, told.not_shared) == (40, 60)
    assert "With so few rows" in told.words
    far = _run(opened, [True] * 5, first=900)
    with pytest.raises(UserError, match="no row in common"):
        comparing.between(opened, first, far, TEST)
    with pytest.raises(UserError, match="not been measured on validation texts"):
        comparing.between(opened, first, second, VALIDATION)
