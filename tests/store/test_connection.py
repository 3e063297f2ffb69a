"""Connections: few however many threads come, closed under whoever reads, and never in a label's way for long."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store import connection, inserting, labels, staging, taking
from desktop_llm.store.project import FILE, Project
from tests.store.conftest import ROWS, TASK, insert


def _in_thread(work: Callable[[], object]) -> list[BaseException]:
    """Run `work` in a thread of its own to its end; what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


def _open_files(project: Project) -> int:
    return sum(one.path.startswith(str(project.path / FILE)) for one in psutil.Process().open_files())


def test_threads_that_come_and_go_leave_no_files_open(project: Project) -> None:
    for _ in range(40):
        assert _in_thread(project.items.counts) == []
    # a connection has the file, its log and its index open
    assert _open_files(project) <= 3 * 5
    project.close()
    assert _open_files(project) == 0


def test_closing_breaks_off_readers_with_a_sentence(project: Project) -> None:
    insert(project, [(f"more {place}", None) for place in range(3000)])
    at_work = threading.Barrier(4)
    raised: list[BaseException] = []

    def read() -> None:
        at_work.wait()
        try:
            while True:
                project.items.count(Filter(text="nowhere to be found"))
                list(project.items.labelled())
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    at_work.wait()
    project.close()
    for thread in threads:
        thread.join()
    assert [str(error) for error in raised] == ["The project was closed."] * 3
    assert all(isinstance(error, UserError) for error in raised)


def test_closing_ends_an_import_and_leaves_nothing_of_it(project: Project) -> None:
    reached, closed = threading.Event(), threading.Event()

    def rows() -> Iterator[NewItem]:
        for place in range(2000):
            if place == 700:
                reached.set()
                assert closed.wait(10)
            yield NewItem(content={"text": f"more {place}"}, label="other")

    raised: list[BaseException] = []

    def work() -> None:
        try:
            project.items.insert("more.csv", rows(), to_value=TASK.labels.to_value, class_names=TASK.labels.names)
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert reached.wait(10)
    project.close()
    closed.set()
    thread.join()
    assert [type(error) for error in raised] == [Cancelled]
    again = Project.open(project.path)
    try:
        assert again.items.counts().total == 30
        assert list(project.path.glob(f"{staging.PREFIX}*")) == []
    finally:
        again.close()


def test_labels_are_written_while_rows_come_in(project: Project) -> None:
    def rows() -> Iterator[NewItem]:
        for place in range(1200):
            if place == 600:
                assert _in_thread(lambda: project.labels.set(3, 1, "Ada")) == []
            yield NewItem(content={"text": f"more {place}"})

    project.items.insert("more.csv", rows(), to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    assert [one.labeler for one in project.labels.history(3)] == ["Ada"]
    assert project.items.counts().total == 1230


def test_two_imports_at_once_come_one_after_the_other(project: Project) -> None:
    inside = threading.Event()

    def slowly() -> Iterator[NewItem]:
        inside.set()
        for place in range(1500):
            yield NewItem(content={"text": f"shared {place}"})

    first = threading.Thread(
        target=lambda: project.items.insert(
            "first.csv", slowly(), to_value=TASK.labels.to_value, class_names=TASK.labels.names
        )
    )
    first.start()
    assert inside.wait(10)
    told = insert(project, [(f"shared {place}", None) for place in range(1500)], "second.csv")
    first.join()
    assert (told.imported, told.duplicates) == (0, 1500)


def test_a_label_waits_only_so_long_for_a_great_write(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "PATIENCE_SECONDS", 0.01)
    with project._connections.writing():
        raised = _in_thread(lambda: project.labels.set(3, 1))
    assert ["try again" in str(error) for error in raised] == [True]
    project.labels.set(3, 1)
    assert len(project.labels.history(3)) == 1


def test_what_an_import_that_was_killed_left_is_swept_away(project: Project) -> None:
    project.close()
    left = project.path / f"{staging.PREFIX}abc.part"
    left.write_bytes(b"half a file")
    Project.open(project.path).close()
    assert not left.exists()


def test_the_order_by_uncertainty_is_swapped_whole(project: Project) -> None:
    def certain(run: int, step: float) -> None:
        answers = [
            (item, Prediction(label="no", probability=0.5, uncertainty=0.5 + step * item)) for item in range(1, 31)
        ]
        project.predictions.write(run, answers)

    def first() -> int:
        return project.items.queue(Filter(show="unlabeled"), "uncertain", None, 1)[0].id

    assert not project.predictions.has_any()
    runs = [project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={}) for _ in range(2)]
    for run, step in zip(runs, (0.01, -0.01), strict=True):
        certain(run, step)
    project.predictions.rebuild_uncertainty(runs[0])
    assert first() == 30
    project.predictions.rebuild_uncertainty(runs[1])
    assert first() == 3
    assert len(project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100)) == 10
    assert project._connections.rows("SELECT COUNT(DISTINCT generation) FROM uncertainty") == [(1,)]
    project.labels.set(3, 1)
    project.labels.undo()
    project.predictions.rebuild_uncertainty(runs[1])
    assert first() == 3


def _statements(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said to SQLite inside of transactions from now on, by connections that are opened from now on."""
    told: list[str] = []
    really = connection.open_file

    def traced(path: Path, *, read_only: bool, page_size: int = 0) -> sqlite3.Connection:
        made = really(path, read_only=read_only, page_size=page_size)
        made.set_trace_callback(lambda sql: told.append(sql) if made.in_transaction else None)
        return made

    monkeypatch.setattr(connection, "open_file", traced)
    for idle in (project._connections._idle, project._connections._idle_light):
        while idle:
            idle.pop().close()
    return told


def test_a_file_that_brings_nothing_new_keeps_nobody_from_writing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.operations.apply("delete", "Delete", [Edit(item=3, to_bin=True)])
    told = _statements(project, monkeypatch)
    known: list[tuple[str, str | None]] = [(text, label) for text, label in ROWS if label is not None]
    counts = insert(project, [*known, ("text number 2", "yes"), ("text number 2", "no"), ("text number 0", "no")])
    assert (counts.imported, counts.labeled, counts.duplicates, counts.conflicts) == (0, 0, 23, 2)
    assert any("BEGIN IMMEDIATE" in one or "UPDATE" in one or "DELETE" in one for one in told)
    assert [one for one in told if "staged" in one or "told" in one] == []
    counts = insert(project, [*known, ("text number 5", "yes")])
    assert (counts.labeled, counts.conflicts) == (1, 0)
    assert any("staged" in one for one in told)


def test_a_label_that_a_person_gives_while_a_file_is_sifted_stands(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.classes.add("mine")
    numbers = {name: number for number, name in project.classes.names().items()}

    def sift(*told: Any) -> taking.Sifted:
        found = taking.sift(*told)
        assert found == taking.Sifted(conflicts=1, waiting=3)
        assert _in_thread(lambda: project.labels.set(3, numbers["mine"], "Ada")) == []
        assert _in_thread(lambda: project.labels.set(9, numbers["yes"], "Ada")) == []
        assert _in_thread(lambda: project.labels.skip(6, "Ada")) == []
        return found

    monkeypatch.setattr(inserting, "sift", sift)
    counts = insert(
        project,
        [("text number 2", "yes"), ("text number 2", "no"), ("text number 5", "no"), ("text number 8", "yes")],
    )
    assert (counts.labeled, counts.conflicts) == (1, 2)
    values = {item.id: item.value for item in project.items.get_many([3, 6, 9])}
    assert values == {3: numbers["mine"], 6: numbers["no"], 9: numbers["yes"]}
    assert project.check() == []
