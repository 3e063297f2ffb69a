"""Which rows stand behind the bars of a profile that no filter can tell: some twenty bytes a row."""

from __future__ import annotations

from array import array

UNKNOWN = ""


class ProfileRows:
    """Rows in the order in which they were counted, each with its class of words and of tokens, language and key."""

    def __init__(self) -> None:
        """No rows yet."""
        self._ids, self._keys = array("q"), array("Q")
        self._words, self._tokens, self._languages = array("B"), array("B"), array("H")
        self._codes: dict[str, int] = {UNKNOWN: 0}

    def add(self, row: int, *, words: int, language: str, key: int) -> None:
        """The next row, by its id: `words` is the number of its class of lengths, `key` what equal texts share."""
        self._ids.append(row)
        self._words.append(words)
        self._languages.append(self._codes.setdefault(language, len(self._codes)))
        self._keys.append(key)

    def add_tokens(self, classes: list[int]) -> None:
        """Classes of lengths in tokens of the next rows that have none yet."""
        self._tokens.extend(classes)

    def of_words(self, place: int) -> list[int]:
        """The rows in this class of lengths in words."""
        return self._where(self._words, place)

    def of_tokens(self, place: int) -> list[int]:
        """The rows in this class of lengths in tokens."""
        return self._where(self._tokens, place)

    def of_language(self, code: str) -> list[int]:
        """The rows in this language, UNKNOWN for those of none."""
        return self._where(self._languages, self._codes.get(code, -1))

    def repeated(self) -> list[int]:
        """The rows whose text another row has, too, the first ones included."""
        import numpy as np

        keys = np.frombuffer(self._keys, np.uint64)
        if not len(keys):
            return []
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        ids: list[int] = np.frombuffer(self._ids, np.int64)[counts[inverse] > 1].tolist()
        return ids

    def _where(self, told: array[int], value: int) -> list[int]:
        return [row for row, one in zip(self._ids, told, strict=False) if one == value]
