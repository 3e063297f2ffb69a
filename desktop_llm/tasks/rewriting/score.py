"""Figures of a model that writes what a text becomes: how like its texts are to those that were wanted."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

BARS = 24
LISTED = 200
SHORT = 300
LOWEST = 1e-300
ORDER = 4
"""The longest n-grams of BLEU."""
BEFORE = 5
"""Sums of a tally before those of BLEU: how many, how many the same, and those of ROUGE."""
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
    from sacrebleu.metrics.chrf import CHRF

    single = CHRF()
    each = [single.sentence_score(one, [other]).score for one, other in zip(made, wanted, strict=True)]
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


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons; texts that were not written add nothing.

    BLEU and chrF are made of counts of n-grams, which add up over texts.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    places = [place for place, one in enumerate(predictions) if one.label is not None]
    wanted, made = [str(truth[place]) for place in places], [str(predictions[place].label) for place in places]
    bleu, chrf, rouge = BLEU(tokenize=parting(wanted)), CHRF(), RougeScorer(list(ROUGE), tokenizer=_Words())
    grams = bleu._extract_corpus_statistics(made, [wanted]) if places else []
    signs = chrf._extract_corpus_statistics(made, [wanted]) if places else []
    words = [rouge.score(one, other) for one, other in zip(wanted, made, strict=True)]
    counts = np.zeros((len(predictions), BEFORE + 2 + 2 * ORDER + 3 * chrf.order))
    for at, place in enumerate(places):
        shares = [words[at][key].fmeasure for key in ROUGE]
        counts[place] = [1.0, wanted[at].strip() == made[at].strip(), *shares, *grams[at], *signs[at]]

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        told = [_of_sums(one.tolist(), bleu, chrf) for one in sums]
        return {name: np.asarray([one[name] for one in told]) for name in told[0]}

    losses = -np.log(np.maximum([one.probability for one in predictions], LOWEST))
    return tallies.of_rows(counts, figures, right=None, good=-losses)


def _of_sums(sums: list[float], bleu: BLEU, chrf: CHRF) -> dict[str, float]:
    """The figures of what `tally` counts; NaN where nothing was written."""
    count = sums[0]
    grams = [round(one) for one in sums[BEFORE:]]
    if not count:
        return dict.fromkeys(("bleu", "chrf", *ROUGE.values(), "exact_match"), math.nan)
    return {
        "bleu": min(100.0, bleu._compute_score_from_stats(grams[: 2 + 2 * ORDER]).score),
        "chrf": min(100.0, chrf._compute_score_from_stats(grams[2 + 2 * ORDER :]).score),
        **{name: sums[2 + place] / count for place, name in enumerate(ROUGE.values())},
        "exact_match": sums[1] / count,
    }


def _alike(wanted: Sequence[str], made: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
    """The figures, and how those of sacrebleu were measured."""
    from rouge_score.rouge_scorer import RougeScorer  # brings along all of nltk
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu, chrf = BLEU(tokenize=parting(wanted)), CHRF()
    rouge = RougeScorer(list(ROUGE), tokenizer=_Words())
    told = [rouge.score(one, other) for one, other in zip(wanted, made, strict=True)]
    metrics = {
        "bleu": min(100.0, bleu.corpus_score(made, [wanted]).score),
        "chrf": min(100.0, chrf.corpus_score(made, [wanted]).score),
        **{name: float(np.mean([one[key].fmeasure for one in told])) for key, name in ROUGE.items()},
        "exact_match": float(np.mean([one.strip() == other.strip() for one, other in zip(wanted, made, strict=True)])),
    }
    return metrics, {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}


def _short(text: str) -> str:
    line = " ".join(text[: 2 * SHORT].split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
