"""Filters: bounds, languages and empty rows, with the reason told."""

from __future__ import annotations

import pytest

from desktop_llm.data.cleaning.filters import Empty, Language, Length, language_of
from desktop_llm.data.cleaning.words import spaced, words

SAMPLES = {
    "en": ["Where is my refund? I ordered two weeks ago.", "I lost my card", "The parcel arrived damaged."],
    "de": ["Wo bleibt meine Rückerstattung?", "Ich habe meine Karte verloren", "Das Paket kam beschädigt an."],
    "zh": ["我的卡丢了，怎么办？", "请问什么时候发货", "包裹已经收到，谢谢你的帮助"],
    "ja": ["カードをなくしました", "注文した商品が届きません"],
    "fr": ["J'ai perdu ma carte", "Le colis est arrivé abîmé"],
    "es": ["He perdido mi tarjeta", "¿Cuándo llega mi pedido?"],
}


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in SAMPLES.items() for text in texts])
def test_languages_are_known_from_a_few_words(language: str, text: str) -> None:
    assert language_of(text)[0] == language


def test_another_language_goes_and_what_is_doubtful_stays() -> None:
    step = Language(languages="en, de")
    assert step.reason("Where is my refund? I ordered two weeks ago.") == ""
    assert "another language (zh" in step.reason("包裹已经收到，谢谢你的帮助")
    assert step.reason("ok") == ""
    assert step.reason("12345 67890 !!!") == ""
    assert Language().reason("包裹已经收到，谢谢你的帮助") == ""


def test_bounds() -> None:
    assert Length().reason("a") == "has 1 characters, fewer than 2"
    assert Length(most_characters=3).reason("abcd") == "has 4 characters, more than 3"
    assert Length(least_words=3).reason("two words") == "has 2 words, fewer than 3"
    assert Length(most_words=3).reason("我的卡丢了") == "has 5 words, more than 3"
    assert Length(most_characters=0, most_words=0).reason("a" * 100_000) == ""


def test_empty() -> None:
    assert Empty().reason(" \n\u3000") == "is empty"
    assert Empty().reason("?!") == ""
    assert Empty(signs=True).reason("?! 👍") == "has neither a letter nor a digit"


def test_words() -> None:
    assert words("It's re-done, ok: 我的 Karte!") == ["It's", "re", "done", "ok", "我", "的", "Karte"]
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert spaced(words("my card 卡"))
    assert not spaced(words("我的card丢了"))
