"""What disks do to a project: full, read-only, damaged. One sentence each, and nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import atomic
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import job as jobs
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.job import Job
from desktop_llm.rows import Filter, ImportProgress, NewItem
from desktop_llm.store import schema, staging
from desktop_llm.store.project import FILE, Project
from tests.store.conftest import TASK, insert

READER = """
import os, sys
from pathlib import Path
from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
project = Project.open(Path(sys.argv[1]))
assert project.read_only
print(project.holder)
print(project.items.counts().total, len(project.items.page(Filter(), 0, 100)), project.labels.can_undo())
try:
    project.labels.set(1, 1)
except UserError as error:
    print(error)
project.close()
"""
FILLER = """
import resource, sys
from pathlib import Path
from desktop_llm.errors import UserError
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
task = next(iter(TASKS.values()))
project = Project.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
def rows():
    for place in range(20_000):
        yield NewItem(content={"text": f"imported {place} " + "word " * 50}, label="other")
try:
    project.items.insert("big.csv", rows(), to_value=task.labels.to_value, class_names=task.labels.names)
except UserError as error:
    print(error)
acknowledged = 0
try:
    for turn in range(1000):
        project.labels.set(turn % 30 + 1, turn % 2 + 1)
        acknowledged += 1
except UserError as error:
    print(error)
print(acknowledged)
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from desktop_llm.rows import NewItem
from desktop_llm.store import hidden, settling
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
task = next(iter(TASKS.values()))
project = Project.open(Path(sys.argv[1]))
def die(*told):
    os.kill(os.getpid(), signal.SIGKILL)
def rows():
    for place in range(16_000):
        yield NewItem(content={"text": f"imported {place} " + "word " * 500}, label=f"class {place % 200}")
on_progress = lambda done: None
if sys.argv[2] == "rows":
    on_progress = lambda done: done.rows > 9_000 and die()
elif sys.argv[2] in ("classes", "keys"):
    insert_many, calls = settling.insert_many, []
    def third(connection, statement, *told, **how):
        if sys.argv[2] in statement or sys.argv[2] == "classes" and "class_items" in statement:
            calls.append(1)
            if len(calls) == 3:
                die()
        return insert_many(connection, statement, *told, **how)
    settling.insert_many = third
else:
    hidden.publish = die
project.items.insert(
    "big.csv", rows(), to_value=task.labels.to_value, class_names=task.labels.names, on_progress=on_progress
)
"""
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX rights and limits")


@pytest.fixture
def public(project: Project) -> Iterator[Path]:
    """A copy of the project where every user of the machine may read and nobody may write."""
    project.close()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "Tickets"
        shutil.copytree(project.path, path)
        for one in (path, *path.rglob("*")):
            one.chmod(0o555 if one.is_dir() else 0o444)
        yield path
        for one in (path, *path.rglob("*")):
            one.chmod(0o755 if one.is_dir() else 0o644)


@posix
def test_a_folder_that_may_not_be_written_is_read(public: Path) -> None:
    done = subprocess.run([sys.executable, "-c", READER, str(public)], capture_output=True, text=True, check=True)
    holder, counted, refused = done.stdout.splitlines()
    assert "permissions" in holder
    assert counted == "30 30 False"
    assert "read-only" in refused
    assert sorted(one.name for one in public.iterdir()) == ["media", "project.db", "project.lock", "runs"]


@posix
def test_a_log_that_cannot_be_read_is_a_sentence(public: Path) -> None:
    public.chmod(0o755)
    (public / f"{FILE}-wal").write_bytes(bytes(100))
    (public / f"{FILE}-wal").chmod(0o444)
    public.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", READER, str(public)], capture_output=True, text=True, check=False)
    assert "UserError" in done.stderr
    assert "copied while it was open" in done.stderr


@posix
@pytest.mark.parametrize("limit", [300_000, 3_000_000, 6_000_000, 6_500_000, 7_000_000])
def test_a_full_disk_costs_only_what_was_not_acknowledged(project: Project, limit: int) -> None:
    # the limit meets the log in the first two cases, the file in the others: at last when all rows are written
    project.close()
    command = [sys.executable, "-c", FILLER, str(project.path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *sentences, acknowledged = done.stdout.splitlines()
    assert sentences, "the disk was not full enough"
    assert all("disk" in sentence or "full" in sentence for sentence in sentences)
    again = Project.open(project.path)
    try:
        assert again.check() == []
        assert again.items.counts().total == 30
        assert [one.name for one in again.classes.all()] == ["yes", "no"]
        given = sum(one.origin == "person" for item in range(1, 31) for one in again.labels.history(item))
        assert int(acknowledged) <= given <= int(acknowledged) + 1
    finally:
        again.close()


@posix
@pytest.mark.parametrize("at", ["rows", "classes", "keys", "publishing"])
def test_a_kill_during_an_import_leaves_the_project_as_it_was(project: Project, at: str) -> None:
    project.close()
    done = subprocess.run([sys.executable, "-c", KILLED, str(project.path), at], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    again = Project.open(project.path)
    try:
        assert again._connections.rows("SELECT COUNT(*) > 5000 FROM items") == [(1,)], "the kill came too early"
        assert again.check() == []
        assert_nothing_came(again)
        assert not list(project.path.glob(f"{staging.PREFIX}*"))
        told = insert(again, [("imported anew", "class 7"), ("a text", "yes")], "next.csv")
        assert (told.imported, told.labeled, told.duplicates) == (2, 2, 0)
        # what was left is gone, and took no id, no hash and no name of a class
        assert again._connections.rows("SELECT COUNT(*), MAX(id) FROM items") == [(32, 32)]
        assert again._connections.rows("SELECT COUNT(*) FROM keys") == [(32,)]
        assert [one.name for one in again.classes.all()] == ["yes", "no", "class 7"]
        assert again.check() == []
    finally:
        again.close()


def assert_nothing_came(project: Project) -> None:
    """No reader sees more than the 30 rows of the fixture."""
    counts = project.items.counts()
    assert (counts.total, counts.labeled, counts.unlabeled, counts.by_source) == (30, 20, 10, {"rows.csv": 30})
    assert [one.name for one in project.classes.all()] == ["yes", "no"]
    assert sum(one.count for one in project.classes.all()) == 20
    assert list(project.classes.names().values()) == ["yes", "no"]
    assert project.items.sources() == ["rows.csv"]
    shows: list[Any] = ["all", "labeled", "unlabeled"]
    for show, count in zip(shows, (30, 20, 10), strict=True):
        told = Filter(show=show)
        assert project.items.count(told) == len(project.items.page(told, 0, 1000)) == count
        assert len(project.items.queue(told, "file", None, 1000)) == count
        assert project.items.places(told).count == count
    assert project.items.count(Filter(text="imported")) == 0
    assert project.items.count(Filter(source="big.csv")) == 0
    assert len(list(project.items.labelled())) == 20
    assert len(project.items.unlabelled(0, 1000)) == 10


def test_nobody_sees_rows_before_all_are_there(project: Project) -> None:
    def rows() -> Iterator[NewItem]:
        for place in range(3000):
            if place == 2500:
                assert project._connections.rows("SELECT COUNT(*) >= 2000 FROM items") == [(1,)]
                assert_nothing_came(project)
                # a class of theirs may be made by hand meanwhile
                project.classes.add("class 3")
            yield NewItem(content={"text": f"imported {place}"}, label=f"class {place % 5}" if place % 2 else None)

    told = project.items.insert("big.csv", rows(), to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    assert (told.imported, told.labeled) == (3000, 1500)
    names = [one.name for one in project.classes.all()]
    assert names[:3] == ["yes", "no", "class 3"]
    assert sorted(names[3:]) == ["class 0", "class 1", "class 2", "class 4"]
    assert {one.count for one in project.classes.all()[2:]} == {300}
    assert project.items.counts().by_source == {"rows.csv": 30, "big.csv": 3000}


@pytest.mark.parametrize("at", [200, 2900])
def test_a_cancelled_import_is_seen_by_nobody_and_swept_by_the_next(project: Project, at: int) -> None:
    done = 0

    def progressed(told: ImportProgress) -> None:
        nonlocal done
        done = told.rows

    items = [NewItem(content={"text": f"imported {place}"}, label="new") for place in range(3000)]
    with pytest.raises(Cancelled):
        project.items.insert(
            "big.csv",
            items,
            to_value=TASK.labels.to_value,
            class_names=TASK.labels.names,
            on_progress=progressed,
            should_stop=lambda: done >= at,
        )
    assert_nothing_came(project)
    assert insert(project, [("imported 7", None)], "next.csv").imported == 1
    assert project._connections.rows("SELECT COUNT(*), MAX(id) FROM items") == [(31, 31)]
    assert project.items.sources() == ["next.csv", "rows.csv"]
    assert project.check() == []


def test_a_project_of_the_version_before_is_brought_up(project: Project) -> None:
    project.labels.set(3, 1, "Ann")
    project.labels.undo()
    project.labels.set(1, 2, "Ann")
    project.close()
    old, new = project.path / FILE, project.path / "old.db"
    connection = sqlite3.connect(new, isolation_level=None)
    connection.executescript(schema.FIRST)
    connection.execute("ATTACH ? AS new", (str(old),))
    connection.execute("CREATE TABLE _sqlite_migrations AS SELECT * FROM new._sqlite_migrations WHERE id = 1")
    connection.execute("INSERT INTO meta SELECT * FROM new.meta WHERE key NOT IN ('visible', 'generation')")
    for table in ("classes", "sources", "items", "labels", "unlabeled"):
        columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
    history = "id, item, before, before_skipped, after, after_skipped, labeler, origin, at, undone"
    connection.execute(f"INSERT INTO label_history SELECT {history} FROM new.label_history")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    os.replace(new, old)
    again = Project.open(project.path)
    try:
        assert [one.count for one in again.classes.all()] == [9, 11]
        assert [one.labeler for one in again.labels.history(1)] == ["", "Ann"]
        assert again.labels.undo() == 1
        assert_nothing_came(again)
        rows: list[tuple[str, str | None]] = [(row.content["text"], None) for row in again.items.page(Filter(), 0, 5)]
        told = insert(again, [*rows, ("new", None)])
        assert (told.imported, told.duplicates) == (1, 5)
    finally:
        again.close()


def test_a_damaged_page_is_a_sentence_wherever_it_is_met(project: Project) -> None:
    insert(project, [(f"more {place} " + "word " * 40, "yes") for place in range(2000)])
    project.close()
    file = project.path / FILE
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(page * 60, len(data) - page, page):
        data[start : start + 200] = b"\xff" * 200
    file.write_bytes(data)
    again = Project.open(project.path)  # its first pages are whole
    try:
        assert again.check()
        with pytest.raises(UserError, match="damaged"):
            again.items.count(Filter(text="word"))
    finally:
        again.close()


def test_an_empty_file_is_no_project(project: Project) -> None:
    project.close()
    (project.path / FILE).write_bytes(b"")
    with pytest.raises(UserError, match="not made by this program"):
        Project.open(project.path)


def test_an_attempt_that_was_killed_does_not_block_the_next(tmp_path: Path) -> None:
    path = tmp_path / "Again"
    path.mkdir()
    (path / f".{FILE}.part").write_bytes(b"half a database")
    (path / f".{FILE}.part-journal").write_bytes(b"")
    Project.create(path, TASK.name).close()
    assert sorted(one.name for one in path.iterdir() if not one.name.endswith(".lock")) == ["media", FILE, "runs"]


def test_a_project_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="not a folder"):
        Project.create(tmp_path / "file" / "Tickets", TASK.name)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_backup_is_whole_or_not_there(tmp_path: Path, project: Project) -> None:
    to = tmp_path / "backup.db"
    project.backup(to)
    assert (tmp_path / "backup.db.sha256").read_text().split()[0] == atomic.sha256(to)
    with pytest.raises(UserError, match="already"):
        project.backup(to)
    with pytest.raises(UserError):
        project.backup(tmp_path / "nowhere" / "backup.db")
    assert not (tmp_path / "nowhere").exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Tickets", "backup.db", "backup.db.sha256"]


def test_check_names_the_run_and_the_file_that_changed(project: Project) -> None:
    number = project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
    folder = project.runs.folder(number)
    frozen = snapshot.write(folder.snapshot, {"train": [{"id": 1, "text": "a", "label": "yes"}]})
    job = Job(
        number=number, project="Tickets", task=TASK.name, recipe=TASK.recipe, schema={}, snapshot=frozen, created=""
    )
    jobs.write(job, folder.job_file)
    for path in (folder.checkpoints / "step-00000005", folder.model):
        path.parent.mkdir(exist_ok=True)
        with atomic.new_folder(path) as filling:
            (filling / "weights").write_bytes(bytes(1000))
    assert project.check() == []
    for path in (folder.checkpoints / "step-00000005", folder.model):
        with (path / "weights").open("r+b") as file:
            file.seek(500)
            file.write(b"\x01")
    with (folder.snapshot / "train.jsonl").open("ab") as data:
        data.write(b"{}\n")
    told = project.check()
    assert len(told) == 3
    assert all(f"Run {number}" in one for one in told)
    assert sum("weights does not match its checksum" in one for one in told) == 2
    shutil.rmtree(folder.path)
    assert project.check() == [f"The folder of run {number} is missing."]
