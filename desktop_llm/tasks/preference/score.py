"""Figures of a model that was taught which answers are better, on pairs that it did not learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.preference.labels import A, B
from desktop_llm.tasks.task import Scores

BARS = 24
LISTED = 200
MOST = 36.0
"""A margin that is told from a probability alone is no larger."""


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """`truth` are choices, of which A and B count; predictions without figures (as a project keeps them) tell less.

    `reward_accuracy`: how often the better answer has the higher reward (half where both have the same);
    `reward_margin`: by how much on average, in nats of the odds; `chosen_logps`, `rejected_logps`: the mean
    log-probability of better and worse answers; `drift`: |log π(y) − log π₀(y)| a token of these answers, how far the
    model has moved from the one it began with. `details`: the margins as a histogram, and means of both sides.
    """
    kept = [place for place, one in enumerate(predictions) if truth[place] in (A, B) and one.label in (A, B)]
    if not kept:
        return Scores(metrics={}, details={})
    margins = np.asarray([_margin(str(truth[place]), predictions[place]) for place in kept])
    metrics = {
        "reward_accuracy": float(np.mean((margins > 0) + 0.5 * (margins == 0))),
        "reward_margin": float(margins.mean()),
    }
    told = [place for place in kept if predictions[place].figures]
    sides = _sides([str(truth[place]) for place in told], [predictions[place] for place in told]) if told else {}
    for name in ("chosen", "rejected"):
        if name in sides:
            metrics[f"{name}_logps"] = sides[name]["log-probability"]
    if "drift" in sides.get("chosen", {}):
        metrics["drift"] = (sides["chosen"].pop("drift") + sides["rejected"].pop("drift")) / 2
    order = [kept[place] for place in np.argsort(margins, kind="stable").tolist()]
    wrong = [place for place in order if _margin(str(truth[place]), predictions[place]) < 0]
    near = [kept[place] for place in np.argsort(np.abs(margins), kind="stable").tolist()]
    counts, edges = np.histogram(margins, bins=BARS)
    return Scores(
        metrics=metrics,
        details={
            "pairs": len(kept),
            "left_out": len(predictions) - len(kept),
            "lowest": float(edges[0]),
            "highest": float(edges[-1]),
            "counts": counts.tolist(),
            "sides": sides,
            **_lengths([str(truth[place]) for place in told], [predictions[place] for place in told]),
        },
        places={"wrong": wrong[:LISTED], "near": near[:LISTED], "clear": order[::-1][:LISTED]},
    )


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score` that a project's answers tell; rows that do not count add nothing."""
    kept = np.asarray(
        [better in (A, B) and one.label in (A, B) for better, one in zip(truth, predictions, strict=True)], dtype=bool
    )
    margins = np.asarray([_margin(str(better), one) for better, one in zip(truth, predictions, strict=True)])
    margins = np.where(kept, margins, 0.0)
    right = (margins > 0) + 0.5 * (kept & (margins == 0))
    # of a row that does not count nothing is wrong
    return tallies.of_rows(
        np.stack([kept, right, margins], axis=1),
        _of_sums,
        right=(margins > 0) | ~kept,
        good=np.where(kept, margins, MOST),
    )


def _of_sums(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of how many pairs there are, how many are right, and their margins."""
    return {
        "reward_accuracy": tallies.share(sums[:, 1], sums[:, 0], math.nan),
        "reward_margin": tallies.share(sums[:, 2], sums[:, 0], math.nan),
    }


def _margin(better: str, told: Prediction) -> float:
    """How much higher the reward of the better answer is."""
    if "margin" in told.figures:
        return float(told.figures["margin"]) * (1 if better == A else -1)
    sure = min(max(told.probability, math.exp(-MOST)), 1 - 1e-15)
    return min(math.log(sure / (1 - sure)), MOST) * (1 if told.label == better else -1)


def _sides(truth: Sequence[str], told: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    """Means of the better and the worse answers."""
    known = all("began_a" in one.figures for one in told)
    sides = {}
    for name, other in (("chosen", False), ("rejected", True)):
        letters = [(B if better == A else A) if other else better for better in truth]
        sums = np.asarray([one.figures[letter] for one, letter in zip(told, letters, strict=True)])
        tokens = np.asarray([one.figures[f"tokens_{letter}"] for one, letter in zip(told, letters, strict=True)])
        side = {
            "log-probability": float(sums.mean()),
            "nats a token": float(-(sums / tokens).mean()),
            "tokens": float(tokens.mean()),
        }
        if known:
            began = np.asarray([one.figures[f"began_{letter}"] for one, letter in zip(told, letters, strict=True)])
            side |= {
                "at the start": float(began.mean()),
                "change": float((sums - began).mean()),
                "drift": float((np.abs(sums - began) / tokens).mean()),
            }
        sides[name] = side
    return sides


def _lengths(truth: Sequence[str], told: Sequence[Prediction]) -> dict[str, float]:
    """How often the longer answer is the better one, and the one that the model prefers: does it go by length?"""
    parted = [
        (better, one, A if one.figures["tokens_a"] > one.figures["tokens_b"] else B)
        for better, one in zip(truth, told, strict=True)
        if one.figures["tokens_a"] != one.figures["tokens_b"]
    ]
    if not parted:
        return {}
    return {
        "longer_better": sum(better == longer for better, _, longer in parted) / len(parted),
        "longer_preferred": sum(one.label == longer for _, one, longer in parted) / len(parted),
    }
