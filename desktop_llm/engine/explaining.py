"""Why a finished model says what it says of a text: what each word adds, and what changes without it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.explanation import Explanation, Weighed
from desktop_llm.nets import attribution
from desktop_llm.nets.learner import Explaining, Pieces, Row
from desktop_llm.nets.word_places import words_of

if TYPE_CHECKING:
    from desktop_llm.engine.predict import Predictor

Place = tuple[int, int]
AT_ONCE = 64
"""Texts without a word that are asked about before somebody may stop it."""
FIELD = "text"


def explain(
    predictor: Predictor, row: Row, label: str, on_doing: Callable[[str], None], should_stop: Callable[[], bool]
) -> Explanation:
    """Why `label`, '' for the likeliest, has its chance. Raises UserError, Cancelled."""
    learner = predictor.learner
    if not isinstance(learner, Explaining):
        raise UserError("The answers of this kind of model cannot be traced back to words yet.")
    text = str(row[FIELD])
    pieces = learner.pieces(row)
    words = words_of(text, pieces.places)[1]
    if not words:
        raise UserError("There is no word to explain the answer by: write a text first.")
    chances = _chances(predictor, learner, [row])[0]
    place = _place(learner.classes, label, chances)
    on_doing("Leaving out one word at a time")
    without = _without(predictor, learner, text, words, place, should_stop)
    told = attribution.shares(
        learner,
        pieces.ids,
        pieces.special,
        place,
        on_steps=lambda steps: on_doing(f"Integrating gradients in {steps} steps"),
        should_stop=should_stop,
    )
    adds, rest = _by_word(text, pieces, words, told.adds)
    return Explanation(
        label=learner.classes[place],
        chance=told.chance,
        empty=told.empty,
        words=tuple(
            Weighed(start=start, end=end, adds=float(share), without=float(left - chances[place]))
            for (start, end), share, left in zip(words, adds, without, strict=True)
        ),
        rest=float(rest),
        steps=told.steps,
        read=max(end for _, end in pieces.places),
    )


def _place(classes: Sequence[str], label: str, chances: np.ndarray) -> int:
    if not label:
        return int(chances.argmax())
    if label not in classes:
        raise UserError(f"The model knows no label “{label}”; choose one of {', '.join(classes)}.")
    return classes.index(label)


def _chances(predictor: Predictor, learner: Explaining, rows: Sequence[Row]) -> np.ndarray:
    """The chance of each class, float64 [n, classes]."""
    outputs = predictor.outputs(rows)
    assert isinstance(outputs, torch.Tensor)
    return np.asarray(learner.chances(outputs.double()).numpy())


def _without(
    predictor: Predictor,
    learner: Explaining,
    text: str,
    words: Sequence[Place],
    place: int,
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """The chance where each word is left out, float64 [words]."""
    parts = []
    for first in range(0, len(words), AT_ONCE):
        if should_stop():
            raise Cancelled
        rows = [{FIELD: left_out(text, start, end)} for start, end in words[first : first + AT_ONCE]]
        parts.append(_chances(predictor, learner, rows)[:, place])
    return np.concatenate(parts)


def left_out(text: str, start: int, end: int) -> str:
    """A text without one of its words: what stood around it is parted as before, by one space at most."""
    before, after = text[:start], text[end:]
    if before[-1:].isspace() and (not after or after[:1].isspace()):
        before = before[:-1]
    return before + (after.lstrip() if not before else after)


def _by_word(text: str, pieces: Pieces, words: Sequence[Place], shares: np.ndarray) -> tuple[np.ndarray, float]:
    """What tokens add, joined to words, float64 [words], and what those add that are in none."""
    starts = [start for start, _ in words]
    adds, rest = np.zeros(len(words)), 0.0
    for (begin, finish), share in zip(pieces.places, shares, strict=True):
        piece = text[begin:finish]
        at = bisect_right(starts, begin + len(piece) - len(piece.lstrip())) - 1
        if piece.strip() and at >= 0:
            adds[at] += share
        else:
            rest += float(share)
    return adds, rest
