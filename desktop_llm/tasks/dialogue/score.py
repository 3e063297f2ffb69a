"""Figures of a model that answers: how well it foretells given answers, and how like them its own are."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.dialogue.labels import ANSWERS, said
from desktop_llm.tasks.task import Scores

BARS = 24
LISTED = 200
MOST_NATS = 700.0
SHORT = 300
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or a sign of a script that parts no words."""


def words(text: str) -> list[str]:
    """The words of a text, in small letters and one form, without punctuation."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def token_f1(answer: str, reference: str) -> float:
    """How many words two texts share (Rajpurkar et al. 2016): 2PR / (P + R) over bags of words."""
    told, wanted = Counter(words(answer)), Counter(words(reference))
    if not told or not wanted:
        return float(told == wanted)
    shared = sum((told & wanted).values())
    return 2 * shared / (sum(told.values()) + sum(wanted.values()))


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """`truth` are conversations as they should be; a label says `nats` and `tokens` of all answers in one, and, where
    the last of them was written anew, the `answer`.

    `loss`: nats a token of answers; `perplexity`: its exponential; `token_f1`, `exact_match`: of those written, how
    many words they share with the given ones, and how many are the same word by word. `details`: `conversations`,
    `tokens`, `compared`, the losses of the conversations as a histogram, and `answers`: question, given, written, F1.
    """
    kept = [place for place, one in enumerate(predictions) if one.label["tokens"]]
    if not kept:
        return Scores(metrics={}, details={})
    nats = np.asarray([predictions[place].label["nats"] for place in kept])
    tokens = np.asarray([predictions[place].label["tokens"] for place in kept])
    loss = float(nats.sum() / tokens.sum())
    each = nats / tokens
    order = [kept[place] for place in np.argsort(-each, kind="stable").tolist()]
    counts, edges = np.histogram(each, bins=BARS)
    compared = [_compared(truth[place], str(one.label["answer"])) for place, one in _written(predictions)]
    metrics = {"perplexity": math.exp(min(loss, MOST_NATS))}
    if compared:
        metrics["token_f1"] = float(np.mean([one[3] for one in compared]))
        metrics["exact_match"] = float(np.mean([words(one[1]) == words(one[2]) for one in compared]))
    return Scores(
        metrics={**metrics, "loss": loss},
        details={
            "conversations": len(kept),
            "tokens": int(tokens.sum()),
            "compared": len(compared),
            "lowest": float(edges[0]),
            "highest": float(edges[-1]),
            "counts": counts.tolist(),
            "answers": [[_short(one[0]), _short(one[1]), _short(one[2]), one[3]] for one in compared],
        },
        places={
            "odd": order[:LISTED],
            "usual": order[::-1][:LISTED],
            "answers": [place for place, _ in _written(predictions)],
        },
    )


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons; rows without an answer add nothing."""
    nats = np.asarray([float(one.label["nats"]) for one in predictions])
    tokens = np.asarray([float(one.label["tokens"]) for one in predictions])
    counts = np.zeros((len(predictions), 5))
    counts[:, 0], counts[:, 1] = np.where(tokens > 0, nats, 0.0), tokens
    for place, one in _written(predictions):
        _, given, answer, shared = _compared(truth[place], str(one.label["answer"]))
        counts[place, 2:] = 1.0, shared, words(given) == words(answer)
    good = -tallies.share(nats, tokens)
    return tallies.of_rows(counts, _of_sums, right=None, good=good)


def _of_sums(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of nats, tokens, answers written, the words that these share, and how many are the same."""
    loss = tallies.share(sums[:, 0], sums[:, 1], math.nan)
    told = {"perplexity": np.exp(np.minimum(loss, MOST_NATS)), "loss": loss}
    if sums[:, 2].any():
        told["token_f1"] = tallies.share(sums[:, 3], sums[:, 2], math.nan)
        told["exact_match"] = tallies.share(sums[:, 4], sums[:, 2], math.nan)
    return told


def _written(predictions: Sequence[Prediction]) -> list[tuple[int, Prediction]]:
    return [(place, one) for place, one in enumerate(predictions) if "answer" in one.label]


def _compared(conversation: Any, answer: str) -> tuple[str, str, str, float]:
    """What was asked, the given answer, the written one, and how like they are."""
    place = next((at for at in range(len(conversation) - 1, -1, -1) if conversation[at].get("role") == ANSWERS), 0)
    reference = said(conversation[place])
    asked = said(conversation[place - 1]) if place else ""
    return asked, reference, answer, token_f1(answer, reference)


def _short(text: str) -> str:
    line = " ".join(text[: 2 * SHORT].split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
