"""What both kinds of models that rewrite share: which rows teach something, and what is told of what was written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.rewriting.labels import asked_text

if TYPE_CHECKING:
    import torch

    from desktop_llm.nets.learner import Row

MEAN, COUNT, WRITTEN, FIRST = 0, 1, 2, 3
"""What an output begins with: the mean loss of the target's tokens, how many, whether one was written; then its ids."""


class Pairs:
    """Rows as texts and what they become, None where that is not known or empty; and how many are so."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """To be gone through once."""
        self._rows = rows
        self._known = self._empty = 0

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        """One pair a row."""
        for row in self._rows:
            label = row.get("label")
            known = label is not None
            target = str(label) if known and str(label).strip() else None
            self._known += known
            self._empty += known and target is None
            yield asked_text(row), target

    def note(self) -> str:
        """What is to be said of them once all are through, '' for nothing. Raises UserError where all are empty."""
        if self._known and self._empty == self._known:
            raise UserError("None of the texts becomes anything: what they become is empty; write it in Label.")
        if not self._empty:
            return ""
        return f"{self._empty:,} texts become nothing, and teach nothing; write in Label what they become."


def texts(rows: Iterable[Row]) -> Iterator[str]:
    """All texts of rows, on both sides."""
    for row in rows:
        yield asked_text(row)
        if row.get("label") is not None:
            yield str(row["label"])


def predictions(
    outputs: Sequence[torch.Tensor], vocabulary: int, text_of: Callable[[Sequence[int]], str]
) -> list[Prediction]:
    """What was written, None where nothing was asked; the probability is that of a token of the target on average,
    or of what was written where there is none."""
    highest = math.log(max(2, vocabulary))
    made = []
    for one in outputs:
        mean, known = float(one[MEAN]), bool(one[COUNT])
        ids = [int(token) for token in one[FIRST:]]
        made.append(
            Prediction(
                label=text_of(ids) if one[WRITTEN] else None,
                probability=math.exp(-mean) if known else 0.0,
                uncertainty=min(1.0, mean / highest) if known else 1.0,
            )
        )
    return made


def writable(text: str) -> str:
    """A text to write from. Raises UserError where it is empty."""
    if not text.strip():
        raise UserError("There is nothing to write from; type a text first.")
    return text


def too_long(tokens: int, most: int) -> UserError:
    """What to say where a text has more tokens than the model reads."""
    return UserError(
        f"The text has {tokens:,} tokens, and the model reads {most:,} at most; shorten it, or give it in parts."
    )
