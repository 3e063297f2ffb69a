"""Originals that are forgotten: in no history, in no index, in no byte of any file; and all else as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from tests.store.conftest import TASK, Rows, insert

SECRET = "jane.doe@mailbox.example"
CELL = "+49 30 9876543"


@pytest.fixture
def masked(project: Project) -> Project:
    """A row with a secret in its text and in a cell, cleaned, masked, and cleaned again; all of it indexed."""
    row = NewItem(content={"text": f"  write to {SECRET} now"}, extra={"phone": CELL, "n": "1"}, label="yes")
    project.items.insert("b.csv", [row], to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    project.search.catch_up()
    put(project, "clean", f"write to {SECRET} now")
    project.search.catch_up()
    put(project, "personal", "write to [EMAIL] now", {"phone": "[PHONE]", "n": "1"})
    put(project, "clean", "WRITE TO [EMAIL] NOW")
    return project


def put(project: Project, kind: str, text: str, extra: dict[str, str] | None = None, item: int = 31) -> int:
    """Another text for a row."""
    edit = Edit(item=item, content={"text": text}, extra=extra)
    return project.operations.apply(kind, kind, [edit]).operation


def found(project: Project, *words: str) -> list[str]:
    """The files of the project that hold one of these words."""
    files = [path for path in project.path.rglob("*") if path.is_file()]
    assert files
    return sorted(path.name for path in files if any(word.encode() in path.read_bytes() for word in words))


def test_no_file_holds_a_forgotten_original(masked: Project) -> None:
    assert found(masked, SECRET, CELL) != []
    before = masked.items.page(Filter(), 0, 100)
    assert masked.forgetting.waiting("personal") == (1, 1)
    told: list[tuple[float, str]] = []
    assert masked.forgetting.forget("personal", on_progress=lambda part, words: told.append((part, words))) == 1
    assert found(masked, SECRET, CELL) == []
    assert [words for _, words in told] == ["", "search", "files"]
    assert masked.forgetting.waiting("personal") == (0, 0)
    assert not masked.forgetting.unfinished()
    assert masked.items.page(Filter(), 0, 100) == before
    assert masked.check() == []
    masked.search.catch_up()
    assert masked.items.count(Filter(text="[email] now")) == 1
    assert masked.items.count(Filter(text=SECRET)) == 0
    masked.close()
    assert found(masked, SECRET, CELL) == []


def test_the_index_knows_no_group_of_a_forgotten_text(masked: Project) -> None:
    masked.search.catch_up()
    masked.forgetting.forget("personal")
    masked.search.catch_up()
    with masked.search.reading() as (connection, upto):
        groups = {row[0] for row in connection.execute("SELECT term FROM search.groups")}
    assert upto == 31
    assert "ema" in groups
    assert "jan" not in groups


def test_what_was_forgotten_is_final_and_what_came_later_is_undone(masked: Project) -> None:
    masked.forgetting.forget("personal")
    later, personal, first = masked.operations.all()
    assert (later.final, personal.final, first.final) == (False, True, False)
    assert masked.operations.undo(later.id).changed == 1
    assert text(masked) == "write to [EMAIL] now"
    with pytest.raises(UserError, match="forgotten"):
        masked.operations.undo(personal.id)
    undone = masked.operations.undo(first.id)
    assert (undone.changed, undone.left) == (0, 1)
    assert text(masked) == "write to [EMAIL] now"


def text(project: Project, item: int = 31) -> str:
    """A row's text."""
    told = project.items.get(item)
    assert told is not None
    return told.content["text"]


def test_an_operation_that_was_done_again_in_another_order_keeps_nothing(project: Project) -> None:
    """The newer operation keeps the secret, too, though it came after the masking."""
    put(project, "by hand", f"to {SECRET}", item=1)
    first = put(project, "personal", "to [EMAIL]", item=1)
    project.operations.undo(first)
    newer = put(project, "clean", f"TO {SECRET}", item=1)
    project.operations.undo(newer)
    project.operations.redo(first)
    project.operations.redo(newer)  # does nothing to the row, but counts as done
    project.forgetting.forget("personal")
    assert found(project, SECRET) == []
    assert text(project, 1) == "to [EMAIL]"


def test_masking_that_was_undone_is_not_forgotten(masked: Project) -> None:
    later, personal, _ = masked.operations.all()
    masked.operations.undo(later.id)
    masked.operations.undo(personal.id)
    assert masked.forgetting.waiting("personal") == (0, 0)
    assert masked.forgetting.forget("personal") == 0
    assert masked.operations.redo(personal.id).changed == 1


def test_stopped_the_rest_is_forgotten_later(masked: Project, reopened: Callable[[], Project]) -> None:
    with pytest.raises(Cancelled):
        masked.forgetting.forget("personal", should_stop=lambda: True)
    asked: list[str] = []
    again = reopened()
    with pytest.raises(Cancelled):
        again.forgetting.forget(
            "personal", on_progress=lambda _, words: asked.append(words), should_stop=lambda: "files" in asked
        )
    assert again.forgetting.waiting("personal") == (0, 0)
    assert again.forgetting.unfinished()
    assert again.forgetting.forget("personal") == 0
    assert not again.forgetting.unfinished()
    assert found(again, SECRET, CELL) == []
    again.close()


def test_the_file_it_came_from_does_not_bring_it_back_unless_the_bin_was_emptied(masked: Project) -> None:
    masked.forgetting.forget("personal")
    original: Rows = [(f"write to {SECRET} now", None)]
    assert insert(masked, original).imported == 0
    masked.operations.apply("delete", "delete", [Edit(item=31, to_bin=True)])
    assert insert(masked, original).imported == 0
    assert masked.bin.empty() == 1
    assert insert(masked, original).imported == 1


def test_a_damaged_index_is_no_hindrance(masked: Project) -> None:
    (masked.path / "search.db").write_bytes(b"no database at all" * 1000)
    for end in ("-wal", "-shm"):
        Path(f"{masked.path / 'search.db'}{end}").unlink(missing_ok=True)
    masked.forgetting.forget("personal")
    assert found(masked, SECRET, CELL) == []
