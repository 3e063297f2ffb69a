"""Levels of a scale: their order comes from their numbers, and a run learns it."""

from __future__ import annotations

import csv
from pathlib import Path

from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import evaluating, headless, importing, training
from tests import run_folders

TASK = next(one for one in TASKS.values() if one.ordered)
WORDS = {"5": "superb", "1": "awful", "3": "plain"}


def _stars(path: Path, count: int, first: int = 0) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "stars"])
        for place in range(first, first + count):
            star = list(WORDS)[place % 3]
            writer.writerow([f"it was {WORDS[star]} on day {place}", f"{star}.0"])
    return path


def test_stars_come_in_order_and_are_learned(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "Stars", TASK.name)
    try:
        look = importing.plan(TASK, _stars(tmp_path / "a.csv", 90))
        assert look.mapping == {"text": "review", "label": "stars"}
        importing.run(project, look)
        assert [(one.name, one.key) for one in project.classes.all()] == [("1", "1"), ("3", "3"), ("5", "5")]
        project.classes.move(project.classes.all()[0].id, 2)
        importing.run(project, importing.plan(TASK, _stars(tmp_path / "b.csv", 30, 90)))
        assert [one.name for one in project.classes.all()] == ["3", "5", "1"]  # a person's own order stays
        project.classes.order_by_number()
        recipe = recipes.changed(TASK.recipe, {**run_folders.TINY, "num_train_epochs": 6.0})
        number, _ = training.prepare(project, recipe)
        assert project.runs.schema(number)["classes"] == ["1", "3", "5"]
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        metrics = evaluating.measure(project, number, "test").scores.metrics
        assert set(metrics) == {metric.name for metric in TASK.metrics}
        assert metrics["mae"] < 0.5
    finally:
        project.close()
