"""Hold rows out that are all alike, as texts without labels are: what `stratified` does for one stratum.

Of each row is kept what fits into an array, for there may be many millions of them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from desktop_llm.data.splits.row import TEST, TRAIN, VALIDATION, place
from desktop_llm.data.splits.stratified import wanted

if TYPE_CHECKING:
    import numpy as np

NAMES = ("", TRAIN, VALIDATION, TEST)


class Sides(Mapping[int, str]):
    """The split of each row by its id; a byte a row, as ids are numbers without wide gaps."""

    def __init__(self, ids: np.ndarray, codes: np.ndarray) -> None:
        """`ids` int64 [n], `codes` uint8 [n]: places in `NAMES`, 0 where a row is none of these."""
        import numpy as np

        self._first = int(ids.min()) if len(ids) else 0
        told = np.zeros(int(ids.max()) - self._first + 1 if len(ids) else 0, dtype=np.uint8)
        told[ids - self._first] = codes
        self._codes = told.tobytes()

    def __getitem__(self, item: int) -> str:
        """Its split. Raises KeyError."""
        at = item - self._first
        code = self._codes[at] if 0 <= at < len(self._codes) else 0
        if not code:
            raise KeyError(item)
        return NAMES[code]

    def __iter__(self) -> Iterator[int]:
        """The ids in order."""
        return (at + self._first for at, code in enumerate(self._codes) if code)

    def __len__(self) -> int:
        """How many rows have a split."""
        return len(self._codes) - self._codes.count(0)

    def counts(self) -> Counter[str]:
        """How many rows each split has."""
        return Counter({name: count for code, name in enumerate(NAMES) if code and (count := self._codes.count(code))})


class Alike:
    """Rows, told one by one, and dealt out once all are known."""

    def __init__(self, seed: int) -> None:
        """Which rows are held out follows from their contents and the seed."""
        self._seed = seed
        self._ids, self._given, self._places = array("q"), array("B"), bytearray()

    def add(self, item: int, content: str, split: str) -> None:
        """A row: its id, the hash of its content, and the split that it has, '' none."""
        self._ids.append(item)
        self._given.append(NAMES.index(split) if split in NAMES else 1)
        self._places += place(content, self._seed)

    def deal(self, *, validation: float, test: float) -> tuple[Sides, Sides]:
        """The splits of all rows, and of those that have none yet."""
        import numpy as np

        ids = np.frombuffer(self._ids, dtype=np.int64)
        given = np.frombuffer(self._given, dtype=np.uint8)
        new = np.flatnonzero(given == 0)
        there = Counter({name: int((given == code).sum()) for code, name in enumerate(NAMES) if code})
        codes = np.array(given)
        codes[new] = NAMES.index(TRAIN)
        free = len(new) - (0 if there[TRAIN] else 1)
        begin = 0
        order = self._in_order(new, ids)
        for split, fraction in ((VALIDATION, validation), (TEST, test)):
            count = max(0, min(wanted(split, fraction, len(new), there), free - begin))
            codes[order[begin : begin + count]] = NAMES.index(split)
            begin += count
        return Sides(ids, codes), Sides(ids[new], codes[new])

    def _in_order(self, new: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The new rows in the order of their places, and of their ids where these are the same."""
        import numpy as np

        halves = np.frombuffer(self._places, dtype=">u8").reshape(-1, 2)[new]
        told: np.ndarray = new[np.lexsort((ids[new], halves[:, 1], halves[:, 0]))]
        return told
