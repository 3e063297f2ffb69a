"""A file's rows in portions ready for the project; those of a large file are read by a process of their own.

Reading and hashing take about as long as writing: side by side on two cores both take half of the time together,
and the window's process has little to do but wait for SQLite.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from desktop_llm.child import Child, exit_words, step_aside
from desktop_llm.data.batches import Batches
from desktop_llm.data.form import Form
from desktop_llm.data.parting import parted
from desktop_llm.data.readers.opening import open_reader
from desktop_llm.data.readers.reader import blocks, file_column, named
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Batch, Rejected
from desktop_llm.store.hashing import digests
from desktop_llm.store.images import Image, image_of
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.tasks.task import Labels

LARGE = 16 << 20
"""Bytes from which on a process of its own, which takes a quarter of a second to start, is worth it."""
LOOK_SECONDS = 0.1
AHEAD = 2
"""Portions that are kept in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What to read, and how; see `importing.plan`."""

    task: str
    path: Path
    form: Form
    mapping: Mapping[str, str]
    split: str
    separator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some rows with their hashes, those that cannot be taken, and how much of the file was read with them."""

    batch: Batch | Image
    rejected: tuple[Rejected, ...]
    fraction: float


def portions(source: Source, should_stop: Callable[[], bool]) -> Generator[Portion]:
    """All rows of a file; to be closed by whoever does not take them all. Raises Cancelled, UserError."""
    try:
        large = size_bytes(source.path) >= LARGE
    except OSError:  # the reader says it better
        large = False
    return _ahead(source, should_stop) if large else _here(source, should_stop)


def size_bytes(path: Path) -> int:
    """How large a file is, or all files of a folder together. Raises OSError."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def _here(source: Source, should_stop: Callable[[], bool], *, columnar: bool = False) -> Generator[Portion]:
    reader = open_reader(source.path, source.form)
    task = task_named(source.task)
    parse = partial(parse_cell, task.labels, separator=source.separator)
    moving = task.move_label, task.label_of
    batches = Batches(reader.columns, source.mapping, task.fields, parse, source.split, *moving, columnar=columnar)
    column = file_column(reader)
    for block in blocks(reader, should_stop, columnar=columnar):
        batch, wrong = batches.of(block)
        rejected = tuple(named(one, column) for one in wrong)
        yield Portion(batch=replace(batch, hashes=digests(batch)), rejected=rejected, fraction=reader.fraction())


def parse_cell(labels: Labels, cell: object, separator: str) -> Any | None:
    """The label in names that a cell holds, its parts one by one where a sign parts them. Raises UserError."""
    return labels.parse(parted(cell, separator))


def _ahead(source: Source, should_stop: Callable[[], bool]) -> Generator[Portion]:
    """`_elsewhere`, heard by a thread of its own: SQLite writes one portion while the next is received."""
    heard: Queue[Portion | Exception | None] = Queue(AHEAD)
    over = threading.Event()

    def hear() -> None:
        try:
            for portion in _elsewhere(source, lambda: over.is_set() or should_stop()):
                heard.put(portion)
        except Exception as error:  # noqa: BLE001 - it goes on up where the portions are taken
            heard.put(error)
        else:
            heard.put(None)

    thread = threading.Thread(target=hear, name="desktop-llm-hear")
    thread.start()
    try:
        while (told := heard.get()) is not None:
            if isinstance(told, Exception):
                raise told
            yield told
    finally:
        over.set()
        while thread.is_alive():
            with suppress(Empty):  # it may be waiting for room
                heard.get(timeout=0.01)


def _elsewhere(source: Source, should_stop: Callable[[], bool]) -> Generator[Portion]:
    child = Child(_tell, source, name="desktop-llm-reader")
    whole = False
    try:
        while not child.ended:
            if should_stop():
                raise Cancelled("reading was stopped")
            for told in child.wait(LOOK_SECONDS, most=1):
                if isinstance(told, Portion):
                    yield told
                    continue
                whole = True
                if told is not None:
                    raise told
                return
    finally:
        if not whole:
            child.kill()
        code = child.close()
    cause = exit_words(code)
    raise UserError(f"The process that read “{source.path.name}” ended by itself ({cause}); is there enough memory?")


def _tell(source: Source, pipe: Connection) -> None:
    """In the process: portion after portion, then None or what went wrong."""
    import pyarrow as pa

    step_aside()
    # Arrow's own gives memory back while we wait to be heard, and asks the system for it again
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(OSError):  # nobody listens any more
        try:
            for portion in _here(source, lambda: False, columnar=True):
                pipe.send(_imaged(portion))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            pipe.send(error)
        else:
            pipe.send(None)


def _imaged(portion: Portion) -> Portion:
    """The portion with its rows ready for SQLite to copy, where that can be."""
    batch = portion.batch
    image = image_of(batch) if isinstance(batch, Batch) and batch.texts else None
    return portion if image is None else replace(portion, batch=image)
