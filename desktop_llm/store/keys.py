"""The keys of new rows, sorted in the end: some in memory, further millions in a nameless file beside the project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from desktop_llm.errors import from_os_error
from desktop_llm.store.hashing import HASH_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

RUN = 2_000_000
"""Keys sorted at once, in some 50 MB."""
PART = 200_000
"""Keys that are sorted while others wait for rows anyway: sorted parts become a sorted run in a tenth of the time."""
LEAST, MOST = -(2**63), 2**63
WORD = 8


@dataclass(frozen=True, slots=True)
class Sorted:
    """Keys in ascending order and their rows; rows of equal keys ascend, and equal keys are never in two of these."""

    keys: Integers
    items: Integers


@dataclass(frozen=True, slots=True)
class _Run:
    """A sorted run in the file: `count` keys from byte `start`, and behind them as many rows."""

    start: int
    count: int


def keys_of(digests: bytes) -> Integers:
    """`hashing.key_of` for many hashes, one behind the other."""
    import numpy as np

    return np.frombuffer(digests, "<i8")[:: HASH_BYTES // WORD]


def _merged(parts: Sequence[Sorted]) -> Sorted:
    """Sorted parts, whose rows ascend from part to part, as one."""
    import numpy as np

    keys = np.concatenate([one.keys for one in parts])
    items = np.concatenate([one.items for one in parts])
    order = np.argsort(keys, kind="stable")  # which finds what is sorted already
    return Sorted(keys[order], items[order])


class Keys:
    """Gathers the keys of rows with ids that follow one another from `first` on; `close` it in the end."""

    def __init__(self, folder: Path, first: int) -> None:
        """`folder` is where a file may grow."""
        self._folder, self._next = folder, first
        self._new: list[Integers] = []
        self._parts: list[Sorted] = []
        self._waiting = self._gathered = 0
        self._file: BinaryIO | None = None
        self._runs: list[_Run] = []

    def add(self, keys: Integers) -> None:
        """The keys of the next rows. Raises UserError when the disk takes no more."""
        self._new.append(keys)
        self._waiting += len(keys)
        self._gathered += len(keys)
        if self._waiting >= PART:
            self._sort_part()
        if self._gathered >= RUN:
            self._spill()

    def sorted(self) -> Iterator[Sorted]:
        """All of them, the lowest first, about RUN at once. Nothing is added after that. Raises UserError."""

        if not self._runs:
            if self._gathered:
                yield self._sort()
            return
        self._spill()
        total = sum(run.count for run in self._runs)
        parts = -(-total // RUN)
        edges = [LEAST + (MOST - LEAST) * place // parts for place in range(1, parts)]
        for low, high in zip([None, *edges], [*edges, None], strict=True):
            slices = [self._slice(run, low, high) for run in self._runs]
            if any(len(one.keys) for one in slices):
                yield _merged(slices)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    def _sort_part(self) -> None:
        import numpy as np

        if self._waiting:
            keys = np.concatenate(self._new)
            order = np.argsort(keys, kind="stable")
            self._parts.append(Sorted(keys[order], order + self._next))
            self._next += self._waiting
            self._new, self._waiting = [], 0

    def _sort(self) -> Sorted:
        """What lies in memory, which is then empty."""
        self._sort_part()
        told = _merged(self._parts)
        self._parts, self._gathered = [], 0
        return told

    def _spill(self) -> None:
        if not self._gathered:
            return
        told = self._sort()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` does it
            start = self._file.seek(0, 2)
            self._file.write(told.keys.tobytes())
            self._file.write(told.items.tobytes())
            self._file.flush()
        except OSError as error:
            raise from_os_error(error, "gather the rows beside", self._folder) from error
        self._runs.append(_Run(start, len(told.keys)))

    def _slice(self, run: _Run, low: int | None, high: int | None) -> Sorted:
        """The keys of a run from `low` to below `high`."""
        import numpy as np

        assert self._file is not None
        keys = np.memmap(self._file, np.int64, "r", run.start, (run.count,))
        items = np.memmap(self._file, np.int64, "r", run.start + run.count * WORD, (run.count,))
        begin = 0 if low is None else int(np.searchsorted(keys, low))
        end = run.count if high is None else int(np.searchsorted(keys, high))
        return Sorted(np.array(keys[begin:end]), np.array(items[begin:end]))
