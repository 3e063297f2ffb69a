"""Full-text search: what is found with the index is what reading every text finds, whatever happened meanwhile."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Edit, Filter
from desktop_llm.store import search
from desktop_llm.store.project import Project
from tests.store.conftest import Rows, insert

SIGNS = ["a", "B", "b", "ß", "Ü", "ü", "好", "评", "差", " ", '"', "%", "_", "😀", "é", "\n", "\\"]
ASKED = [
    "a",
    "好评",
    "好评差",
    "ab",
    "aBb",
    "üÜ",
    "ÜB",
    "😀",
    '"b',
    "%_",
    "  ",
    "评\n",
    "ß",
    "bbbb",
    "\\",
    "e",
    "zz",
    "zzz",
]


def drawn(count: int, seed: int = 1) -> Rows:
    """Texts of few different characters, so that parts repeat."""
    draw = random.Random(seed)
    return [("".join(draw.choices(SIGNS, k=draw.randint(1, 12))) + f"·{place}", None) for place in range(count)]


def found(project: Project, text: str, **more: object) -> list[int]:
    """The rows with a text, by pages."""
    told = Filter(text=text, **more)  # type: ignore[arg-type]
    ids = [number for part in project.items.ids(told) for number in part]
    assert project.items.count(told) == len(ids)
    assert [item.id for item in project.items.page(told, 0, len(ids) + 5)] == ids
    return ids


def read(project: Project, text: str) -> list[int]:
    """The rows with a text, by reading all."""
    items = project.items.page(Filter(), 0, 10_000)
    return [item.id for item in items if text.lower() in item.content["text"].lower()]


def check(project: Project) -> None:
    """The index finds what reading finds."""
    for text in ASKED:
        assert found(project, text) == read(project, text), text


def indexed(project: Project, fraction: float = 1.0) -> None:
    """The index has so much of the project."""
    have, there = project.search.state()
    assert have == round(fraction * there)


@pytest.fixture
def texts(project: Project) -> Project:
    """A project with 400 more texts, all indexed."""
    insert(project, drawn(400))
    project.search.catch_up()
    indexed(project)
    return project


def test_without_an_index_all_texts_are_read(project: Project) -> None:
    insert(project, drawn(200))
    assert project.search.state()[0] == 0
    check(project)


def test_the_index_finds_what_reading_finds(texts: Project) -> None:
    check(texts)


def test_rows_that_came_since_are_read(texts: Project) -> None:
    insert(texts, drawn(100, seed=2), "more.csv")
    assert texts.search.state()[0] < texts.search.state()[1]
    check(texts)
    texts.search.catch_up()
    indexed(texts)
    check(texts)


def test_changed_and_binned_texts_are_found_by_what_they_are_now(texts: Project) -> None:
    edits = [
        Edit(item=40, content={"text": "好评好评"}),
        Edit(item=41, content={"text": "ÜBER alles"}),
        Edit(item=42, to_bin=True),
    ]
    operation = texts.operations.apply("clean", "by hand", edits).operation
    check(texts)
    assert 40 in found(texts, "好评")
    assert 41 in found(texts, "über")
    texts.search.catch_up()
    indexed(texts)
    check(texts)
    texts.operations.undo(operation)
    check(texts)
    texts.search.catch_up()
    check(texts)


def test_it_goes_together_with_other_filters(texts: Project) -> None:
    all_of_them = read(texts, "评")
    texts.labels.set(all_of_them[0], 1)
    texts.labels.skip(all_of_them[1])
    texts.items.set_splits({all_of_them[2]: "test"})
    texts.search.catch_up()
    assert found(texts, "评", show="labeled") == all_of_them[:1]
    assert found(texts, "评", class_id=1) == all_of_them[:1]
    assert found(texts, "评", show="skipped") == all_of_them[1:2]
    assert found(texts, "评", split="test") == all_of_them[2:3]
    assert found(texts, "评", show="unlabeled") == all_of_them[2:]
    assert found(texts, "评", source="other") == []


def test_filling_can_be_stopped_and_goes_on(texts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROWS_A_PIECE", 20)
    insert(texts, drawn(100, seed=3), "more.csv")
    before = texts.search.state()[0]
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        texts.search.catch_up(should_stop=lambda: next(asked))
    assert texts.search.state()[0] == before + 40
    check(texts)
    told: list[float] = []
    texts.search.catch_up(on_progress=told.append)
    assert told[-1] == 1.0
    indexed(texts)


def test_it_stays_over_a_restart(texts: Project, reopened: Callable[[], Project]) -> None:
    again = reopened()
    indexed(again)
    check(again)
    again.close()


def test_an_index_of_another_state_of_the_project_is_made_anew(
    texts: Project, tmp_path: Path, reopened: Callable[[], Project]
) -> None:
    texts.backup(tmp_path / "old.db")
    insert(texts, drawn(50, seed=5), "lost.csv")
    texts.search.catch_up()
    texts.close()
    shutil.copy(tmp_path / "old.db", texts.path / "project.db")
    again = Project.open(texts.path)
    insert(again, drawn(50, seed=6), "instead.csv")
    check(again)
    again.search.catch_up()
    indexed(again)
    check(again)
    again.close()


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 500])
def test_a_damaged_index_hides_nothing_and_is_made_anew(texts: Project, damage: bytes) -> None:
    texts.close()
    for left in texts.path.glob("search.db*"):
        left.unlink()
    (texts.path / search.FILE).write_bytes(damage)
    again = Project.open(texts.path)
    check(again)
    again.search.catch_up()
    indexed(again)
    check(again)
    again.close()


def test_finding_sorts_nothing(texts: Project) -> None:
    for text in ("bbb", "好评"):
        said: list[str] = []
        with texts._connections.reading() as connection:
            connection.set_trace_callback(said.append)
        texts.items.page(Filter(text=text), 0, 10)
        connection.set_trace_callback(None)
        asked = [sql for sql in said if "MATCH" in sql and sql.startswith("SELECT")]
        assert asked
        with texts.search.reading() as (again, _):
            for sql in asked:
                plan = [row[3] for row in again.execute(f"EXPLAIN QUERY PLAN {sql}")]
                assert plan[0].startswith("SCAN found VIRTUAL TABLE"), plan
                assert not any("TEMP B-TREE" in step for step in plan), plan
