"""Two processes and eight threads on one project: nobody ever hears that the database is locked."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS

TASK = TASKS["text_classification"]
ROWS = 3000


def bring(project: Project, name: str, count: int) -> None:
    """More rows."""
    project.items.insert(
        name,
        (
            NewItem(content={"text": f"{name} {place}"}, label="ab"[place % 2] if place % 3 else None)
            for place in range(count)
        ),
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )


def look(project: Project) -> None:
    """What a window reads."""
    project.items.counts()
    project.items.page(Filter(show="unlabeled"), 0, 200)
    project.items.page(Filter(text="rows 12"), 0, 50)
    project.items.queue(Filter(show="unlabeled"), "uncertain", None, 20)
    project.operations.all()


def other_process(path: Path, seconds: float, pipe: Connection) -> None:
    """A second program that has the project open, to read."""
    project = Project.open(path)
    until, times = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until:
            look(project)
            times += 1
        pipe.send((times, ""))
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
        pipe.send((times, f"{type(error).__name__}: {error}"))
    finally:
        project.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with rows, predictions and an index."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    bring(made, "rows", ROWS)
    number = made.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
    assert number == 1
    made.search.catch_up()
    yield made
    made.close()


def jobs(project: Project) -> list[Callable[[int], object]]:
    """What eight threads do, each with the number of its round."""

    def label(turn: int) -> None:
        project.labels.set(turn * 7 % ROWS + 1, turn % 2 + 1)

    def put_aside(turn: int) -> None:
        project.labels.skip(turn * 11 % ROWS + 1)
        project.labels.undo()

    def import_more(turn: int) -> None:
        bring(project, f"more {turn}", 700)

    def operate(turn: int) -> None:
        edits = [Edit(item=item, split=("test", "")[turn % 2]) for item in range(1, 400)]
        outcome = project.operations.apply("move", "Moved", edits)
        if outcome.changed:
            project.operations.undo(outcome.operation)

    def predict(turn: int) -> None:
        start = turn * 100 % ROWS
        answer = Prediction(label="a", probability=0.5, uncertainty=(turn % 10) / 10)
        project.predictions.write(1, [(item, answer) for item in range(start + 1, start + 100)])
        project.predictions.rebuild_uncertainty(1)

    return [label, put_aside, import_more, operate, predict, lambda _: project.search.catch_up(),
            lambda _: look(project), lambda _: look(project)]  # fmt: skip


def run_all(project: Project, seconds: float) -> None:
    """All at once, for so long; the project is whole afterwards."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=other_process, args=(project.path, seconds, theirs))
    process.start()
    wrong: list[str] = []
    rounds: list[int] = []
    until = time.monotonic() + seconds

    def repeat(job: Callable[[int], object]) -> None:
        turn = 0
        try:
            while time.monotonic() < until:
                job(turn)
                turn += 1
        except UserError as error:
            wrong.append(f"{error.message} {error.details}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this test looks for
            wrong.append(f"{type(error).__name__}: {error}")
        rounds.append(turn)

    threads = [threading.Thread(target=repeat, args=(job,)) for job in jobs(project)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times, told = ours.recv()
    process.join()
    process.close()
    assert (wrong, told) == ([], "")
    assert times > 0
    assert min(rounds) > 0
    # the run has no folder: nobody trained it
    assert [one for one in project.check() if not one.startswith("Run 1:")] == []


def test_nobody_is_locked_out_for_some_seconds(project: Project) -> None:
    run_all(project, 6.0)


@pytest.mark.slow
def test_nobody_is_locked_out_for_a_minute(project: Project) -> None:
    run_all(project, 60.0)
