"""How a figure grows with what runs learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import seeding


def test_a_figure_is_drawn_over_all_texts_that_a_run_learned_from(tmp_path: Path) -> None:
    task = TASKS["text_classification"]
    project = Project.create(tmp_path / "Tickets", task.name)
    for told in ({"train": 100}, {"train": 100, "unlabeled": 50}):
        project.runs.create(task.recipe, model_title="", snapshot=told, schema={})
    metric = task.metrics[0]
    runs = [replace(one, metrics={"test": {metric.name: 0.1 * one.number}}) for one in project.runs.all()]
    project.close()
    found = seeding.by_size(runs, metric, "test")
    assert found is not None
    assert found.x.tolist() == [100, 150]
