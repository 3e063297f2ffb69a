"""Databases that we write ourselves: SQLite finds them sound, and reads in them what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.store import pages

Columns = Mapping[str, Sequence[str | None]]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def made(columns: Columns, first: int = 0) -> bytes | None:
    """A database of one table with these columns."""
    schema = f"CREATE TABLE rows (place INTEGER PRIMARY KEY, {', '.join(columns)})"
    told = [pages.texts(column) for column in columns.values()]
    return pages.database((schema,), [pages.table(first, len(columns["text"]), told)])


@contextmanager
def opened(data: bytes | None) -> Iterator[sqlite3.Connection]:
    """A database that SQLite thinks sound."""
    assert data is not None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        yield connection


def read(columns: Columns, first: int = 0) -> list[tuple[object, ...]]:
    """What SQLite finds in a database of these columns."""
    with opened(made(columns, first)) as connection:
        found = connection.execute("SELECT * FROM rows ORDER BY place").fetchall()
        # by their keys, too: the tree above the leaves is right
        for place in (0, len(found) // 2, len(found) - 1):
            told = connection.execute("SELECT * FROM rows WHERE place = ?", (first + place,)).fetchall()
            assert told == found[place:][:1]
    return found


def written(columns: Columns, first: int = 0) -> list[tuple[object, ...]]:
    """The rows of these columns."""
    return list(zip(range(first, first + len(columns["text"])), *columns.values(), strict=True))


@given(
    rows=st.lists(st.tuples(TEXT, st.none() | TEXT), min_size=1, max_size=60),
    times=st.integers(1, 60),
    first=st.integers(0, pages.GREATEST - 3600) | st.sampled_from([100, 16_380, 1 << 21, 1 << 28]),
)
@settings(max_examples=60, deadline=None)
def test_sqlite_reads_what_was_written(rows: list[tuple[str, str | None]], times: int, first: int) -> None:
    columns: Columns = {"text": [text for text, _ in rows] * times, "extra": [extra for _, extra in rows] * times}
    assert read(columns, first) == written(columns, first)


@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1 << 62)), max_size=200, unique=True).map(sorted),
    source=st.integers(0, 1 << 62) | st.sampled_from([0, 1, 127, 128, 1 << 15, 1 << 47]),
)
@settings(max_examples=60, deadline=None)
def test_sqlite_finds_rows_by_their_indexes(rows: list[tuple[str, int]], source: int) -> None:
    splits, numbers = [split for split, _ in rows], [number for _, number in rows]
    columns = [pages.texts(splits), pages.integers(np.array(numbers, np.int64)), pages.same(source)]
    schema = (
        "CREATE TABLE rows (place INTEGER PRIMARY KEY, split TEXT, number INTEGER, source INTEGER, none, text)",
        "CREATE INDEX by_split ON rows (split)",
        "CREATE INDEX by_nothing ON rows (number) WHERE split = 'd'",
    )
    places = pages.integers(np.arange(1, len(rows) + 1))
    table = pages.table(1, len(rows), [*columns, pages.same(None), pages.same("ä")])
    nothing = pages.index(0, 2 * [pages.integers(np.array([], np.int64))])
    data = pages.database(schema, [table, pages.index(len(rows), [columns[0], places]), nothing])
    with opened(data) as connection:
        asked = "SELECT place, number, source, none, text FROM rows INDEXED BY by_split WHERE split = ? ORDER BY place"
        for split in "abc":
            there = [
                (place, number, source, None, "ä") for place, (told, number) in enumerate(rows, 1) if told == split
            ]
            assert connection.execute(asked, (split,)).fetchall() == there


@pytest.mark.parametrize(
    "sizes",
    [
        [65_480, 65_480, 65_480],  # a page for each
        [65_490],  # the largest row that has room
        [32_700] * 9,  # two in a page, to the last bytes
        [32_700, 60_000, 16_300, 16_300],
        [0] * 40_000,
        [place % 300 for place in range(20_000)],
    ],
    ids=["whole pages", "largest", "halves", "large pages", "empty", "mixed"],
)
def test_rows_of_all_sizes_find_their_pages(sizes: list[int]) -> None:
    columns = {"text": ["x" * size for size in sizes]}
    assert read(columns) == written(columns)


def test_no_rows_are_no_rows() -> None:
    assert read({"text": []}) == []


def test_a_row_without_room_in_a_page_is_refused() -> None:
    assert made({"text": ["short", "x" * 65_500]}) is None
    with pytest.raises(UnicodeEncodeError):
        made({"text": ["half \ud800 of a character"]})


def test_more_leaves_than_a_root_knows_are_refused() -> None:
    # a leaf for each row, which is too large for two of them in one of the largest pages
    most = {"text": ["x" * 32_800] * pages.MOST_LEAVES}
    first = pages.GREATEST - pages.MOST_LEAVES
    assert read(most, first) == written(most, first)
    assert made({"text": ["x" * 32_800] * (pages.MOST_LEAVES + 1)}, first) is None


def test_an_index_with_more_rows_than_one_page_is_refused() -> None:
    schema = ("CREATE TABLE rows (place INTEGER PRIMARY KEY, text)", "CREATE INDEX by_text ON rows (text)")
    for count, fits in ((3000, True), (6000, False)):
        texts = sorted(f"text {place}" for place in range(count))
        column, places = pages.texts(texts), pages.integers(np.arange(1, count + 1))
        trees = [pages.table(1, count, [column]), pages.index(count, [column, places])]
        assert (pages.database(schema, trees) is not None) is fits
