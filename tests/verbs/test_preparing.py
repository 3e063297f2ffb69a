"""A run in the making: there whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import atomic
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.folder import EventLog
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, rerunning, training
from tests import projects, run_folders

RECIPE = recipes.changed(TASKS[projects.TASK].recipe, run_folders.TINY)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Project]:
    """A project with labels and no run."""
    project = Project.open(projects.make(tmp_path / "Tickets"))
    yield project
    project.close()


def test_a_project_closed_while_a_run_is_prepared_has_no_such_run(
    opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = snapshot.write

    def close_then_write(*told: Any) -> Any:
        opened.close()
        return write(*told)

    monkeypatch.setattr(snapshot, "write", close_then_write)
    with pytest.raises(UserError):
        training.prepare(opened, RECIPE)
    assert not any((opened.path / "runs").iterdir())
    again = Project.open(opened.path)
    assert again.runs.all() == []
    again.close()


def test_what_a_killed_preparation_left_goes_when_the_project_is_opened(opened: Project) -> None:
    number, folder = training.prepare(opened, RECIPE)
    left = folder.path.with_name(".0002.abcd.part")
    left.mkdir()
    (left / "job.json").write_text("{}")
    opened.close()
    again = Project.open(opened.path)
    assert not left.exists()
    assert folder.job().number == number
    assert training.prepare(again, RECIPE)[0] == number + 1
    again.close()


def test_answers_of_a_run_that_ended_unseen_are_taken_when_the_project_is_opened(trained: Path) -> None:
    project = Project.open(trained)
    number, folder = training.prepare(project, RECIPE)
    first = project.runs.folder(1)
    folder.predictions.mkdir()
    for split in ("validation", "test"):
        lines = (first.predictions / f"{split}.jsonl").read_text(encoding="utf-8")
        (folder.predictions / f"{split}.jsonl").write_text(lines + "torn{\n", encoding="utf-8")
    log = EventLog(folder)
    log.append(Finished(at=1.0, step=3, reason="completed", seconds=1.0))
    log.close()
    project.close()
    again = Project.open(trained)
    assert again.runs.get(number).state == "finished"
    assert again.predictions.count(number) == again.predictions.count(1) == 24
    again.close()


def test_a_model_folder_is_found_again_from_anywhere(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "models" / "mine"
    shutil.copytree(trained / "runs" / "0001" / "model", model)
    monkeypatch.chdir(tmp_path)
    project = Project.open(trained)
    recipe = recipes.changed(RECIPE, {"model": "models/mine"})
    number, folder = training.prepare(project, recipe)
    assert folder.job().recipe.model == str(model)
    assert project.runs.get(number).model_title == "mine"
    project.close()


def test_runs_of_a_moved_project_find_each_other(trained: Path, tmp_path: Path) -> None:
    project = Project.open(trained)
    model = str(project.runs.folder(1).model)
    recipe = recipes.changed(RECIPE, {"model": model, "teacher": "1", "num_train_epochs": 1.0})
    number, _ = training.prepare(project, recipe)
    assert project.runs.get(number).recipe.model == model
    project.close()
    moved = Project.open(trained.rename(tmp_path / "elsewhere"))
    now = str(tmp_path / "elsewhere" / "runs" / "0001" / "model")
    for told in (moved.runs.get(number).recipe, moved.runs.all()[0].recipe, moved.runs.folder(number).job().recipe):
        assert (told.model, told.teacher) == (now, now)
    assert headless.train(moved, number, lambda told, words: None, lambda leave: None) == 0
    longer, _ = rerunning.again(moved, number)
    assert moved.runs.folder(longer).job().recipe.model == now
    moved.close()


@pytest.mark.parametrize("other", [False, True], ids=["the same", "another"])
def test_a_run_that_an_older_version_made_finds_its_model_in_a_moved_project(
    trained: Path, tmp_path: Path, other: bool
) -> None:
    model = str(trained / "runs" / "0001" / "model")
    project = Project.open(trained)
    number, folder = training.prepare(project, recipes.changed(RECIPE, {"model": model, "teacher": "1"}))
    project.close()
    told = json.loads(folder.job_file.read_text(encoding="utf-8"))
    told["recipe"] |= {"model": model, "teacher": r"C:\old\Tickets\runs\0001\model"}
    if other:  # what lies here by that number is not what it began with
        told |= {"start": 64 * "0", "teacher": 64 * "0"}
    folder.job_file.write_text(json.dumps(told), encoding="utf-8")
    now = Project.open(trained.rename(tmp_path / "elsewhere"))
    found, place = now.runs.folder(number).job().recipe, str(now.path / "runs" / "0001" / "model")
    wanted = (told["recipe"]["model"], told["recipe"]["teacher"]) if other else (place, place)
    assert (found.model, found.teacher) == wanted
    now.close()


def test_a_smaller_start_moves_with_its_project(trained: Path, tmp_path: Path) -> None:
    start = trained / "starts" / "run1-1-layers"
    shutil.copytree(trained / "runs" / "0001" / "model", start)
    project = Project.open(trained)
    number, _ = training.prepare(project, recipes.changed(RECIPE, {"model": str(start)}))
    project.close()
    moved = Project.open(trained.rename(tmp_path / "elsewhere"))
    now = str(tmp_path / "elsewhere" / "starts" / "run1-1-layers")
    assert (moved.runs.get(number).recipe.model, moved.runs.folder(number).job().recipe.model) == (now, now)
    moved.close()


@pytest.mark.parametrize("place", ["~nobody-of-that-name/model", r"C:\Users\me\model", "/gone/runs/0001/model"])
def test_a_model_folder_of_another_machine_keeps_its_name(opened: Project, place: str) -> None:
    folder = opened.runs.folder(1)
    recipe = recipes.changed(RECIPE, {"model": place})
    assert folder.found(folder.kept(recipe)).model == place


def test_a_place_whose_name_is_no_text_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    told = {"model": os.fsdecode(b"/models/\xff\xfe"), "name": "模型"}
    atomic.write_json(path, told)
    assert json.loads(path.read_text(encoding="utf-8")) == told
