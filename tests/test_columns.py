"""Columns as libraries keep them are the sequences that everybody knows."""

from __future__ import annotations

import pickle
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.columns import Coded, Texts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(texts=st.lists(TEXT, max_size=8))
def test_texts_are_a_sequence(texts: list[str]) -> None:
    column = Texts.of(texts)
    assert Texts.of(column) is column
    assert list(column) == texts
    assert len(column) == len(texts)
    assert column[1:3] == texts[1:3]
    assert [column[place] for place in range(len(texts))] == texts
    assert pickle.loads(pickle.dumps(column)) == texts
    data, ends = column.data().tobytes(), column.ends().tolist()
    assert [data[start:end].decode() for start, end in pairwise(ends)] == texts
    assert column.signs("a") == "".join(texts).count("a")
    assert list(column.coded()) == texts
    assert list(column.trimmed()) == [text.strip() for text in texts]


@given(texts=st.lists(TEXT, min_size=3, max_size=8))
def test_a_part_of_an_array_is_its_own_texts(texts: list[str]) -> None:
    column = Texts(Texts.of(texts).array[1:-1])
    data, ends = column.data().tobytes(), column.ends().tolist()
    assert [data[start:end].decode() for start, end in pairwise(ends)] == texts[1:-1]
    assert column.signs("a") == "".join(texts[1:-1]).count("a")


def test_every_character_is_white_space_to_both_or_none() -> None:
    signs = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert list(Texts.of([f"{sign}a{sign}" for sign in signs]).trimmed()) == [
        f"{sign}a{sign}".strip() for sign in signs
    ]


def test_half_a_character_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        Texts.of(["\ud800"])


@pytest.mark.parametrize("cell", [None, 1, 1.5, True, [], {}])
def test_what_is_no_text_is_refused(cell: Any) -> None:
    with pytest.raises(TypeError):
        Texts.of(["a", cell])
    with pytest.raises(TypeError):
        Texts.of([cell, "a"])


@given(texts=st.lists(st.sampled_from(["a", "b", "", None]), max_size=8))
def test_coded_values_are_a_sequence(texts: list[str | None]) -> None:
    names = ["a", None, "", "b"]
    codes = b"".join(names.index(text).to_bytes(4, sys.byteorder) for text in texts)
    coded = Coded(names, codes)
    assert list(coded) == texts
    assert len(coded) == len(texts)
    assert coded[1:3] == texts[1:3]
    assert [coded[place] for place in range(len(texts))] == texts
    for value in [*names, "c"]:
        assert coded.count(value) == texts.count(value)
    assert list(coded.each(lambda told: [f"<{name}>" for name in told])) == [f"<{text}>" for text in texts]
    again = pickle.loads(pickle.dumps(coded))
    assert list(again) == texts
    assert list(memoryview(again.numbers([1, 2, 3, 4])).cast("i")) == [1 + names.index(text) for text in texts]
