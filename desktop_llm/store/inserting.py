"""Bring rows into a project: straight into its tables, above the watermark, and seen all at once when all are there.

While rows come in, `meta.visible` is the highest row that counts, and every reader looks no further. The rows are
written in short pieces, between which labels are written as ever; a killed or cancelled import leaves what nobody
sees and the next import sweeps away. What must be sorted to be quick is written behind them (`settling`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Batch, Changes, ImportProgress
from desktop_llm.store import classes, hidden
from desktop_llm.store.connection import Connections, sentences
from desktop_llm.store.hashing import HASH_BYTES, digests
from desktop_llm.store.images import Image
from desktop_llm.store.keys import keys_of
from desktop_llm.store.known import Known, Placed
from desktop_llm.store.log import Log
from desktop_llm.store.putting import Putting
from desktop_llm.store.settling import Settling
from desktop_llm.store.taking import Sifted, sift, take_labels
from desktop_llm.store.values import Values

if TYPE_CHECKING:
    from desktop_llm.store.keys import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertCounts:
    """What an insert did; see `rows.ImportReport`. `unknown` texts were left out because only labels were wanted.

    `unfit` labels have no place in the texts that are here; `repeats` are duplicates of rows that the import brought.
    """

    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    changes: Changes
    unfit: int = 0
    repeats: int = 0


def insert(
    connections: Connections,
    source: str,
    batches: Iterable[Batch | Image],
    *,
    to_value: Callable[[Any, Mapping[str, int]], Any],
    class_names: Callable[[Any], tuple[str, ...]],
    on_progress: Callable[[ImportProgress], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
    known_only: bool = False,
    placed: Placed | None = None,
) -> InsertCounts:
    """Insert rows under the file name `source`. Raises UserError or Cancelled, and then nothing has changed.

    A text that is there already is counted and not inserted; a label that it lacks is taken. `known_only` inserts
    no text at all. `placed` brings a label (in names) of the file's main text to the one that is here, where labels
    speak of places and the text was changed since; it raises UserError where there is no such place.
    """

    def stop() -> bool:
        return should_stop() or connections.closed

    with connections.bulk_turn(stop), sentences(connections.path):
        hidden.sweep(connections, stop)
        load = _Load(connections, stop, source, to_value, class_names, placed, known_only=known_only)
        with closing(load):
            for batch in batches:
                if stop():
                    raise Cancelled
                load.add(batch)
                on_progress(load.progress())
            if stop():
                raise Cancelled
            told = load.finish()
        connections.settle_log()
    return told


class _Load:
    """The rows of one import on their way in."""

    def __init__(
        self,
        connections: Connections,
        stop: Callable[[], bool],
        source: str,
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
        placed: Placed | None,
        *,
        known_only: bool,
    ) -> None:
        self._connections, self._stop, self._known_only = connections, stop, known_only
        self.seen = 0
        self._unknown = self._unfit = self._labeled = 0
        self._main = ""
        with connections.writing() as connection:  # a project that may not be changed says so before anything is read
            base, numbers = hidden.visible(connection), classes.numbers(connection)
        self._values = Values(connections, numbers, to_value, class_names)
        self._known = Known(connections, stop, placed)
        self._new = Putting(connections, source, base)
        self._log = Log(connections)
        self._settling = Settling(connections, self._log, base + 1, stop)

    def close(self) -> None:
        """Leave no file behind."""
        self._log.close()
        self._settling.close()
        self._known.close()

    def add(self, told: Batch | Image) -> None:
        """Write a batch, hidden. Raises UserError, sqlite3.Error."""
        if not told.labels:
            return
        hashes = digests(told) if isinstance(told, Batch) and told.hashes is None else told.hashes
        assert hashes is not None
        keys = keys_of(hashes)
        known = self._known.rows(keys)
        self.seen += len(keys)
        self._main = self._main or told.main
        if known or self._known_only:
            self._add_new(told if isinstance(told, Batch) else told.batch(), hashes, keys, known)
            return
        values = self._values.of(told.labels)
        if isinstance(told, Image):
            self._new.add_image(told, values)
        else:
            self._new.add(told, hashes, values)
        self._came(keys, values)

    def progress(self) -> ImportProgress:
        """What became of the rows so far; see there."""
        imported = self._new.count
        known = self.seen - imported - self._unknown
        return ImportProgress(imported=imported, duplicates=known, labeled=self._labeled, unknown=self._unknown)

    def finish(self) -> InsertCounts:
        """Sort out what came more than once, and let all of it be seen. Raises Cancelled, UserError, sqlite3.Error."""
        at, last = self._new.at, self._new.last
        repeated = self._settling.finish(at)
        staged, sifted, staging = None, Sifted(conflicts=0, waiting=0), self._known.staging
        if staging is not None:
            staging.settle()
            sifted = sift(self._connections, staging.path, self._stop)
            staged = staging.path if sifted.waiting else None
        self._log.settle()  # a disk that is too small says so while nobody has seen a row
        conflicts, labeled = repeated.conflicts + sifted.conflicts, self._labeled - repeated.labels_gone
        with self._connections.writing(attached=staged) as connection:
            if self._stop():
                raise Cancelled
            if staged is not None:
                more_conflicts, taken = take_labels(connection, at)
                conflicts, labeled = conflicts + more_conflicts, labeled + taken
            imported = self._new.count - repeated.rows
            if imported:
                connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('main_field', ?)", (self._main,))
                hidden.publish(connection, last)
            new_classes = classes.show_hidden(connection)
        return InsertCounts(
            imported=imported,
            duplicates=self.seen - imported - self._unknown,
            labeled=labeled,
            conflicts=conflicts,
            unknown=self._unknown,
            unfit=self._unfit,
            repeats=repeated.rows,
            changes=Changes(
                items=imported > 0, labels=labeled > 0, classes=labeled > 0 or conflicts > 0 or new_classes
            ),
        )

    def _add_new(self, batch: Batch, hashes: bytes, keys: Integers, known: Mapping[int, int]) -> None:
        """Write what is new of a batch, where that is wanted; of the other rows the labels are noted."""
        numbers: Sequence[int] = keys.tolist()
        told = self._known.relabeled(batch, numbers, known)
        batch, self._unfit = told.batch, self._unfit + told.unfit
        values = self._values.of(batch.labels)
        if known:
            self._known.note(numbers, values, known)
        places = [place for place, key in enumerate(numbers) if key not in known]
        if self._known_only:
            self._unknown += len(places)
        elif places:
            kept = b"".join(hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES] for place in places)
            values = [values[place] for place in places]
            self._new.add(_only(batch, places), kept, values)
            self._came(keys[places], values)

    def _came(self, keys: Integers, values: Sequence[str | None]) -> None:
        """Rows were written."""
        self._settling.add(keys, values)
        self._labeled += len(values) - values.count(None)
        self._log.grew(len(values))


def _only(batch: Batch, places: Sequence[int]) -> Batch:
    """Some rows of a batch; their labels are told otherwise."""
    return Batch(
        main=batch.main,
        texts=[batch.texts[place] for place in places],
        extras=[batch.extras[place] for place in places],
        labels=[],
        splits=[batch.splits[place] for place in places],
        contents=None if batch.contents is None else [batch.contents[place] for place in places],
    )
