"""A large file is read by a process of its own: the same rows, the same sentences, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Filter, ImportProgress
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, reading

pytestmark = pytest.mark.spawned
TASK = TASKS["text_classification"]


@pytest.fixture(autouse=True)
def _all_files_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", 1)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    yield made
    made.close()


def write(path: Path, rows: int, *, wrong: bool = False) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        file.writelines(f"text number {place} of them all,{'ab'[place % 2]}\n" for place in range(rows))
        if wrong:
            file.write("one,two,three\n")
    return path


def readers() -> list[psutil.Process]:
    """Processes of ours that are alive."""
    return [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE and _is_ours(one)]


def _is_ours(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())  # what else there is belongs to the tests


def test_rows_and_rejected_rows_are_the_same(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "rows.csv", 5000, wrong=True)
    report = importing.run(project, importing.plan(TASK, file))
    assert (report.imported, report.labeled, report.rejected_count) == (5000, 5000, 1)
    told = [(item.content, item.value) for item in project.items.page(Filter(), 0, 5000)]
    monkeypatch.setattr(reading, "LARGE", 1 << 40)
    other = Project.create(tmp_path / "Other", TASK.name)
    again = importing.run(other, importing.plan(TASK, file))
    assert again.rejected == report.rejected
    assert [(item.content, item.value) for item in other.items.page(Filter(), 0, 5000)] == told
    other.close()


def test_a_file_that_comes_again_is_known(project: Project, tmp_path: Path) -> None:
    unlabeled = tmp_path / "texts.csv"
    unlabeled.write_text("text\n" + "".join(f"text number {place} of them all\n" for place in range(3000)), "utf-8")
    first = importing.run(project, importing.plan(TASK, unlabeled))
    again = importing.run(project, importing.plan(TASK, write(tmp_path / "rows.csv", 5000)))
    assert (first.imported, first.labeled) == (3000, 0)
    assert (again.imported, again.duplicates, again.labeled) == (2000, 3000, 5000)
    values = {item.value for item in project.items.page(Filter(show="labeled"), 0, 5000)}
    assert len(values) == 2
    assert project.items.counts().labeled == 5000


def test_what_goes_wrong_there_is_said_here(project: Project, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", 100)
    plan = importing.plan(TASK, file)
    file.unlink()
    file.mkdir()
    (file / "inside.csv").write_text("x", "utf-8")
    with pytest.raises(UserError, match=r"rows\.csv"):
        importing.run(project, plan)
    assert project.items.counts().total == 0
    assert readers() == []


def test_stopping_is_heard_soon_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    plan = importing.plan(TASK, write(tmp_path / "rows.csv", 400_000))
    asked: list[float] = []

    def stop() -> bool:
        if project.items._connections.row("SELECT 1 FROM items LIMIT 1") is None:
            return False  # not before rows have come in
        asked.append(time.monotonic())
        return True

    with pytest.raises(Cancelled):
        importing.run(project, plan, should_stop=stop)
    assert time.monotonic() - asked[0] < 5.0
    assert project.items.counts().total == 0
    assert readers() == []


def test_a_reader_that_is_killed_is_one_sentence_and_no_row(project: Project, tmp_path: Path) -> None:
    plan = importing.plan(TASK, write(tmp_path / "rows.csv", 400_000))

    def kill() -> None:
        while not (found := readers()):
            time.sleep(0.01)
        os.kill(found[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(UserError, match=r"ended by itself \(signal 9, SIGKILL\)"):
        importing.run(project, plan)
    killer.join()
    assert project.items.counts().total == 0
    report = importing.run(project, importing.plan(TASK, write(tmp_path / "few.csv", 10)))
    assert report.imported == 10


def test_an_import_that_breaks_off_ends_its_reader_while_its_error_is_still_held(
    project: Project, tmp_path: Path
) -> None:
    plan = importing.plan(TASK, write(tmp_path / "rows.csv", 400_000))

    def break_off(done: ImportProgress) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full") as held:
        importing.run(project, plan, on_progress=break_off)
    assert held.value.__traceback__ is not None
    assert readers() == []
    assert [one.name for one in threading.enumerate() if one.name == "desktop-llm-hear"] == []


def test_a_process_that_was_started_ahead_reads_the_file(project: Project, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", 50_000)
    reading.prepare(file)
    reading.prepare(file)
    (ahead,) = readers()
    used: set[int] = set()
    report = importing.run(
        project, importing.plan(TASK, file), on_progress=lambda done: used.update(one.pid for one in readers())
    )
    assert report.imported == 50_000
    assert used <= {ahead.pid}
    assert readers() == []


def test_a_process_that_was_started_in_vain_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "rows.csv", 10)
    reading.prepare(file)
    assert len(readers()) == 1
    reading.dismiss()
    assert readers() == []
    monkeypatch.setattr(reading, "LARGE", 1 << 40)
    reading.prepare(file)
    assert readers() == []


def test_a_process_that_ended_while_it_waited_is_not_missed(project: Project, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", 1000)
    reading.prepare(file)
    (ahead,) = readers()
    ahead.kill()
    while ahead in readers():
        time.sleep(0.01)
    assert importing.run(project, importing.plan(TASK, file)).imported == 1000
    reading.prepare(file)
    reading._waiting[0].heard -= reading.PATIENCE_SECONDS  # it may leave at any moment
    assert importing.run(project, importing.plan(TASK, write(tmp_path / "more.csv", 2000))).imported == 1000
    assert readers() == []


def test_arrow_does_not_load_pandas_in_the_reader(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise SystemExit('pandas was loaded')", "utf-8")
    reads = (
        "import sys; from desktop_llm.verbs.reading import _WithoutPandas; sys.meta_path.insert(0, _WithoutPandas);"
        "import pyarrow; pyarrow.array(['text'])"
    )
    told = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", reads]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": told}, check=True, timeout=60)


def test_a_reader_to_whom_nobody_listens_leaves() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()

    def send() -> None:
        with reading._Sender(theirs) as sender:
            for _ in range(20):
                sender.send(bytes(1 << 20))

    with pytest.raises(OSError, match=r"[Bb]roken"):
        send()
    theirs.close()
