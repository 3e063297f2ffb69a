"""Rows that are held out for measuring but are in train too, word for word or nearly: they make figures look better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_llm.data.cleaning.duplicates import ExactDuplicates
from desktop_llm.data.cleaning.similar import NearDuplicates

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRAIN = "train"
_MOST_COMPARED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A held-out row and the train row that says the same; `similarity` is 1 when word for word, else an estimate."""

    id: int
    split: str
    train_id: int
    similarity: float

    @property
    def exact(self) -> bool:
        """Whether both say the same word for word."""
        return self.similarity == 1.0


def leaks(
    rows: Iterable[tuple[int, str, str]],
    *,
    exact: ExactDuplicates | None = None,
    near: NearDuplicates | None = None,
) -> tuple[Leak, ...]:
    """The leaks among rows of (id, text, split), in the order of the held-out rows; rows without a split are no part.

    `exact` and `near` say what counts as equal and as similar; by default what the cleaning steps do.
    """
    same, like = exact or ExactDuplicates(), near or NearDuplicates()
    splits: dict[int, str] = {}
    trained: dict[bytes, int] = {}
    held: dict[int, bytes] = {}

    def noted() -> Iterator[tuple[int, str]]:
        for id, text, split in rows:
            if not split:
                continue
            key = same.key(text)
            if split == _TRAIN:
                trained.setdefault(key, id)
            else:
                held[id] = key
                splits[id] = split
            yield id, text

    similar = _similar(noted(), like, splits)
    found: list[Leak] = []
    for id, key in held.items():
        if key in trained:
            found.append(Leak(id=id, split=splits[id], train_id=trained[key], similarity=1.0))
        elif id in similar:
            train_id, similarity = similar[id]
            # Only word for word is 1: signatures agree where case or punctuation differs.
            found.append(Leak(id=id, split=splits[id], train_id=train_id, similarity=min(similarity, 0.999)))
    return tuple(found)


def _similar(
    rows: Iterable[tuple[int, str]], near: NearDuplicates, splits: dict[int, str]
) -> dict[int, tuple[int, float]]:
    """For each held-out row its most similar train row, where one is similar enough."""
    import numpy as np

    from desktop_llm.data.cleaning import signatures as minhash

    ids, signed = minhash.collected(rows, near.words, near.characters)
    is_held = np.fromiter((id in splits for id in ids), dtype=bool, count=len(ids))
    held, train = np.flatnonzero(is_held), np.flatnonzero(~is_held)
    numbers = minhash.bands(signed, near.threshold)
    candidates: dict[int, set[int]] = {}
    for band in range(numbers.shape[1]):
        for place, others in _sharing(numbers[:, band], held, train):
            candidates.setdefault(place, set()).update(others)
    found: dict[int, tuple[int, float]] = {}
    for place, all_others in candidates.items():
        best, similarity = minhash.most_similar(signed, signed[place], sorted(all_others))
        if similarity >= near.threshold:
            found[ids[place]] = (ids[best], similarity)
    return found


def _sharing(column: NDArray[Any], held: NDArray[Any], train: NDArray[Any]) -> Iterator[tuple[int, list[int]]]:
    """Held-out rows with the train rows (at most 200) that have the same number in this band."""
    import numpy as np

    order = train[np.argsort(column[train], kind="stable")]
    ordered = column[order]
    first = np.searchsorted(ordered, column[held], side="left")
    last = np.searchsorted(ordered, column[held], side="right")
    for at in np.flatnonzero(last > first).tolist():
        yield int(held[at]), order[first[at] : min(last[at], first[at] + _MOST_COMPARED)].tolist()
