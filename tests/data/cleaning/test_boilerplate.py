"""Boilerplate: what many rows share beside their own text."""

from __future__ import annotations

from desktop_llm.data.cleaning.boilerplate import Boilerplate

FOOTER = "This message may be confidential; delete it if it is not for you."


def rows(count: int) -> list[tuple[int, str]]:
    """Rows with one line of their own and the footer."""
    return [(number, f"Question {number} about a parcel\n\n{FOOTER}") for number in range(count)]


def test_lines_that_many_rows_share_go() -> None:
    step = Boilerplate(rows=10)
    phrases = step.phrases(rows(10))
    assert phrases == {FOOTER}
    assert step.without(rows(1)[0][1], phrases) == "Question 0 about a parcel"
    assert step.phrases(rows(9)) == frozenset()


def test_sentences_go_too() -> None:
    step = Boilerplate(rows=5)
    texts = [(number, f"Parcel {number} is late. Sent from my mobile phone.") for number in range(5)]
    phrases = step.phrases(texts)
    assert phrases == {"Sent from my mobile phone."}
    assert step.without(texts[0][1], phrases) == "Parcel 0 is late."
    assert Boilerplate(rows=5, sentences=False).phrases(texts) == frozenset()
    footer = "此邮件由系统自动发送，请不要直接回复本邮件，谢谢。"
    chinese = [(number, f"第{number}个包裹没有收到。{footer}") for number in range(5)]
    assert step.phrases(chinese) == {footer}


def test_short_ones_and_rows_that_are_nothing_else_stay() -> None:
    step = Boilerplate(rows=2)
    assert step.phrases([(1, "One.\nThanks!"), (2, "Two.\nThanks!")]) == frozenset()
    assert step.phrases([(number, FOOTER) for number in range(5)]) == frozenset()
    assert step.without(FOOTER, frozenset({FOOTER})) == FOOTER
