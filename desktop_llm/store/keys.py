"""The keys of new rows, sorted in the end: some in memory, further millions in a nameless file beside the project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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


class Keys:
    """Gathers the keys of rows with ids that follow one another from `first` on; `close` it in the end."""

    def __init__(self, folder: Path, first: int) -> None:
        """`folder` is where a file may grow."""
        self._folder, self._next = folder, first
        self._parts: list[Integers] = []
        self._gathered = 0
        self._file: BinaryIO | None = None
        self._runs: list[_Run] = []

    def add(self, keys: Integers) -> None:
        """The keys of the next rows. Raises UserError when the disk takes no more."""
        self._parts.append(keys)
        self._gathered += len(keys)
        if self._gathered >= RUN:
            self._spill()

    def sorted(self) -> Iterator[Sorted]:
        """All of them, the lowest first, about RUN at once. Nothing is added after that. Raises UserError."""
        import numpy as np

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
            keys = np.concatenate([one.keys for one in slices])
            items = np.concatenate([one.items for one in slices])
            if len(keys):
                order = np.argsort(keys, kind="stable")
                yield Sorted(keys[order], items[order])

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    def _sort(self) -> Sorted:
        """What lies in memory, which is then empty."""
        import numpy as np

        keys = np.concatenate(self._parts)
        order = np.argsort(keys, kind="stable")
        told = Sorted(keys[order], order + self._next)
        self._next += self._gathered
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
