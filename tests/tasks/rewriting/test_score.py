"""Figures of written texts: those of sacrebleu and rouge-score themselves, in any script, and of what was not asked."""

from __future__ import annotations

import math

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.rewriting.score import parting, score

WANTED = ["Ein Mann sitzt auf einer Bank.", "Zwei Hunde laufen über die Wiese.", "Eine Frau liest."]
MADE = ["Ein Mann sitzt auf der Bank.", "Zwei Hunde laufen durch die grüne Wiese.", ""]


def _said(text: str | None, nats: float = 1.0) -> Prediction:
    return Prediction(label=text, probability=math.exp(-nats), uncertainty=0.1)


def test_figures_are_those_of_the_libraries() -> None:
    told = score(WANTED, [_said(text) for text in MADE], ())
    assert told.metrics["bleu"] == pytest.approx(sacrebleu.corpus_bleu(MADE, [WANTED]).score)
    assert told.metrics["chrf"] == pytest.approx(sacrebleu.corpus_chrf(MADE, [WANTED]).score)
    assert told.details["signatures"]["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert told.details["signatures"]["chrf"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
    english = ["The cat sat on the mat.", "It was a good day"]
    other = ["The cat lay on a mat.", "It was good"]
    told = score(english, [_said(text) for text in other], ())
    library = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for key, name in (("rouge1", "rouge_1"), ("rouge2", "rouge_2"), ("rougeL", "rouge_l")):
        theirs = [library.score(one, two)[key].fmeasure for one, two in zip(english, other, strict=True)]
        assert told.metrics[name] == pytest.approx(sum(theirs) / 2)


def test_what_was_not_asked_does_not_count_and_an_empty_text_does() -> None:
    told = score(WANTED, [_said(WANTED[0]), _said(None, 9.0), _said("", 0.5)], ())
    assert told.details["compared"] == 2
    assert told.metrics["exact_match"] == 0.5
    assert told.metrics["bleu"] < 100
    assert told.places["written"] == [2, 0]
    assert told.places["odd"] == [1, 0, 2]
    assert told.details["written"][0] == [WANTED[2], "", 0.0]


def test_scripts_that_part_no_words_are_parted_by_signs() -> None:
    assert parting(["我想要一杯茶。"]) == "zh"
    assert parting(["お茶を一杯ください。"]) == "char"
    assert parting(["A cup of tea, 请."]) == "13a"
    told = score(["我想要一杯热茶。"], [_said("我想要一杯茶。")], ())
    assert "tok:zh" in told.details["signatures"]["bleu"]
    assert told.metrics["bleu"] == pytest.approx(
        sacrebleu.corpus_bleu(["我想要一杯茶。"], [["我想要一杯热茶。"]], tokenize="zh").score
    )
    assert told.metrics["rouge_1"] == pytest.approx(12 / 13)


def test_where_nothing_was_written_there_are_no_figures() -> None:
    assert score([], [], ()).metrics == {}
    assert score(WANTED[:1], [_said(None)], ()).metrics == {}
