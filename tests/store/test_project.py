"""The project's folder and file: opened once for writing, refused with a sentence, checked, backed up."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.store import schema
from desktop_llm.store.project import FILE, Project
from tests.store.conftest import TASK, insert

HOLDER = """
import sys
from pathlib import Path
from desktop_llm.store.project import Project
project = Project.open(Path(sys.argv[1]))
print(project.read_only, flush=True)
sys.stdin.readline()
"""
IMPORTER = """
import sys
from pathlib import Path
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
task = next(iter(TASKS.values()))
project = Project.open(Path(sys.argv[1]))
def rows():
    for place in range(10_000_000):
        if place == 20_000:
            print("half way", flush=True)
        yield NewItem(content={"text": f"imported {place}"}, label="yes")
project.items.insert("big.csv", rows(), to_value=task.labels.to_value, class_names=task.labels.names)
"""


def test_a_second_opener_reads_and_says_who_has_it(project: Project) -> None:
    second = Project.open(project.path)
    try:
        assert second.read_only
        assert "has it open" in second.holder
        assert second.items.counts().total == 30
        with pytest.raises(UserError, match="read-only"):
            second.labels.set(1, 1)
    finally:
        second.close()
    assert not project.read_only


def test_another_process_blocks_and_its_death_frees(project: Project) -> None:
    project.close()
    command = [sys.executable, "-c", HOLDER, str(project.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "False"
        second = Project.open(project.path)
        assert second.read_only
        second.close()
        process.kill()
        process.wait()
    third = Project.open(project.path)
    assert not third.read_only
    third.close()


def test_a_kill_in_the_middle_of_an_import_leaves_the_project_as_it_was(project: Project) -> None:
    project.close()
    command = [sys.executable, "-c", IMPORTER, str(project.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "half way"
        process.kill()
        process.wait()
    again = Project.open(project.path)
    try:
        assert again.items.counts().total == 30
        assert again.check() == []
    finally:
        again.close()


def test_four_threads_write_without_being_locked_out(project: Project) -> None:
    problems: list[BaseException] = []

    def write(first: int) -> None:
        try:
            for turn in range(40):
                project.labels.set((first + 4 * turn) % 30 + 1, turn % 2 + 1, f"labeler {first}")
        except BaseException as error:  # noqa: BLE001 - a thread's failure must fail the test
            problems.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    written = sum(one.origin == "person" for item in range(1, 31) for one in project.labels.history(item))
    assert written == 160


def test_what_cannot_be_opened_says_why(tmp_path: Path, project: Project) -> None:
    project.close()
    with pytest.raises(UserError, match="not there"):
        Project.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no project"):
        Project.open(tmp_path / "empty")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / FILE).write_text("this is no database at all, but long enough to be read as one" * 20)
    with pytest.raises(UserError, match="damaged"):
        Project.open(tmp_path / "text")
    connection = sqlite3.connect(project.path / FILE)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(UserError, match="newer version"):
        Project.open(project.path)


def test_a_project_is_not_made_over_something_else(tmp_path: Path, project: Project) -> None:
    with pytest.raises(UserError, match="already"):
        Project.create(project.path, TASK.name)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not an empty folder"):
        Project.create(tmp_path / "full", TASK.name)
    assert (tmp_path / "full" / "letter.txt").read_text() == "dear"


def test_a_backup_holds_everything(tmp_path: Path, project: Project) -> None:
    project.labels.set(3, 1)
    (tmp_path / "copy").mkdir()
    project.backup(tmp_path / "copy" / FILE)
    copy = Project.open(tmp_path / "copy")
    try:
        assert copy.items.counts().labeled == 21
    finally:
        copy.close()


def test_classes_are_named_once_and_kept_while_used(project: Project) -> None:
    first = project.classes.all()[0]
    with pytest.raises(UserError, match="already"):
        project.classes.add(first.name)
    with pytest.raises(UserError, match="10 texts"):
        project.classes.remove(first.id)
    project.classes.rename(first.id, "certainly")
    assert {one.name for one in project.classes.all()} == {"certainly", "no"}
    row = project.items.get(1)
    assert row is not None
    assert row.value == first.id
    insert(project, [("another", "perhaps")])
    keys = [one.key for one in project.classes.all()]
    assert keys == ["1", "2", "3"]
