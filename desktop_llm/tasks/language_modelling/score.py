"""Figures of a language model: how well it foretells texts that it has not learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    nats, by ln 2, by all bytes of the texts in UTF-8, which compares models of any vocabulary. `details`: `texts`,
    `tokens`, `bytes`, and the losses of the texts: `lowest`, `highest`, `counts` of equal parts between.
    """
    if not truth:
        return Scores(metrics={}, details={})
    nats = np.asarray([one.label["nats"] for one in predictions])
    tokens = np.asarray([one.label["tokens"] for one in predictions])
    size = sum(len(str(row["text"]).encode("utf-8", "surrogatepass")) for row in truth)
    loss = float(nats.sum() / tokens.sum())
    each = nats / tokens
    order = np.argsort(-each, kind="stable")
    counts, edges = np.histogram(each, bins=BARS)
    return Scores(
        metrics={
            "perplexity": math.exp(min(loss, MOST_NATS)),
            "bits_per_byte": float(nats.sum()) / math.log(2) / max(1, size),
            "loss": loss,
        },
        details={
            "texts": len(truth),
            "tokens": int(tokens.sum()),
            "bytes": size,
            "lowest": float(edges[0]),
            "highest": float(edges[-1]),
            "counts": counts.tolist(),
            "odd": [[_beginning(truth[place]), float(each[place])] for place in order[:LISTED].tolist()],
        },
        places={"odd": order[:LISTED].tolist(), "usual": order[::-1][:LISTED].tolist()},
    )


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons."""
    nats = np.asarray([one.label["nats"] for one in predictions])
    tokens = np.asarray([one.label["tokens"] for one in predictions])
    size = np.asarray([len(str(row["text"]).encode("utf-8", "surrogatepass")) for row in truth])

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        loss = tallies.share(sums[:, 0], sums[:, 1])
        return {
            "perplexity": np.exp(np.minimum(loss, MOST_NATS)),
            "bits_per_byte": sums[:, 0] / math.log(2) / np.maximum(1, sums[:, 2]),
            "loss": loss,
        }

    return tallies.of_rows(np.stack([nats, tokens, size], axis=1), figures, right=None, good=-nats / tokens)


def _beginning(row: Any) -> str:
    return " ".join(str(row["text"])[:400].split())[:120]
