"""Labels: durable, with their history, undone and done again across restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project

LABELER = """
import sys
from pathlib import Path
from desktop_llm.store.project import Project
project = Project.open(Path(sys.argv[1]))
for turn in range(100_000):
    item, value = turn % 30 + 1, turn % 2 + 1
    project.labels.set(item, value, "me")
    print(item, value, turn, flush=True)
"""


def _value(project: Project, item: int) -> object:
    row = project.items.get(item)
    assert row is not None
    return row.value


def test_set_skip_clear_and_their_history(project: Project) -> None:
    project.labels.set(3, 2, "Ada")
    assert _value(project, 3) == 2
    project.labels.skip(6, "Ada")
    row = project.items.get(6)
    assert row is not None
    assert row.skipped
    assert project.items.counts().skipped == 1
    project.labels.clear(3, "Bob")
    assert _value(project, 3) is None
    told = [(one.before, one.after, one.labeler) for one in project.labels.history(3)]
    assert told == [(None, 2, "Ada"), (2, None, "Bob")]


def test_undo_and_redo_across_a_restart(project: Project, reopened: Callable[[], Project]) -> None:
    for item, value in ((3, 1), (6, 2), (3, 2)):
        project.labels.set(item, value)
    again = reopened()
    try:
        assert [again.labels.undo() for _ in range(4)] == [3, 6, 3, None]
        assert [_value(again, item) for item in (3, 6)] == [None, None]
        assert [again.labels.redo() for _ in range(2)] == [3, 6]
        assert [_value(again, item) for item in (3, 6)] == [1, 2]
        again.labels.set(9, 1)
        assert again.labels.redo() is None
        assert again.labels.undo() == 9
    finally:
        again.close()


def test_an_import_is_not_undone_label_by_label(project: Project) -> None:
    assert not project.labels.can_undo()
    assert project.labels.undo() is None
    assert _value(project, 1) == 1


def test_a_row_that_is_not_there_is_a_sentence(project: Project) -> None:
    with pytest.raises(UserError, match="no row number 99"):
        project.labels.set(99, 1)


@pytest.mark.parametrize("acknowledged", [1, 17, 60])
def test_no_acknowledged_label_is_lost_by_a_kill(project: Project, acknowledged: int) -> None:
    project.close()
    process = subprocess.Popen(
        [sys.executable, "-c", LABELER, str(project.path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    seen: list[list[int]] = []
    for line in process.stdout:
        seen.append([int(part) for part in line.split()])
        if len(seen) == acknowledged:
            os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    again = Project.open(project.path)
    try:
        assert again.check() == []
        given = [one for item in range(1, 31) for one in again.labels.history(item) if one.origin == "person"]
        given.sort(key=lambda one: one.id)
        assert [(one.item, one.after) for one in given[: len(seen)]] == [(item, value) for item, value, _ in seen]
        assert len(given) <= len(seen) + 1
    finally:
        again.close()


def test_a_label_that_came_with_its_text_is_in_the_history(project: Project) -> None:
    def told(item: int) -> list[tuple[Any, Any, str]]:
        return [(one.before, one.after, one.origin) for one in project.labels.history(item)]

    value = next(row.value for row in project.items.labelled())
    item = next(row.id for row in project.items.labelled())
    assert told(item) == [(None, value, "import")]
    project.labels.set(item, 3 - value)
    project.labels.clear(item)
    assert told(item) == [(None, value, "import"), (value, 3 - value, "person"), (3 - value, None, "person")]
    waiting = project.items.page(Filter(show="unlabeled"), 0, 2)[1].id
    assert told(waiting) == []
