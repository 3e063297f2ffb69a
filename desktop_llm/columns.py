"""Columns of many cells as libraries in C keep them, for those who only hand them on; to all others, sequences.

Whoever looks at a single cell gets it as ever: the column is then made a list, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SPACE, ASCII = ord(" "), 128


class Texts(Sequence[str]):
    """Texts in an Arrow array of strings without nulls; pickled, they are a list."""

    def __init__(self, array: Any) -> None:
        """`array` is a pyarrow.StringArray."""
        self.array = array
        self._told: list[str] | None = None

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Any texts so. Raises UnicodeEncodeError for what is half a character, TypeError for what is no text."""
        if isinstance(texts, cls):
            return texts
        import pyarrow as pa

        array = pa.array(texts, pa.string())
        if array.null_count:
            raise TypeError("nothing is no text")
        return cls(array)

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self._list()[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def __reduce__(self) -> tuple[type[list[str]], tuple[list[str]]]:
        return list, (self._list(),)

    def _list(self) -> list[str]:
        if self._told is None:
            self._told = self.array.to_pylist()
        return self._told

    def trimmed(self) -> Texts:
        """Each as `str.strip` leaves it."""
        from pyarrow import compute

        return Texts(compute.utf8_trim_whitespace(self.array)) if self._may_have_space() else self

    def _may_have_space(self) -> bool:
        """Whether one of them may begin or end with white space: with no visible character of ASCII."""
        ends, data = self.ends(), self.data()
        starts, ends = ends[:-1], ends[1:]
        if not len(data) or (starts == ends).any():
            return True
        outer = data[starts], data[ends - 1]
        return any(bool(((signs <= SPACE) | (signs >= ASCII)).any()) for signs in outer)

    def coded(self) -> Coded:
        """Each text once, and where it is."""
        import numpy as np

        told = self.array.dictionary_encode()
        return Coded(told.dictionary.to_pylist(), told.indices.to_numpy().astype(np.int32, copy=False).tobytes())

    def ends(self) -> NDArray[np.int32]:
        """Where each text begins in `data`, and behind the last one where it ends."""
        import numpy as np

        _, offsets, _ = self.array.buffers()
        start = self.array.offset
        return np.frombuffer(offsets, np.int32, len(self.array) + 1, start * 4)

    def data(self) -> NDArray[np.uint8]:
        """The texts in UTF-8, one behind the other; see `ends`."""
        import numpy as np

        data = self.array.buffers()[2]
        return np.frombuffer(b"" if data is None else data, np.uint8)

    def signs(self, sign: str) -> int:
        """How many of a character of ASCII are in all of them."""
        import numpy as np

        ends = self.ends()
        return int(np.count_nonzero(self.data()[ends[0] : ends[-1]] == ord(sign)))


def texts_of(cells: Sequence[Any]) -> Sequence[Any]:
    """Cells as Texts, where they are texts all of them; else as they are."""
    try:
        return Texts.of(cells)
    except (TypeError, UnicodeEncodeError):  # no text, or half a character, which Arrow does not know
        return cells


class Coded(Sequence[Any]):
    """Values of which many are the same: each once in `names`, and at every place its number there."""

    def __init__(self, names: Sequence[Any], codes: bytes) -> None:
        """`codes` are 32-bit integers, one behind the other."""
        self.names, self.codes = names, codes

    def __len__(self) -> int:
        return len(self.codes) // 4

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any | list[Any]:
        numbers = memoryview(self.codes).cast("i")[place]
        return self.names[numbers] if isinstance(numbers, int) else list(map(self.names.__getitem__, numbers))

    def __iter__(self) -> Iterator[Any]:
        return map(self.names.__getitem__, memoryview(self.codes).cast("i"))

    def count(self, value: Any) -> int:
        """How many places have it."""
        if value not in self.names:
            return 0
        told = Counter(memoryview(self.codes).cast("i"))
        return sum(count for number, count in told.items() if self.names[number] == value)

    def each(self, meaning: Callable[[Sequence[Any]], Sequence[Any]]) -> Coded:
        """The same with other values: `meaning` tells all names' at once."""
        return Coded(meaning(self.names), self.codes)

    def numbers(self, told: Sequence[int]) -> bytes:
        """At every place the number that is `told` for its name, in 32 bits each."""
        import numpy as np

        return np.array(told, np.int32)[np.frombuffer(self.codes, np.int32)].tobytes()
