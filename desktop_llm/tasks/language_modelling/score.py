"""Figures of a language model: how well it foretells texts that it has not learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores

BARS = 24
LISTED = 200
"""Texts at each end that can be opened."""
MOST_NATS = 700.0


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """`truth` are the rows themselves; an answer's label says the `nats` that a text took, and its `tokens`.

    The end of a text is one of its tokens. `loss`: nats a token; `perplexity`: its exponential; `bits_per_byte`: all
    nats, by ln 2, by all bytes of the texts in UTF-8, which compares models of any vocabulary, as does
    `nats_per_character`, all nats by all characters (Unicode code points). `details`: `texts`,
    `tokens`, `bytes`, and the losses of the texts: `lowest`, `highest`, `counts` of equal parts between.
    """
    if not truth:
        return Scores(metrics={}, details={})
    if "right" in predictions[0].label:
        return _of_gaps(truth, predictions)
    nats = np.asarray([one.label["nats"] for one in predictions])
    tokens = np.asarray([one.label["tokens"] for one in predictions])
    size = _bytes(truth)
    loss = float(nats.sum() / tokens.sum())
    metrics = {
        "perplexity": math.exp(min(loss, MOST_NATS)),
        "bits_per_byte": float(nats.sum()) / math.log(2) / max(1, size),
        "nats_per_character": float(nats.sum()) / max(1, sum(len(str(row["text"])) for row in truth)),
        "loss": loss,
    }
    return _scores(truth, metrics, nats / tokens, int(tokens.sum()), size)


def _scores(truth: Sequence[Any], metrics: Mapping[str, float], each: np.ndarray, tokens: int, size: int) -> Scores:
    """The figures, with how the losses of the texts (`each`) are spread."""
    order = np.argsort(-each, kind="stable")
    counts, edges = np.histogram(each, bins=BARS)
    return Scores(
        metrics=metrics,
        details={
            "texts": len(truth),
            "tokens": tokens,
            "bytes": size,
            "lowest": float(edges[0]),
            "highest": float(edges[-1]),
            "counts": counts.tolist(),
            "odd": [[_beginning(truth[place]), float(each[place])] for place in order[:LISTED].tolist()],
        },
        places={"odd": order[:LISTED].tolist(), "usual": order[::-1][:LISTED].tolist()},
    )


def _of_gaps(truth: Sequence[Any], predictions: Sequence[Prediction]) -> Scores:
    """Of models that fill gaps: `loss` nats a hidden token, `pseudo_perplexity` its exponential, `masked_accuracy` the
    share of hidden tokens that are found. Details as of others, `tokens` being those that were hidden."""
    told = [one.label for one in predictions]
    nats, tokens, right = (np.asarray([one[name] for one in told]) for name in ("nats", "tokens", "right"))
    hidden = max(1, int(tokens.sum()))
    loss = float(nats.sum()) / hidden
    metrics = {
        "pseudo_perplexity": math.exp(min(loss, MOST_NATS)),
        "masked_accuracy": float(right.sum()) / hidden,
        "loss": loss,
    }
    return _scores(truth, metrics, nats / np.maximum(1, tokens), int(tokens.sum()), _bytes(truth))


def _bytes(truth: Sequence[Any]) -> int:
    return sum(len(str(row["text"]).encode("utf-8", "surrogatepass")) for row in truth)


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons."""
    told = [one.label for one in predictions]
    if told and "right" in told[0]:
        return _tally_of_gaps(told)
    nats, tokens = (np.asarray([one[name] for one in told]) for name in ("nats", "tokens"))
    size = np.asarray([_bytes([row]) for row in truth])
    characters = np.asarray([len(str(row["text"])) for row in truth])

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        loss = tallies.share(sums[:, 0], sums[:, 1])
        return {
            "perplexity": np.exp(np.minimum(loss, MOST_NATS)),
            "bits_per_byte": sums[:, 0] / math.log(2) / np.maximum(1, sums[:, 2]),
            "nats_per_character": sums[:, 0] / np.maximum(1, sums[:, 3]),
            "loss": loss,
        }

    rows = np.stack([nats, tokens, size, characters], axis=1)
    return tallies.of_rows(rows, figures, right=None, good=-nats / tokens)


def _tally_of_gaps(told: Sequence[Mapping[str, Any]]) -> Tally:
    nats, tokens, right = (np.asarray([one[name] for one in told]) for name in ("nats", "tokens", "right"))

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        loss = tallies.share(sums[:, 0], sums[:, 1])
        return {
            "pseudo_perplexity": np.exp(np.minimum(loss, MOST_NATS)),
            "masked_accuracy": tallies.share(sums[:, 2], sums[:, 1]),
            "loss": loss,
        }

    rows = np.stack([nats, tokens, right], axis=1)
    return tallies.of_rows(rows, figures, right=None, good=-nats / np.maximum(1, tokens))


def _beginning(row: Any) -> str:
    return " ".join(str(row["text"])[:400].split())[:120]
