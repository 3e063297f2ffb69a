"""Databases that we write ourselves: SQLite finds them sound, and reads in them what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.store import pages

Columns = Mapping[str, Sequence[str | None]]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def read(columns: Columns) -> list[tuple[object, ...]]:
    """What SQLite finds in a database of these columns, which it must think sound."""
    data = pages.database(columns)
    assert data is not None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute("SELECT * FROM rows ORDER BY place").fetchall()
        # by their keys, too: the tree above the leaves is right
        for place in (0, len(found) // 2, len(found) - 1):
            assert connection.execute("SELECT * FROM rows WHERE place = ?", (place,)).fetchall() == found[place:][:1]
    return found


def written(columns: Columns) -> list[tuple[object, ...]]:
    """The rows of these columns."""
    return list(zip(range(len(columns["text"])), *columns.values(), strict=True))


@given(rows=st.lists(st.tuples(TEXT, st.none() | TEXT), min_size=1, max_size=60), times=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_sqlite_reads_what_was_written(rows: list[tuple[str, str | None]], times: int) -> None:
    columns: Columns = {"text": [text for text, _ in rows] * times, "extra": [extra for _, extra in rows] * times}
    assert read(columns) == written(columns)


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


def test_a_row_without_room_in_a_page_is_refused() -> None:
    assert pages.database({"text": ["short", "x" * 65_500]}) is None
    with pytest.raises(UnicodeEncodeError):
        pages.database({"text": ["half \ud800 of a character"]})


def test_more_leaves_than_a_root_knows_are_refused() -> None:
    size = 32_000
    # a leaf for each row, of the small pages, whose root has room for 3,640 of them
    most = {"text": ["x" * size] * 3640}
    assert read(most) == written(most)
    assert pages.database({"text": ["x" * size] * 3641}) is None
    assert pages.database({"text": ["x" * 1000] * 120_000}) is None
