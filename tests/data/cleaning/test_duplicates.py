"""Duplicates, exact and near: one row of each group stays, the first."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.data.cleaning.duplicates import ExactDuplicates, Group
from desktop_llm.data.cleaning.signatures import collected, most_similar, shingles
from desktop_llm.data.cleaning.similar import NearDuplicates

WORDS = [f"word{number}" for number in range(500)]


def text_of(seed: int, length: int = 40) -> str:
    """A text of random words."""
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def with_another_word(text: str, at: int) -> str:
    """The text with one word replaced."""
    parts = text.split()
    parts[at] = "other"
    return " ".join(parts)


def test_exact_duplicates_do_not_look_at_spaces_and_case() -> None:
    rows = [(1, "Hello  World"), (2, "other"), (3, "hello world\n"), (4, "ＨＥＬＬＯ world"), (5, "hello worlds")]
    assert ExactDuplicates().groups(rows) == (Group(kept=1, others=(3, 4)),)
    assert ExactDuplicates(ignore_case=False).groups([*rows, (6, "hello world")]) == (Group(kept=3, others=(6,)),)


def test_near_duplicates_are_found() -> None:
    first, second = text_of(1), text_of(2)
    rows = [(1, first), (2, second), (3, with_another_word(first, 7)), (4, first.upper() + "!"), (5, text_of(3))]
    assert NearDuplicates().groups(rows) == (Group(kept=1, others=(3, 4)),)


def test_near_duplicates_in_chinese_and_japanese_and_thai() -> None:
    chinese = "我上个星期在你们的网店买了一双运动鞋，到现在还没有收到货，请帮我查一下订单的物流情况，谢谢"
    japanese = "先週そちらのオンラインショップで運動靴を注文しましたがまだ届いていませんので配送状況を確認してください"
    thai = "ฉันสั่งซื้อรองเท้ากีฬาจากร้านค้าออนไลน์ของคุณเมื่อสัปดาห์ที่แล้วแต่ยังไม่ได้รับสินค้า"
    for text in (chinese, japanese, thai):
        rows = [(1, text), (2, text[:-2] + "！"), (3, text[len(text) // 2 :] + text[: len(text) // 4])]
        assert NearDuplicates().groups(rows) == (Group(kept=1, others=(2,)),)


def test_different_short_texts_stay() -> None:
    rows = list(enumerate(["I want 2 tickets", "I want 3 tickets", "I lost my card", "I lost my cat", "??", "!!", "?"]))
    assert NearDuplicates().groups(rows) == ()


def test_what_is_found_is_nearly_all_and_hardly_more() -> None:
    chance = random.Random(5)
    rows: list[tuple[int, str]] = []
    similarity: dict[int, float] = {}
    for number in range(400):
        text = text_of(number, 60)
        changed = text
        for at in chance.sample(range(60), chance.randint(0, 12)):
            changed = with_another_word(changed, at)
        rows += [(2 * number, text), (2 * number + 1, changed)]
        one, other = set(shingles(text, 2, 2)), set(shingles(changed, 2, 2))
        similarity[2 * number + 1] = len(one & other) / len(one | other)
    found = NearDuplicates(threshold=0.8).likes(rows)
    near = {id for id, value in similarity.items() if value >= 0.88}
    far = {id for id, value in similarity.items() if value <= 0.7}
    assert len(near) > 50
    assert len(far) > 50
    assert len(near & found.keys()) >= 0.98 * len(near)
    assert len(far & found.keys()) <= 0.02 * len(far)
    assert all(kept == id - 1 for id, (kept, _) in found.items())


def test_the_estimate_is_close() -> None:
    text, changed = text_of(1, 200), with_another_word(with_another_word(text_of(1, 200), 50), 120)
    one, other = set(shingles(text, 2, 2)), set(shingles(changed, 2, 2))
    _, signatures = collected([(1, text), (2, changed)], 2, 2)
    estimate = most_similar(signatures, signatures[1], [0])[1]
    assert abs(estimate - len(one & other) / len(one | other)) < 0.08


@settings(deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=9).map(" ".join), max_size=40))
def test_what_stays_has_no_like(texts: list[str]) -> None:
    rows = list(enumerate(texts))
    step = NearDuplicates(threshold=0.6, words=1)
    found = step.likes(rows)
    assert step.likes([(id, text) for id, text in rows if id not in found]) == {}
    assert not {kept for kept, _ in found.values()} & found.keys()


def test_rows_of_one_template_take_no_longer_than_others() -> None:
    rows = [(number, f"Your order {number} has been shipped and will arrive soon") for number in range(3000)]
    assert len(NearDuplicates(threshold=0.5).likes(rows)) > 2900


def test_nothing_has_no_duplicates() -> None:
    assert NearDuplicates().groups([]) == ()
    assert NearDuplicates(threshold=0.5).groups([(1, "")]) == ()
