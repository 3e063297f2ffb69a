"""Rows that SQLite copies from a small database: the same as those that are handed to it one by one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Batch, Filter, ImportProgress, Item
from desktop_llm.store import images, putting
from desktop_llm.store.hashing import digests
from desktop_llm.store.images import Image, Place, image_of
from desktop_llm.store.inserting import InsertCounts
from desktop_llm.store.project import Project
from tests.store.conftest import TASK

SPLITS = ("", "train", "test")


def batch(first: int = 0, count: int = 50, *, label: str = "class") -> Batch:
    """Rows with all that a row can have; some repeat an earlier text, some have no label and no further cells."""
    places = range(first, first + count)
    return Batch(
        main="text",
        texts=[f"text number {place - place % 7 // 6} “ä” 🙂" for place in places],
        extras=[None if place % 5 == 0 else f'{{"id":"{place}"}}' for place in places],
        labels=[None if place % 3 == 0 else f"{label} {place % 4}" for place in places],
        splits=[SPLITS[place % 3] for place in places],
    )


def imaged(told: Batch, place: Place = Place()) -> Image:  # noqa: B008 - it is frozen
    """The image of a batch, which must have one."""
    image = image_of(told, place)
    assert image is not None
    return image


def bring(project: Project, batches: Iterable[Batch | Image], *, known_only: bool = False) -> InsertCounts:
    """Insert them."""
    return project.items.insert_batches(
        "rows.csv",
        batches,
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
        known_only=known_only,
    )


def rows(project: Project) -> list[Item]:
    """All rows."""
    return project.items.page(Filter(), 0, 1000)


@pytest.fixture
def other(tmp_path: Path) -> Iterable[Project]:
    """An empty project beside the one with thirty rows."""
    made = Project.create(tmp_path / "Other", TASK.name)
    yield made
    made.close()


def test_an_image_holds_its_batch() -> None:
    told = batch()
    image = imaged(told)
    found = image.batch()
    assert image.hashes == found.hashes == digests(told)
    for name in ("texts", "extras", "labels", "splits", "contents", "main"):
        assert getattr(found, name) == getattr(told, name)


def test_further_fields_come_along() -> None:
    told = Batch(
        main="text",
        texts=["a", "b"],
        extras=[None, None],
        labels=[None, None],
        splits=["", ""],
        contents=[{"answer": "“yes”"}, {}],
    )
    image = imaged(told)
    assert image.batch().contents == told.contents
    assert image.batch().extras == told.extras
    assert image.hashes == digests(told)


@pytest.mark.parametrize("as_foretold", [True, False], ids=["foretold", "elsewhere"])
@pytest.mark.parametrize("pieces", [(1_200, 200), (7, 3)], ids=["whole", "small pieces"])
def test_copied_rows_are_the_same(
    tmp_path: Path, other: Project, monkeypatch: pytest.MonkeyPatch, pieces: tuple[int, int], as_foretold: bool
) -> None:
    batches = [batch(0), batch(50), batch(93)]
    plain = Project.create(tmp_path / "Plain", TASK.name)
    told = bring(plain, batches)
    monkeypatch.setattr(putting, "ROWS_A_PIECE", pieces[0])
    monkeypatch.setattr(putting, "ROWS_AT_ONCE", pieces[1])
    monkeypatch.setattr(images, "ROWS_A_TABLE", pieces[1])
    place = other.items.next_place()
    # the second one is no image, the third was made for the place where it comes, or for another one
    third = imaged(batches[2], place.after(100 if as_foretold else 1000))
    assert bring(other, [imaged(batches[0], place), batches[1], third]) == told
    assert told.repeats > 0
    assert rows(other) == rows(plain)
    by_split = "split, id FROM items INDEXED BY items_by_split WHERE split <> ''"
    by_source = "source, id FROM items INDEXED BY items_by_source"
    for query in (
        *("* FROM items", by_split, by_source),
        *("* FROM keys", "* FROM class_items", "item, value, labeler FROM labels"),
    ):
        assert other._connections.rows(f"SELECT {query}") == plain._connections.rows(f"SELECT {query}")
    assert other.check() == []
    plain.close()


def test_sqlite_copies_rows_without_looking_into_them(project: Project) -> None:
    image = imaged(batch(), project.items.next_place())
    with project._connections.piece(image=image.rows) as connection:
        steps = connection.execute("EXPLAIN INSERT INTO main.items SELECT * FROM image.items_0").fetchall()
    done = {step[1] for step in steps}
    assert "Insert" in done
    assert not done & {"Column", "MakeRecord"}


def test_the_next_place_is_where_rows_come(project: Project) -> None:
    place = project.items.next_place()
    bring(project, [batch()])
    asked = "SELECT MIN(id), source FROM items GROUP BY source ORDER BY source DESC LIMIT 1"
    assert project._connections.rows(asked) == [(place.row, place.source)]


def test_known_texts_of_an_image_bring_their_labels(project: Project) -> None:
    bring(project, [imaged(batch(0, 20))])
    waiting = [item for item in rows(project) if item.value is None]
    again = batch(0, 40)
    told = bring(project, [imaged(Batch(main="text", texts=again.texts, extras=again.extras,
                                        labels=["later"] * 40, splits=again.splits))])  # fmt: skip
    distinct = len(set(again.texts))
    assert told.imported == distinct - len(set(again.texts[:20]))
    assert told.duplicates == 40 - told.imported
    later = {item.id for item in rows(project) if item.value is not None} & {item.id for item in waiting}
    assert later == {item.id for item in waiting if "“ä”" in item.content["text"]}


def test_only_labels_of_an_image_are_taken(project: Project) -> None:
    told = bring(project, [imaged(batch())], known_only=True)
    assert (told.imported, told.unknown) == (0, 50)
    assert len(rows(project)) == 30


def test_what_is_broken_off_leaves_nothing(project: Project) -> None:
    before = rows(project)

    def break_off(done: ImportProgress) -> None:
        assert project._connections.rows("SELECT COUNT(*) FROM items") == [(80,)]
        raise Cancelled

    with pytest.raises(Cancelled):
        project.items.insert_batches(
            "rows.csv",
            [imaged(batch())],
            to_value=TASK.labels.to_value,
            class_names=TASK.labels.names,
            on_progress=break_off,
        )
    assert rows(project) == before
    bring(project, [imaged(batch(1000, 1))])
    assert project._connections.rows("SELECT COUNT(*), MAX(id) FROM items") == [(31, 31)]
    assert project.check() == []


def test_a_batch_that_has_no_image_says_so() -> None:
    large = Batch(main="text", texts=["x" * 70_000], extras=[None], labels=[None], splits=[""])
    half = Batch(main="text", texts=["\ud800"], extras=[None], labels=[None], splits=[""])
    assert image_of(large, Place()) is None
    assert image_of(half, Place()) is None
