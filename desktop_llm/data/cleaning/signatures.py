"""MinHash signatures of texts, packed so that a million of them fit into 128 MB, and who shares a band with whom.

A signature is 128 minima (Broder 1997), of each only the lowest byte (b-bit minwise hashing, Li and König 2010): two
texts agree in a share J + (1 - J) / 256 of them, J being the Jaccard similarity of their shingles. A band is some
neighbouring bytes read as one number; rows that share a band are compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desktop_llm.data.cleaning.words import folded, spaced, words

if TYPE_CHECKING:
    from desktop_llm.data.cleaning.step import Row

SIZE = 128
_SEED = 20_011
_BATCH = 2000
Signatures = NDArray[np.uint8]


def shingles(text: str, of_words: int, of_characters: int) -> list[str]:
    """The overlapping runs of words, or of characters where a script has no spaces, that the text consists of.

    Case, width and punctuation do not count. A text of fewer words is one shingle; one without any is itself.
    """
    parts = words(folded(text))
    if not parts:
        return [" ".join(text.split())]
    width = of_words if spaced(parts) else of_characters
    return [" ".join(parts[start : start + width]) for start in range(max(1, len(parts) - width + 1))]


def signed(rows: Iterable[Row], of_words: int, of_characters: int) -> Iterator[tuple[list[int], Signatures]]:
    """Ids and signatures (rows × 128) of all rows, some thousand at a time."""
    from rensa import RMinHash

    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        parts = [shingles(text, of_words, of_characters) for _, text in batch]
        matrix = RMinHash.digest_matrix_from_token_sets(parts, SIZE, _SEED)
        minima = np.array(matrix.to_rows(), dtype=np.uint32)
        yield [id for id, _ in batch], (minima & 0xFF).astype(np.uint8)


def collected(rows: Iterable[Row], of_words: int, of_characters: int) -> tuple[array[int], Signatures]:
    """Ids and signatures of all rows at once: 136 bytes a row."""
    ids = array("q")
    # Grows in place; blocks put together at the end would need the room twice.
    packed = bytearray()
    for some, block in signed(rows, of_words, of_characters):
        ids.extend(some)
        packed += block.tobytes()
    return ids, np.frombuffer(packed, dtype=np.uint8).reshape(-1, SIZE)


def bands(signatures: Signatures, threshold: float) -> NDArray[Any]:
    """The bands of each signature as numbers: 16 of 8 bytes for high thresholds, 32 of 4 for lower ones.

    With a similarity s a pair shares at least one with a probability of 1 - (1 - s^8)^16: 0.95 for 0.8, 0.99 for
    0.85; for the others 1 - (1 - s^4)^32: 0.88 for 0.5.
    """
    return signatures.view(np.uint64 if threshold >= 0.8 else np.uint32)


def buckets(numbers: NDArray[Any]) -> dict[int, list[int]]:
    """For each row that shares a band with another: the buckets it lies in, one for each such band."""
    lies_in: dict[int, list[int]] = {}
    first = 0
    for band in range(numbers.shape[1]):
        column = np.ascontiguousarray(numbers[:, band])
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        new = np.ones(len(ordered), dtype=bool)
        new[1:] = ordered[1:] != ordered[:-1]
        run = np.cumsum(new) - 1
        shared = np.bincount(run)[run] > 1 if len(run) else new
        for row, bucket in zip(order[shared].tolist(), run[shared].tolist(), strict=True):
            lies_in.setdefault(row, []).append(first + bucket)
        first += len(ordered)
    return lies_in


def most_similar(signatures: Signatures, row: Signatures, others: Sequence[int]) -> tuple[int, float]:
    """Which of the `others` (places in `signatures`) is most like the row, and their estimated Jaccard similarity.

    The estimate's standard error is at most 0.045, and 0.035 at 0.8. Of equals the first wins.
    """
    agreed = (signatures[np.asarray(others)] == row).mean(axis=1)
    best = int(np.argmax(agreed))
    return others[best], (float(agreed[best]) - 1 / 256) / (1 - 1 / 256)
