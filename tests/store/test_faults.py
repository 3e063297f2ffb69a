"""What disks do to a project: full, read-only, damaged. One sentence each, and nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.rows import Filter
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
from desktop_llm.store.project import Project
project = Project.open(Path(sys.argv[1]))
last, calls = int(sys.argv[2]), 0
def rows():
    for place in range(16_000):
        yield NewItem(content={"text": f"imported {place} " + "word " * 500}, label=f"class {place % 200}")
def to_value(label, numbers):
    global calls
    calls += 1
    if calls == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers[label]
project.items.insert("big.csv", rows(), to_value=to_value, class_names=lambda label: (label,))
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
@pytest.mark.parametrize("limit", [300_000, 6_000_000])
def test_a_full_disk_costs_only_what_was_not_acknowledged(project: Project, limit: int) -> None:
    # the limit meets the gathering of an import in one case, and its copying in the other
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
@pytest.mark.parametrize("last", [1, 200])
def test_a_kill_while_rows_are_copied_leaves_the_project_as_it_was(project: Project, last: int) -> None:
    # labels are made after the rows, 40 MB of which stand in the file's log by then
    project.close()
    done = subprocess.run([sys.executable, "-c", KILLED, str(project.path), str(last)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    log = project.path / f"{FILE}-wal"
    assert log.stat().st_size > 1_000_000
    again = Project.open(project.path)
    try:
        assert again.check() == []
        counts = again.items.counts()
        assert (counts.total, counts.labeled, counts.by_source) == (30, 20, {"rows.csv": 30})
        assert [one.name for one in again.classes.all()] == ["yes", "no"]
    finally:
        again.close()
    assert sorted(one.name for one in project.path.iterdir()) == ["media", FILE, "project.lock", "runs"]


def test_a_damaged_page_is_a_sentence_wherever_it_is_met(project: Project) -> None:
    insert(project, [(f"more {place} " + "word " * 40, "yes") for place in range(2000)])
    project.close()
    file = project.path / FILE
    data = bytearray(file.read_bytes())
    for start in range(4096 * 60, len(data) - 4096, 4096):
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
    snapshot.write(folder.snapshot, {"train": [{"id": 1, "text": "a", "label": "yes"}]})
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
