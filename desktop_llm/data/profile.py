"""What rows are like as a whole: lengths, languages, what is missing, what repeats, how the labels are spread.

Counted in one reading; profiles of parts add up to the profile of the whole. Lengths are counted in classes with
fixed bounds, so that histograms can be added, and a bar leads back to its rows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from desktop_llm.data.cleaning.filters import language_of
from desktop_llm.data.cleaning.words import folded, words
from desktop_llm.data.profile_rows import ProfileRows

# 0, 1, 2, 3, 4, 6, 8, 12, 16 ... up to a million: a power of two and its half as much again.
BOUNDS: tuple[int, ...] = (0, 1, 2, 3, *(step << power for power in range(1, 20) for step in (2, 3)))
_BLOCK = 100_000
_TOKENS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How many texts have which length: `counts[i]` of them from `BOUNDS[i]` to below the next bound."""

    counts: tuple[int, ...] = (0,) * len(BOUNDS)
    total: int = 0
    shortest: int | None = None
    longest: int | None = None

    def __add__(self, other: Lengths) -> Lengths:
        """Both together."""
        ends = [end for end in (self.shortest, other.shortest) if end is not None]
        tops = [top for top in (self.longest, other.longest) if top is not None]
        return Lengths(
            counts=tuple(map(sum, zip(self.counts, other.counts, strict=True))),
            total=self.total + other.total,
            shortest=min(ends, default=None),
            longest=max(tops, default=None),
        )

    @property
    def mean(self) -> float:
        """The mean length; 0 without texts."""
        return self.total / max(1, sum(self.counts))

    @property
    def first(self) -> int:
        """The number of the class that `bars` begins with."""
        return next((at for at, count in enumerate(self.counts) if count), 0)

    def bars(self) -> tuple[tuple[int, int | None, int], ...]:
        """(from, to, count) of each class between the shortest and the longest; `to` is inclusive, None no end."""
        filled = [at for at, count in enumerate(self.counts) if count]
        if not filled:
            return ()
        ends = [*(bound - 1 for bound in BOUNDS[1:]), None]
        return tuple((BOUNDS[at], ends[at], self.counts[at]) for at in range(filled[0], filled[-1] + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Counts of rows. `languages` by code ('' unknown), `missing` empty cells by column, `labels` by name ('' none;
    a row of several counts for each).

    `tokens` is empty where nobody counted them; `behind` tells the rows behind the bars, of rows that have an id.

    `keys` holds 8 bytes for each different text (case, width and spaces aside), sorted; it makes repeats add up.
    """

    rows: int = 0
    characters: Lengths = field(default_factory=Lengths)
    words: Lengths = field(default_factory=Lengths)
    tokens: Lengths = field(default_factory=Lengths)
    languages: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    keys: bytes = field(default=b"", repr=False)
    behind: ProfileRows = field(default_factory=ProfileRows, repr=False, compare=False)

    @property
    def duplicates(self) -> int:
        """Rows that repeat another one."""
        return self.rows - len(self.keys) // 8

    def __add__(self, other: Profile) -> Profile:
        """Both together, without the rows behind."""
        return Profile(
            rows=self.rows + other.rows,
            characters=self.characters + other.characters,
            words=self.words + other.words,
            tokens=self.tokens + other.tokens,
            languages=_together(self.languages, other.languages),
            missing=_together(self.missing, other.missing),
            labels=_together(self.labels, other.labels),
            keys=_distinct(self.keys + other.keys),
        )


class Profiler:
    """Takes rows one by one and tells their profile."""

    def __init__(
        self, *, languages: bool = True, count_tokens: Callable[[Sequence[str]], Sequence[int]] | None = None
    ) -> None:
        """Without `languages` none is looked for, which takes a third of the time.

        `count_tokens` tells for many texts at once how many tokens each has.
        """
        self._guess, self._count_tokens = languages, count_tokens
        self._texts: list[str] = []
        self._behind = ProfileRows()
        self._rows = 0
        self._characters, self._words, self._tokens = _Lengths(), _Lengths(), _Lengths()
        self._languages: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._keys = b""
        self._new = array("Q")

    def add(
        self, text: str, cells: Mapping[str, str] | None = None, labels: Sequence[str] = ("",), *, row: int = 0
    ) -> None:
        """Count a row: its text, its cells by column, its labels ('' none), its id."""
        self._rows += 1
        self._characters.add(len(text))
        in_words = self._words.add(len(words(text)))
        language = language_of(text)[0] if self._guess else ""
        if self._guess:
            self._languages[language] += 1
        for column, cell in (cells or {}).items():
            # A column that lacks nothing is named too, with 0.
            self._missing[column] += not cell.strip()
        self._labels.update(labels)
        same = " ".join(folded(text).split()).encode("utf-8", "surrogatepass")
        key = int.from_bytes(blake2b(same, digest_size=8).digest(), "little")
        self._new.append(key)
        self._behind.add(row, words=in_words, language=language, key=key)
        if self._count_tokens is not None:
            self._texts.append(text)
            if len(self._texts) >= _TOKENS_AT_ONCE:
                self._settle_tokens()
        if len(self._new) >= _BLOCK:
            self._settle()

    def profile(self) -> Profile:
        """What was counted so far."""
        self._settle()
        self._settle_tokens()
        return Profile(
            rows=self._rows,
            characters=self._characters.lengths(),
            words=self._words.lengths(),
            tokens=self._tokens.lengths(),
            behind=self._behind,
            languages=dict(self._languages),
            missing=dict(self._missing),
            labels=dict(self._labels),
            keys=self._keys,
        )

    def _settle(self) -> None:
        self._keys = _distinct(self._keys + self._new.tobytes())
        self._new = array("Q")

    def _settle_tokens(self) -> None:
        if self._count_tokens is not None and self._texts:
            self._behind.add_tokens([self._tokens.add(count) for count in self._count_tokens(self._texts)])
            self._texts = []


class _Lengths:
    """Lengths while they are counted."""

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self._total = 0
        self._ends: tuple[int, int] | None = None

    def add(self, length: int) -> int:
        """Count one more; the number of its class."""
        place = bisect_right(BOUNDS, length) - 1
        self._counts[place] += 1
        self._total += length
        low, high = self._ends or (length, length)
        self._ends = (min(low, length), max(high, length))
        return place

    def lengths(self) -> Lengths:
        """What was counted."""
        low, high = self._ends or (None, None)
        return Lengths(counts=tuple(self._counts), total=self._total, shortest=low, longest=high)


def _together(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    # Not Counter's own sum, which forgets zeros.
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(new for new in other if new not in one))}


def _distinct(keys: bytes) -> bytes:
    import numpy as np

    return np.unique(np.frombuffer(keys, dtype=np.uint64)).tobytes()
