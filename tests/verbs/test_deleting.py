"""A run that is deleted: nothing of it is left, all else is as it was."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Finished
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import deleting, headless, queueing, rerunning, training
from tests import projects, run_folders

RECIPE = recipes.changed(TASKS[run_folders.TASK].recipe, run_folders.TINY)


def test_nothing_is_left_of_a_deleted_run_and_others_stay(trained: Path) -> None:
    with closing(Project.open(trained)) as project:
        model = str(project.runs.folder(1).model)
        number, _ = training.prepare(project, recipes.changed(RECIPE, {"model": model}))
        with pytest.raises(UserError, match=f"Run {number} starts from the model of run 1 and has not ended"):
            deleting.delete(project, 1)
        project.runs.ingest(number, [Finished(at=0.0, step=1, reason="completed", seconds=1.0)])
        told = deleting.going(project, 1)
        assert told.bytes > project.runs.folder(1).model.joinpath("model.safetensors").stat().st_size
        assert told.starts == [number]
        assert told.words.startswith(f"Run {number} has started from its model: it stays")
        assert deleting.delete(project, 1).runs
        assert [run.number for run in project.runs.all()] == [number]
        assert sorted(path.name for path in (trained / "runs").iterdir()) == ["0002"]
        with pytest.raises(UserError, match="no run 1"):
            deleting.delete(project, 1)
        assert project.check() == []
    assert projects.counts(trained) == (104, 104)


def test_runs_that_it_taught_are_told_and_cannot_be_repeated_without_it(trained: Path) -> None:
    with closing(Project.open(trained)) as project:
        number, folder = training.prepare(project, recipes.changed(RECIPE, {"teacher": "1"}))
        with pytest.raises(UserError, match=f"Run {number} is taught by run 1 and has not ended"):
            deleting.delete(project, 1)
        project.runs.ingest(number, [Finished(at=0.0, step=1, reason="completed", seconds=1.0)])
        shutil.copytree(project.runs.folder(1).model, folder.model)
        rerunning.again(project, number)
        deleting.delete(project, number + 1)
        told = deleting.going(project, 1)
        assert (told.starts, told.taught) == ([], [number])
        assert told.words == (
            f"Run {number} has been taught by its model: it stays, and cannot be repeated exactly any more."
        )
        deleting.delete(project, 1)
        with pytest.raises(UserError, match=f"Run {number} was taught by the model folder “.*”, which is gone; put it"):
            rerunning.again(project, number)
        assert [run.number for run in project.runs.all()] == [number]


def test_a_run_that_trains_is_not_deleted_and_one_without_a_folder_is(trained: Path) -> None:
    with closing(Project.open(trained)) as project:
        (started,) = [one for one in project.runs.folder(1).starts()][:1]
        project.runs.ingest(1, [started])
        with pytest.raises(UserError, match="Run 1 is running; stop it first"):
            deleting.delete(project, 1)
        assert project.runs.folder(1).model.is_dir()
    with closing(Project.open(trained)) as project:  # whoever trained it is gone
        project.runs.folder(1).path.rename(trained / "elsewhere")
        assert deleting.delete(project, 1).runs
        assert project.runs.all() == []


def test_a_run_that_starts_while_it_is_to_be_deleted_keeps_its_folder(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Project.open(trained)) as project:
        for remove in (queueing.remove, deleting.delete):
            number = queueing.add(project, RECIPE)
            look = deleting._may_go

            def then_it_starts(*told: Any, look: Any = look, number: int = number) -> Any:
                found = look(*told)
                project.runs.dequeue(number)  # its turn comes after it was looked at
                return found

            monkeypatch.setattr(deleting, "_may_go", then_it_starts)
            with pytest.raises(UserError, match=f"Run {number} is preparing by now"):
                remove(project, number)
            monkeypatch.undo()
            assert project.runs.folder(number).job_file.is_file()
            assert project.runs.get(number).state == "preparing"
        with pytest.raises(UserError, match="is preparing by now"):  # taken away only while it waits
            deleting.delete(project, number, waiting=True)
        assert project.check() == []


def test_a_run_that_was_told_to_start_is_not_deleted_before_it_speaks(trained: Path) -> None:
    with closing(Project.open(trained)) as project:
        number, folder = training.prepare(project, RECIPE)
        with project.runs.held(number):
            with pytest.raises(UserError, match=f"Run {number} is under way"):
                deleting.delete(project, number)
            with pytest.raises(UserError, match=f"Run {number} is under way"):
                headless.train(project, number, lambda told, words: None, lambda leave: None)
            assert folder.job_file.is_file()
        assert deleting.delete(project, number).runs  # one that never began goes
        assert not folder.path.exists()


def test_a_folder_that_cannot_go_keeps_the_run(trained: Path) -> None:
    with closing(Project.open(trained)) as project:
        taken = trained / "runs" / ".0001.deleted.part"
        (taken / "something").mkdir(parents=True)
        with pytest.raises(UserError, match="delete the folder of the run"):
            deleting.delete(project, 1)
        assert project.runs.get(1).state == "finished"
        assert project.runs.metrics(1)
        assert project.runs.folder(1).model.is_dir()
