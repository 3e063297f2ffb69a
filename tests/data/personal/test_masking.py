"""Masks and pseudonyms: one value, one pseudonym; nobody's; and a second run changes nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.personal.find import find
from desktop_llm.data.personal.masking import mask, replace
from desktop_llm.data.personal.pseudonyms import Pseudonyms
from tests.data.personal.sentences import WITH, WITHOUT

SECRET = b"a secret of the project, 32 bytes"
VALUES = sorted({value for _, expected in WITH for _, value in expected})


def replaced(text: str, secret: bytes = SECRET) -> str:
    """The text with pseudonyms."""
    return replace(text, find(text), Pseudonyms(secret))


def test_masks() -> None:
    text = "Jane, jane@x.org, 13812345678!"
    assert mask(text, find(text)) == "Jane, [EMAIL], [PHONE]!"
    assert mask(text, find(text), "blocks") == f"Jane, {'█' * 10}, {'█' * 11}!"
    assert find(mask(text, find(text))) == ()


@pytest.mark.parametrize("text", [text for text, _ in WITH])
def test_a_second_run_changes_nothing(text: str) -> None:
    once = replaced(text)
    assert once != text
    assert find(once) == ()
    assert replaced(once) == once
    assert all(one.text not in once for one in find(text))


@pytest.mark.parametrize("text", WITHOUT)
def test_what_is_not_personal_stays(text: str) -> None:
    assert replaced(text) == text


@pytest.mark.parametrize(
    "spellings",
    [
        ["jane.doe@x.org", "Jane.Doe@X.org", "jane.doe (at) x.org"],
        ["13812345678", "138-1234-5678", "+86 138 1234 5678"],
        ["030 2312399", "+49 30 2312399", "0049 30 2312399"],
        ["4111 1111 1111 1111", "4111111111111111", "4111-1111-1111-1111"],
        ["DE89 3704 0044 0532 0130 00", "DE89370400440532013000"],
        ["11010519491231002X", "11010519491231002x", "110105 19491231 002X"],
        ["2a00:1450:4001:81b::200e", "2a00:1450:4001:081b:0:0:0:200e"],
    ],
)
def test_one_value_has_one_pseudonym(spellings: Sequence[str]) -> None:
    names = {replaced(f"see {spelling} there") for spelling in spellings}
    assert len(names) == 1


def test_pseudonyms_need_the_secret() -> None:
    text = "jane@x.org 13812345678 8.8.8.8 4111 1111 1111 1111"
    assert replaced(text) == replaced(text)
    assert replaced(text) != replaced(text, b"another secret of the project")
    with pytest.raises(ValueError, match="can be guessed"):
        Pseudonyms(b"short")


def test_pseudonyms_look_like_what_they_stand_for() -> None:
    assert replaced("jane@x.org").endswith("@example.org")
    assert replaced("8.8.8.8 ok").split()[0] in {str(ipaddress.ip_address(replaced("8.8.8.8")))}
    assert ipaddress.ip_address(replaced("8.8.8.8")).is_reserved
    assert ipaddress.ip_address(replaced("2a00:1450:4001:81b::200e")) in ipaddress.ip_network("2001:db8::/32")
    assert replaced("+1 415 628 2671").split()[2] == "555"
    assert replaced("4111 1111 1111 1111")[0] in "1789"
    assert replaced("DE89 3704 0044 0532 0130 00").startswith("DE")
    assert len(replaced("11010519491231002X")) == 18
    assert replaced("13812345678").startswith("12")
    assert replaced("536-90-4399").startswith("000-")


def test_different_values_have_different_pseudonyms() -> None:
    texts = [f"user{number}@x.org" for number in range(500)] + [f"1381234{number:04}" for number in range(500)]
    assert len({replaced(text) for text in texts}) == 1000


@given(
    values=st.lists(st.sampled_from(VALUES), max_size=6), between=st.sampled_from([", ", "，", "\n", " and ", " - "])
)
def test_many_together(values: list[str], between: str) -> None:
    once = replaced(between.join(values))
    assert replaced(once) == once


def test_finds_of_another_text_are_refused() -> None:
    with pytest.raises(ValueError, match="not of this text"):
        mask("another", find("jane@x.org"))
