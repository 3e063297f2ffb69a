"""The ids of the rows of a filter: by pages, counted, and where they lie, whatever index answers it.

A filter may be answered in parts (by source; by the full-text index and, behind its end, by reading), no row in two.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Filter, Places
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import LAST
from desktop_llm.store.search import Search, proposed
from desktop_llm.store.where import Where, where

BLOCK = 8192
"""Ids a block: rows of it are passed over one by one."""
IDS_AT_ONCE = 1000
MOST_SOURCES = 64
"""Sources that are asked one by one; with more of them rows are asked for their source."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a filter's rows: ids from `first` to `last`; `ranged` when a range of ids costs no more than its rows."""

    where: Where
    first: int
    last: int
    ranged: bool = True


class Finding:
    """Finds rows by filters."""

    def __init__(self, connections: Connections, search: Search) -> None:
        """`connections` of the project."""
        self._connections, self._search = connections, search

    def page(self, told: Filter, from_id: int, limit: int, skip: int = 0) -> list[int]:
        """At most `limit` ids from `from_id` on, after passing over `skip` of them."""
        found: list[int] = []
        with self._parts(told) as (connection, parts):
            for part in parts:
                if part.last < from_id:
                    continue
                key = part.where.key
                sql = part.where.select(key, f"{key} >= ?", f"{key} <= ?") + f" ORDER BY {key} LIMIT ?"
                values = (*part.where.values, max(from_id, part.first), part.last, limit + skip)
                found += [row[0] for row in connection.execute(sql, values)]
        return sorted(found)[skip : skip + limit]

    def before(self, told: Filter, item: int) -> int | None:
        """The id before `item`."""
        found: list[int] = []
        with self._parts(told) as (connection, parts):
            for part in parts:
                key = part.where.key
                sql = part.where.select(key, f"{key} < ?", f"{key} >= ?", f"{key} <= ?")
                sql += f" ORDER BY {key} DESC LIMIT 1"
                row = connection.execute(sql, (*part.where.values, item, part.first, part.last)).fetchone()
                found += [row[0]] if row and row[0] is not None else []
        return max(found, default=None)

    def ids(self, told: Filter) -> Iterator[list[int]]:
        """All ids in pieces, each read when it is asked for: rows that change meanwhile do not come twice."""
        after = 0
        while part := self.page(told, after, IDS_AT_ONCE):
            yield part
            after = part[-1] + 1

    def count(self, told: Filter) -> int:
        """How many rows there are."""
        return self.places(told).count

    def places(self, told: Filter, should_stop: Callable[[], bool] = lambda: False) -> Places:
        """Where they lie. Raises Cancelled."""
        blocks: dict[int, int] = {}
        with self._parts(told, counting=True) as (connection, parts):
            for part in parts:
                counted = _by_ranges(connection, part) if part.ranged else _by_ids(connection, part)
                for block, number in counted:
                    if should_stop():
                        raise Cancelled
                    if number:
                        blocks[block] = blocks.get(block, 0) + number
        firsts = sorted(blocks)
        before, total = [], 0
        for block in firsts:
            before.append(total)
            total += blocks[block]
        return Places([block * BLOCK for block in firsts], before, total)

    @contextmanager
    def _parts(self, told: Filter, *, counting: bool = False) -> Iterator[tuple[sqlite3.Connection, Sequence[Part]]]:
        """A connection, and the parts by which to ask it."""
        said = self._said() if told.disagrees else "{}"
        if told.text:
            with self._search.reading() as (connection, upto):
                yield connection, _text_parts(connection, told, said, upto)
        else:
            with self._connections.reading() as connection:
                yield connection, _parts(connection, told, said, counting=counting)

    def _said(self) -> str:
        """What each run calls each class: JSON by “run:class”."""
        names = dict(self._connections.rows("SELECT id, name FROM classes"))
        said: dict[str, str] = {}
        for run, text in self._connections.rows("SELECT number, schema FROM runs"):
            schema = json.loads(text)
            known = {name: number for number, name in names.items()} if not schema.get("class_ids") else {}
            called = zip(schema.get("class_ids", ()), schema.get("classes", ()), strict=False)
            for number, name in dict(called).items() or [(number, name) for name, number in known.items()]:
                said[f"{run}:{number}"] = json.dumps(name, ensure_ascii=False)
        return json.dumps(said, ensure_ascii=False)


def _last(connection: sqlite3.Connection) -> int:
    """The highest row that counts."""
    return int(connection.execute(LAST).fetchone()[0])


def _parts(connection: sqlite3.Connection, told: Filter, said: str, *, counting: bool) -> list[Part]:
    """Without full text: by source where that is an index, else all at once."""
    whole = where(told, said=said)
    last = _last(connection)
    if whole.tables != "items" or told.split or not (told.source or told.since or told.until or counting):
        return [Part(whole, 0, last)]
    rest = where(replace(told, source="", since="", until=""), said=said)
    sources = connection.execute(
        "SELECT id, (SELECT MIN(id) FROM items INDEXED BY items_by_source WHERE source = sources.id),"
        " (SELECT MAX(id) FROM items INDEXED BY items_by_source WHERE source = sources.id) FROM sources"
        " WHERE (?1 = '' OR name = ?1) AND at >= ?2 AND (?3 = '' OR at <= ?3 || '~') ORDER BY id",
        (told.source, told.since, told.until),
    ).fetchall()
    if len(sources) > MOST_SOURCES and not counting:
        return [Part(whole, 0, last)]
    by_source = replace(rest, tables="items INDEXED BY items_by_source")
    return [
        Part(by_source.limited("items.source = ?", source), first, min(highest, last))
        for source, first, highest in sources
        if first is not None and first <= last
    ]


def _text_parts(connection: sqlite3.Connection, told: Filter, said: str, upto: int) -> list[Part]:
    """With full text: what the index proposes, what has changed since, and what is not in it yet."""
    last = _last(connection)
    lead = proposed(connection, told.text) if upto else None
    read = where(told, said=said)
    if lead is None:
        return [Part(read, 0, last)]
    indexed = where(told, said=said, lead=lead).limited(f"{lead.key} NOT IN (SELECT item FROM search_stale)")
    stale = where(told, said=said, lead=Where("search_stale.item", "search_stale", (), ()))
    parts = [Part(indexed, 0, min(upto, last), ranged=False), Part(stale, 0, min(upto, last))]
    return [*parts, Part(read, upto + 1, last)] if upto < last else parts


def _by_ranges(connection: sqlite3.Connection, part: Part) -> Iterator[tuple[int, int]]:
    """Rows in each block, one question a block: sorting them by blocks at once would cost several times as much."""
    key = part.where.key
    sql = part.where.select("COUNT(*)", f"{key} >= ?", f"{key} <= ?")
    for block in range(part.first // BLOCK, part.last // BLOCK + 1):
        first, last = max(part.first, block * BLOCK), min(part.last, block * BLOCK + BLOCK - 1)
        yield block, int(connection.execute(sql, (*part.where.values, first, last)).fetchone()[0])


def _by_ids(connection: sqlite3.Connection, part: Part) -> Iterator[tuple[int, int]]:
    """Rows in each block, from all ids in one go."""
    key = part.where.key
    cursor = connection.execute(
        part.where.select(f"{key} / {BLOCK}", f"{key} >= ?", f"{key} <= ?"), (*part.where.values, part.first, part.last)
    )
    while rows := cursor.fetchmany(IDS_AT_ONCE):
        yield from ((row[0], 1) for row in rows)
