"""The rows of a project: bringing them in, paging through them by key, and the queue of what to label next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import (
    LOOP,
    Batch,
    Changes,
    Counts,
    Filter,
    ImportProgress,
    Item,
    NewItem,
    Order,
    Places,
    batch_of,
)
from desktop_llm.store import inserting
from desktop_llm.store.connection import Connections
from desktop_llm.store.finding import Finding
from desktop_llm.store.hashing import content_hash, key_of
from desktop_llm.store.images import Image, Place
from desktop_llm.store.inserting import InsertCounts
from desktop_llm.store.schema import GENERATION, VISIBLE
from desktop_llm.store.search import Search
from desktop_llm.store.where import Where, where

COLUMNS = """
SELECT items.id, items.text, items.content, items.extra, items.split, sources.name, labels.value, labels.skipped,
  p.label, p.probability, p.uncertainty, p.top, p.run, s.value, s.probability, s.uncertainty, s.top
FROM items JOIN sources ON sources.id = items.source LEFT JOIN labels ON labels.item = items.id
LEFT JOIN suggestions AS s ON s.item = items.id
LEFT JOIN predictions AS p ON p.item = items.id
  AND p.run = (SELECT MAX(run) FROM predictions INDEXED BY predictions_by_item WHERE item = items.id)
"""
DOUBTED = Where("doubts.item", "doubts INDEXED BY doubts_first", (), ())
TOTAL = f"SELECT COUNT(*) - (SELECT COUNT(*) FROM items WHERE id > {VISIBLE}) FROM items"
SEEN = f"EXISTS (SELECT 1 FROM items INDEXED BY items_by_source WHERE source = sources.id AND id <= {VISIBLE})"
AT_ONCE = 500
SPLITS_AT_ONCE = 5000
COLUMN_ROWS = 50
"""Rows of a file that are asked for their columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A labelled row on its way into a snapshot. `hash` hexadecimal, of the content."""

    id: int
    hash: str
    content: Mapping[str, str]
    value: Any
    split: str


class Items:
    """Reads rows. Ids grow in file order; pages go by id, never by offset."""

    def __init__(self, connections: Connections, search: Search) -> None:
        """`connections` of the project, and its full-text index."""
        self._connections = connections
        self._finding = Finding(connections, search)
        self._main = ""

    def get(self, item: int) -> Item | None:
        """The row with that id."""
        found = self._fetch([item])
        return found[0] if found else None

    def count(self, told: Filter) -> int:
        """How many rows a filter lets through."""
        return self._finding.count(told)

    def places(self, told: Filter, should_stop: Callable[[], bool] = lambda: False) -> Places:
        """Where the rows of a filter lie, and how many there are. Raises Cancelled."""
        return self._finding.places(told, should_stop)

    def page(self, told: Filter, from_id: int, limit: int, skip: int = 0) -> list[Item]:
        """At most `limit` rows of a filter from id `from_id` on, in file order, after passing over `skip`."""
        return self._fetch(self._finding.page(told, from_id, limit, skip))

    def get_many(self, ids: Sequence[int]) -> list[Item]:
        """The rows of these ids, in their order; those that are gone are left out."""
        return self._fetch(ids)

    def known(self, contents: Sequence[Mapping[str, str]]) -> list[int]:
        """The row that has, or came with, each of these contents; 0 for those that are not in the project."""
        keys = [key_of(content_hash(one)) for one in contents]
        found: dict[int, int] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            sql = f"SELECT key, item FROM keys JOIN items ON items.id = keys.item WHERE key IN ({marks})"
            found.update(self._connections.rows(sql, part))
        return [found.get(key, 0) for key in keys]

    def texts(self, told: Filter) -> Iterator[tuple[int, str, str]]:
        """Id, main text and split of a filter's rows; read in pieces, so that nothing waits for it."""
        for part in self.ids(told):
            marks = ",".join("?" * len(part))
            sql = f"SELECT id, text, split FROM items WHERE id IN ({marks}) ORDER BY id"
            yield from ((row[0], row[1], row[2]) for row in self._connections.rows(sql, part))

    def page_ids(self, told: Filter, from_id: int, limit: int, skip: int = 0) -> list[int]:
        """The ids of what `page` gives."""
        return self._finding.page(told, from_id, limit, skip)

    def ids(self, told: Filter) -> Iterator[list[int]]:
        """The ids of a filter's rows, in pieces."""
        return self._finding.ids(told)

    def before(self, told: Filter, item: int) -> Item | None:
        """The row of a filter that comes before `item` in file order."""
        found = self._finding.before(told, item)
        return None if found is None else self.get(found)

    def queue(self, told: Filter, order: Order, after: int | None, limit: int) -> list[Item]:
        """What comes next for labeling, after the row `after` (None: from the beginning).

        `uncertain` gives rows without a label as the loop or a run has ordered them (rows without a place are not in
        it), `doubted` rows whose label is to be looked at again, the most doubtful first.
        """
        if order == "file":
            return self.page(told, 0 if after is None else after + 1, limit)
        table, generation = ("doubts", "") if order == "doubted" else ("uncertainty", f" AND generation = {GENERATION}")
        chosen = where(told, lead=DOUBTED) if order == "doubted" else where(told, uncertain=True)
        values = chosen.values
        more: tuple[str, ...] = ()
        if after is not None:
            row = self._connections.row(f"SELECT value FROM {table} WHERE item = ?{generation}", (after,))
            if row is not None:
                more = (f"{table}.value <= ?", f"({table}.value < ? OR {table}.item > ?)")
                values = (*values, row[0], row[0], after)
        sql = chosen.select(chosen.key, *more) + f" ORDER BY {table}.value DESC, {table}.item LIMIT ?"
        return self._fetch([row[0] for row in self._connections.rows(sql, (*values, limit))])

    def counts(self) -> Counts:
        """The project in numbers."""
        total = self._number(TOTAL)
        skipped = self._number("SELECT COUNT(*) FROM unlabeled INDEXED BY unlabeled_skipped WHERE skipped = 1")
        by_class = self._connections.rows(
            "SELECT id, (SELECT COUNT(*) FROM class_items WHERE class = classes.id"
            f" AND item <= {VISIBLE}) FROM classes WHERE position >= 0"
        )
        labeled = self._number(f"SELECT COUNT(*) FROM labels WHERE value IS NOT NULL AND item <= {VISIBLE}")
        splits = self._connections.rows(
            "SELECT split, COUNT(*) FROM items INDEXED BY items_by_split"
            f" WHERE split <> '' AND id <= {VISIBLE} GROUP BY split"
        )
        sources: Counter[str] = Counter()
        for name, number in self._connections.rows(
            "SELECT name, (SELECT COUNT(*) FROM items INDEXED BY items_by_source WHERE source = sources.id"
            f" AND id <= {VISIBLE}) FROM sources"
        ):
            if number:
                sources[name] += number
        return Counts(
            total=total,
            labeled=labeled,
            skipped=skipped,
            by_class={number: count for number, count in by_class if count},
            by_split=dict(splits),
            by_source=sources,
            binned=self._number("SELECT COUNT(*) FROM bin"),
        )

    def sources(self) -> list[str]:
        """The names of the files that rows came from."""
        return [
            row[0] for row in self._connections.rows(f"SELECT DISTINCT name FROM sources WHERE {SEEN} ORDER BY name")
        ]

    def columns(self) -> list[str]:
        """The names of the further columns that rows have, as the first rows of each file tell."""
        return [
            row[0]
            for row in self._connections.rows(
                "SELECT DISTINCT json_each.key FROM sources JOIN items INDEXED BY items_by_source"
                f" ON items.source = sources.id AND items.id <= {VISIBLE} AND items.id < ? +"
                " (SELECT MIN(id) FROM items INDEXED BY items_by_source WHERE source = sources.id)"
                " JOIN json_each(items.extra) WHERE items.extra IS NOT NULL ORDER BY 1",
                (COLUMN_ROWS,),
            )
        ]

    def characters(self) -> int:
        """How many characters the texts of all rows have together."""
        return self._number(f"SELECT COALESCE(SUM(LENGTH(text)), 0) FROM items WHERE id <= {VISIBLE}")

    def hashes(self) -> Iterator[tuple[int, bytes, str]]:
        """Id, hash of the content and split of all rows, in file order; read in pieces, so that nothing waits."""
        after = 0
        while rows := self._connections.rows(
            f"SELECT id, hash, split FROM items WHERE id > ? AND id <= {VISIBLE} ORDER BY id LIMIT ?",
            (after, SPLITS_AT_ONCE),
        ):
            yield from rows
            after = rows[-1][0]

    def cells(self, column: str) -> Iterator[tuple[int, str]]:
        """Id and cell of a further column, of the rows that have it; read in pieces."""
        after = 0
        while rows := self._connections.rows(
            "SELECT items.id, (SELECT CAST(atom AS TEXT) FROM json_each(items.extra) WHERE key = ?) FROM items"
            f" WHERE items.id > ? AND items.id <= {VISIBLE} ORDER BY items.id LIMIT ?",
            (column, after, SPLITS_AT_ONCE),
        ):
            yield from ((row[0], row[1]) for row in rows if row[1] is not None)
            after = rows[-1][0]

    def in_full(self) -> Iterator[tuple[int, dict[str, str], dict[str, Any]]]:
        """Id, content and further cells of all rows, in file order; read in pieces, so that nothing waits for it."""
        main, after = self._main_field(), 0
        while rows := self._connections.rows(
            f"SELECT id, text, content, extra FROM items WHERE id > ? AND id <= {VISIBLE} ORDER BY id LIMIT ?",
            (after, AT_ONCE),
        ):
            for number, text, content, extra in rows:
                yield number, _content(main, text, content), json.loads(extra) if extra else {}
            after = rows[-1][0]

    def labelled(self, *, every: bool = False) -> Iterator[Labelled]:
        """All rows with a label, in file order; read in pieces, so that nothing waits for it.

        `every`: all rows there are, as of tasks that need no label; their value is None.
        """
        main, after = self._main_field(), 0
        sql = (
            f"SELECT id, hash, text, content, 'null', split FROM items WHERE id > ? AND id <= {VISIBLE}"
            " ORDER BY id LIMIT ?"
            if every
            else "SELECT items.id, hash, text, content, labels.value, split FROM labels"
            " JOIN items ON items.id = labels.item"
            f" WHERE labels.value IS NOT NULL AND labels.item > ? AND labels.item <= {VISIBLE}"
            " ORDER BY labels.item LIMIT ?"
        )
        while rows := self._connections.rows(sql, (after, AT_ONCE)):
            for number, digest, text, content, value, split in rows:
                yield Labelled(
                    id=number,
                    hash=digest.hex(),
                    content=_content(main, text, content),
                    value=json.loads(value),
                    split=split,
                )
            after = rows[-1][0]

    def unlabelled(self, after: int, limit: int) -> list[tuple[int, Mapping[str, str]]]:
        """Rows without a label (skipped ones, too) after id `after`: id and content, for predicting."""
        main = self._main_field()
        rows = self._connections.rows(
            "SELECT items.id, text, content FROM unlabeled JOIN items ON items.id = unlabeled.item"
            f" WHERE unlabeled.item > ? AND unlabeled.item <= {VISIBLE} ORDER BY unlabeled.item LIMIT ?",
            (after, limit),
        )
        return [(row[0], _content(main, row[1], row[2])) for row in rows]

    def set_splits(self, splits: Mapping[int, str]) -> Changes:
        """Put rows into splits; in pieces, so that a label never waits long."""
        told = ((split, item) for item, split in splits.items())
        while part := list(islice(told, SPLITS_AT_ONCE)):
            with self._connections.writing() as connection:
                connection.executemany("UPDATE items SET split = ? WHERE id = ?", part)
        return Changes(items=True)

    def insert(
        self,
        source: str,
        items: Iterable[NewItem],
        *,
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
        on_progress: Callable[[ImportProgress], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
        known_only: bool = False,
        placed: Callable[[Any, str, str], Any] | None = None,
    ) -> InsertCounts:
        """Bring rows in, all or none; see `store.inserting.insert`."""
        waiting = iter(items)
        return self.insert_batches(
            source,
            (batch_of(part) for part in iter(lambda: list(islice(waiting, AT_ONCE)), [])),
            to_value=to_value,
            class_names=class_names,
            on_progress=on_progress,
            should_stop=should_stop,
            known_only=known_only,
            placed=placed,
        )

    def insert_batches(
        self,
        source: str,
        batches: Iterable[Batch | Image],
        *,
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
        on_progress: Callable[[ImportProgress], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
        known_only: bool = False,
        placed: Callable[[Any, str, str], Any] | None = None,
    ) -> InsertCounts:
        """Bring many rows in, all or none; see `store.inserting.insert`."""
        return inserting.insert(
            self._connections,
            source,
            batches,
            to_value=to_value,
            class_names=class_names,
            on_progress=on_progress,
            should_stop=should_stop,
            known_only=known_only,
            placed=placed,
        )

    def next_place(self) -> Place:
        """Where the next rows of a new source will stand, unless others come before them."""
        source = "SELECT COALESCE(MAX(id), 0) + 1 FROM sources"
        return Place(row=self._number(f"SELECT {VISIBLE} + 1"), source=self._number(source))

    def _main_field(self) -> str:
        if not self._main:
            row = self._connections.row("SELECT value FROM meta WHERE key = 'main_field'")
            self._main = row[0] if row else ""
        return self._main or "text"

    def _number(self, sql: str, values: Sequence[Any] = ()) -> int:
        row = self._connections.row(sql, values)
        return int(row[0]) if row else 0

    def _fetch(self, numbers: Sequence[int]) -> list[Item]:
        """The rows of ids, in the order of `numbers`."""
        main, found = self._main_field(), {}
        for start in range(0, len(numbers), AT_ONCE):
            part = numbers[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            for row in self._connections.rows(f"{COLUMNS} WHERE items.id IN ({marks})", part):
                found[row[0]] = _item(main, row)
        return [found[number] for number in numbers if number in found]


def _content(main: str, text: str, content: str | None) -> dict[str, str]:
    return {main: text, **(json.loads(content) if content else {})}


def _item(main: str, row: Sequence[Any]) -> Item:
    prediction, by = None, row[12]
    if row[13] is not None:
        prediction, by = _prediction(row[13:17]), LOOP
    elif row[8] is not None:
        prediction = _prediction(row[8:12])
    return Item(
        id=row[0],
        content=_content(main, row[1], row[2]),
        extra=json.loads(row[3]) if row[3] else {},
        split=row[4],
        source=row[5],
        value=json.loads(row[6]) if row[6] is not None else None,
        skipped=bool(row[7]),
        prediction=prediction,
        predicted_by=by,
    )


def _prediction(row: Sequence[Any]) -> Prediction:
    top = tuple((str(name), float(value)) for name, value in json.loads(row[3]))
    return Prediction(label=json.loads(row[0]), probability=row[1], uncertainty=row[2], top=top)
