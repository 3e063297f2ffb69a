"""Figures of a model that writes what a text becomes: how like its texts are to those that were wanted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

BARS = 24
LISTED = 200
SHORT = 300
REMEMBERED = 4096
"""Pairs whose figures are remembered: intervals are found by measuring the same ones a thousand times."""
LOWEST = 1e-300
ROUGE = {"rouge1": "rouge_1", "rouge2": "rouge_2", "rougeL": "rouge_l"}
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
KANA_AND_THAI = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff]")
WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
"""A word, or a sign of a script that parts no words."""


class _Words:
    """How texts are parted for ROUGE, whose own way knows nothing but English."""

    def tokenize(self, text: str) -> list[str]:
        return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def parting(references: Sequence[str]) -> str:
    """sacrebleu's name for the way to part these texts into words: by signs for Chinese, by characters for scripts
    that part no words, else that of mteval-v13a."""
    letters = max(1, sum(one.isalpha() for text in references for one in text))
    if sum(len(KANA_AND_THAI.findall(text)) for text in references) > 0.2 * letters:
        return "char"
    return "zh" if sum(len(HAN.findall(text)) for text in references) > 0.3 * letters else "13a"


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """`truth` are the texts that were wanted; an answer's label is the text that was written, None where
    none was asked for.

    Of those written: `bleu` (Papineni et al. 2002) and `chrf` (Popović 2015) of all together, 0 to 100, by sacrebleu,
    whose `signatures` are kept; `rouge_1`, `rouge_2`, `rouge_l` (Lin 2004), the mean F1 of texts; `exact_match`. An
    answer's probability tells its loss, of which `details` has a histogram; `texts`, `compared` and `written`: what was
    wanted, what was written and its chrF, the least alike first.
    """
    if not truth:
        return Scores(metrics={}, details={})
    losses = -np.log(np.maximum([one.probability for one in predictions], LOWEST))
    order = np.argsort(-losses, kind="stable").tolist()
    counts, edges = np.histogram(losses, bins=BARS)
    places = [place for place, one in enumerate(predictions) if one.label is not None]
    wanted, made = [str(truth[place]) for place in places], [str(predictions[place].label) for place in places]
    metrics, signatures = _alike(wanted, made) if places else ({}, {})
    each = [_chrf(one, other) for one, other in zip(wanted, made, strict=True)]
    least = sorted(range(len(places)), key=each.__getitem__)[:LISTED]
    return Scores(
        metrics=metrics,
        details={
            "texts": len(truth),
            "compared": len(places),
            "signatures": signatures,
            "lowest": float(edges[0]),
            "highest": float(edges[-1]),
            "counts": counts.tolist(),
            "written": [[_short(wanted[at]), _short(made[at]), each[at]] for at in least],
        },
        places={
            "odd": order[:LISTED],
            "usual": order[::-1][:LISTED],
            "written": [places[at] for at in least],
        },
    )


def _alike(wanted: Sequence[str], made: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
    """The figures, and how those of sacrebleu were measured."""
    bleu, chrf = BLEU(tokenize=parting(wanted)), CHRF()
    told = [_rouge(one, other) for one, other in zip(wanted, made, strict=True)]
    metrics = {
        "bleu": min(100.0, bleu.corpus_score(made, [wanted]).score),
        "chrf": min(100.0, chrf.corpus_score(made, [wanted]).score),
        **{name: float(np.mean([one[place] for one in told])) for place, name in enumerate(ROUGE.values())},
        "exact_match": float(np.mean([one.strip() == other.strip() for one, other in zip(wanted, made, strict=True)])),
    }
    return metrics, {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}


@cache
def _scorer() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer  # brings along all of nltk

    return RougeScorer(list(ROUGE), tokenizer=_Words())


@lru_cache(maxsize=REMEMBERED)
def _rouge(wanted: str, made: str) -> tuple[float, ...]:
    told = _scorer().score(wanted, made)
    return tuple(float(told[key].fmeasure) for key in ROUGE)


@lru_cache(maxsize=REMEMBERED)
def _chrf(wanted: str, made: str) -> float:
    return float(CHRF().sentence_score(made, [wanted]).score)


def _short(text: str) -> str:
    line = " ".join(text[: 2 * SHORT].split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
