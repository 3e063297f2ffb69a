"""Figures of spans as seqeval counts them: a span is right when its beginning, its end and its label are.

Counted over characters, not over tags of tokens, so that spans that overlap count, too; where none do, the figures are
those of seqeval (Nakayama, 2018) with tags of any scheme.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores

MISSED, SPURIOUS, BOUNDARY, CONFUSED = "missed", "spurious", "boundary", "confused"
KINDS = (MISSED, SPURIOUS, BOUNDARY, CONFUSED)
"""Nothing found there; nothing is there; found, but longer or shorter; found, but with another label."""
Span = tuple[int, int, str]


class _Tally:
    """What was found and what was not, over all texts."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.true: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.wrong: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self.confusions: Counter[tuple[str, str]] = Counter()
        self.places: dict[str, list[int]] = defaultdict(list)
        self.exact = 0

    def add(self, place: int, true: set[Span], told: set[Span]) -> None:
        """The spans of one text."""
        self.exact += true == told
        self.true.update(label for *_, label in true)
        self.told.update(label for *_, label in told)
        self.right.update(label for *_, label in true & told)
        left, over = sorted(true - told), sorted(told - true)
        for kind, fits in (
            (CONFUSED, lambda one, other: one[:2] == other[:2]),
            (BOUNDARY, lambda one, other: one[2] == other[2] and _overlap(one, other)),
            (CONFUSED, _overlap),
        ):
            for one in list(left):
                other = next((other for other in over if fits(one, other)), None)
                if other is not None:
                    left.remove(one)
                    over.remove(other)
                    self._note(kind, one[2], place)
                    if one[2] != other[2]:
                        self.confusions[one[2], other[2]] += 1
        for *_, label in left:
            self._note(MISSED, label, place)
        for *_, label in over:
            self._note(SPURIOUS, label, place)

    def _note(self, kind: str, label: str, place: int) -> None:
        self.wrong[kind][label] += 1
        for key in (kind, f"{kind}/{label}"):
            if not self.places[key] or self.places[key][-1] != place:
                self.places[key].append(place)


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """Compare predicted with true spans in names.

    `precision`, `recall` and `f1` over all spans; `macro_f1` the plain mean over the labels that occur; `exact` the
    share of texts in which all is right. `details`: `per_label` (precision, recall, f1, support, predicted, and how
    many of each of KINDS), `wrong` by kind, `confusions` [true label, told label, count]. `places`: the texts of each
    kind, and of each "kind/label".
    """
    if not truth:
        return Scores(metrics={}, details={})
    tally = _Tally()
    for place, (true, told) in enumerate(zip(truth, predictions, strict=True)):
        tally.add(place, _spans(true), _spans(told.label))
    names = [*classes, *sorted((set(tally.true) | set(tally.told)) - set(classes))]
    per_label = [_figures(name, tally) for name in names]
    occurring = [row["f1"] for row in per_label if row["support"] or row["predicted"]]
    precision, recall, f1 = _ratios(tally.right.total(), tally.told.total(), tally.true.total())
    metrics = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "macro_f1": sum(occurring) / len(occurring) if occurring else 1.0,
        "exact": tally.exact / len(truth),
    }
    details = {
        "per_label": per_label,
        "wrong": {kind: counts.total() for kind, counts in tally.wrong.items()},
        "confusions": [[true, told, count] for (true, told), count in tally.confusions.most_common()],
    }
    return Scores(metrics=metrics, details=details, places=tally.places)


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons."""
    sides = [_spans(true) for true in truth], [_spans(told.label) for told in predictions]
    names = {name: place for place, name in enumerate(classes)}
    for spans in (*sides[0], *sides[1]):
        for *_, label in spans:
            names.setdefault(label, len(names))
    size = len(names)
    counts = np.zeros((len(truth), 2 + 3 * size))
    counts[:, 0] = 1.0
    for row, (true, told) in enumerate(zip(*sides, strict=True)):
        counts[row, 1] = true == told
        for place, spans in enumerate((true & told, true, told)):
            for *_, label in spans:
                counts[row, 2 + place * size + names[label]] += 1
    right = counts[:, 1] > 0
    missed = counts[:, 2 + size :].sum(axis=1) - 2 * counts[:, 2 : 2 + size].sum(axis=1)
    return tallies.of_rows(counts, _of_sums, right=right, good=-missed)


def _of_sums(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of texts, those exact, and for each label those right, there and told."""
    hits, there, said = np.split(sums[:, 2:], 3, axis=1)
    nothing = (there + said).sum(axis=1) == 0
    precision = tallies.share(hits.sum(axis=1), said.sum(axis=1))
    recall = tallies.share(hits.sum(axis=1), there.sum(axis=1))
    each = tallies.share(2 * hits, there + said).sum(axis=1)
    return {
        "f1": tallies.share(2 * hits.sum(axis=1), (there + said).sum(axis=1), 1.0),
        "precision": np.where(nothing, 1.0, precision),
        "recall": np.where(nothing, 1.0, recall),
        "macro_f1": tallies.share(each, ((there + said) > 0).sum(axis=1), 1.0),
        "exact": tallies.share(sums[:, 1], sums[:, 0]),
    }


def _figures(name: str, tally: _Tally) -> dict[str, Any]:
    precision, recall, f1 = _ratios(tally.right[name], tally.told[name], tally.true[name])
    return {
        "label": name,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": tally.true[name],
        "predicted": tally.told[name],
        **{kind: tally.wrong[kind][name] for kind in KINDS},
    }


def _ratios(right: int, told: int, true: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where undefined, 1 where there was nothing and nothing was found."""
    if not told and not true:
        return 1.0, 1.0, 1.0
    precision, recall = right / told if told else 0.0, right / true if true else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def _spans(named: Sequence[Mapping[str, Any]]) -> set[Span]:
    return {(one["start"], one["end"], one["label"]) for one in named}


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
