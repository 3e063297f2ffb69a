"""A file's rows in portions ready for the project; those of a large file are read by a process of their own.

Reading and hashing take about as long as writing: side by side on two cores both take half of the time together,
and the window's process has little to do but wait for SQLite.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
from desktop_llm.store.images import Image, Place, image_of
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.tasks.task import Labels

LARGE = 16 << 20
"""Bytes from which on a process of its own, which takes a quarter of a second to start, is worth it."""
LOOK_SECONDS = 0.1
AHEAD = 12
"""Portions that are kept in hand, some 15 MB: reading goes on while the rows of each class are sorted and written."""
AHEAD_THERE = 3
"""Portions that wait to be sent."""
PATIENCE_SECONDS = 120.0
"""How long a process that was started ahead waits for its file before it leaves by itself."""

_waiting: list[Child] = []
"""The process that was started ahead, one at most."""
_waiting_guard = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What to read, and how; see `importing.plan`."""

    task: str
    path: Path
    form: Form
    mapping: Mapping[str, str]
    split: str
    separator: str = ""
    place: Place = field(default_factory=Place)
    """Where the rows will stand in the project if all of them are new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some rows with their hashes, those that cannot be taken, and how much of the file was read with them."""

    batch: Batch | Image
    rejected: tuple[Rejected, ...]
    fraction: float


def portions(source: Source, should_stop: Callable[[], bool]) -> Generator[Portion]:
    """All rows of a file; to be closed by whoever does not take them all. Raises Cancelled, UserError."""
    return _ahead(source, should_stop) if _is_large(source.path) else _here(source, should_stop)


def prepare(path: Path) -> None:
    """Start the process that a large file will be read by: half a second that goes by while its plan is looked at."""
    if multiprocessing.current_process().daemon or not _is_large(path):
        return
    with _waiting_guard:
        if not _waiting or not _is_ready(_waiting[0]):
            _dismiss()
            with suppress(OSError):  # whoever reads tries again, and says it
                _waiting.append(Child(_tell, name="desktop-llm-reader"))


def dismiss() -> None:
    """End the process that was started ahead: its file is not wanted after all."""
    with _waiting_guard:
        _dismiss()


def _dismiss() -> None:
    while _waiting:
        child = _waiting.pop()
        child.kill()
        child.close()


def _reader() -> Child:
    """The process that was started ahead, or a new one."""
    with _waiting_guard:
        if _waiting and _is_ready(_waiting[0]):
            return _waiting.pop()
        _dismiss()
    return Child(_tell, name="desktop-llm-reader")


def _is_ready(child: Child) -> bool:
    """Whether it is there, and will not leave before it is told its file."""
    return child.silent() < PATIENCE_SECONDS / 2 and child.join(0) is None


def _is_large(path: Path) -> bool:
    try:
        return size_bytes(path) >= LARGE
    except OSError:  # the reader says it better
        return False


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
    child = _reader()
    whole = False
    try:
        child.send(source)
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


class _WithoutPandas:
    """Where it is installed Arrow loads it, half a second and 50 MB, to ask whether a list is one of its columns."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Nothing is found by this one, and pandas by none behind it."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _tell(pipe: Connection) -> None:
    """In the process: what it is told to read portion after portion, then None or what went wrong."""
    sys.meta_path.insert(0, _WithoutPandas)
    import pyarrow as pa
    from pyarrow import compute, csv  # noqa: F401 - while it waits

    step_aside()
    # Arrow's own gives memory back while we wait to be heard, and asks the system for it again
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(OSError, EOFError):  # nobody listens any more
        if not pipe.poll(PATIENCE_SECONDS):
            return
        source = pipe.recv()
        with _Sender(pipe) as sender:
            try:
                place = source.place
                for portion in _here(source, lambda: False, columnar=True):
                    sender.send(_imaged(portion, place))
                    place = place.after(len(portion.batch.labels))
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                sender.send(error)
            else:
                sender.send(None)


class _Sender:
    """Sends by a thread of its own: a pipe holds a small part of a portion, and the next one is made meanwhile."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._thread = ThreadPoolExecutor(1, "desktop-llm-send")
        self._under_way: deque[Future[None]] = deque()

    def __enter__(self) -> _Sender:
        return self

    def __exit__(self, *what: object) -> None:
        self._thread.shutdown()
        for one in self._under_way:
            one.result()

    def send(self, what: object) -> None:
        """Send it behind the others, a few of which may wait. Raises OSError when nobody listens."""
        self._under_way.append(self._thread.submit(self._pipe.send, what))
        if len(self._under_way) > AHEAD_THERE:
            self._under_way.popleft().result()


def _imaged(portion: Portion, place: Place) -> Portion:
    """The portion with its rows ready for SQLite to copy to that place, where that can be."""
    batch = portion.batch
    image = image_of(batch, place) if isinstance(batch, Batch) and batch.texts else None
    return portion if image is None else replace(portion, batch=image)
