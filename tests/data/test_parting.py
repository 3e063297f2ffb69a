"""Several labels in one cell: parted only where the column shows it."""

from __future__ import annotations

import pytest

from desktop_llm.data.parting import parted, separator


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["food; travel", "food", "travel;money", ""], ";"),
        (["a|b", "b|c", "c|a"], "|"),
        (["a,b", "b", "a, c", "c"], ","),
        (["账单、退款", "退款", "账单"], "、"),
        # commas that belong to names: their parts come nowhere else
        (["Food, drink and tobacco", "Health", "Art, music and film"], ""),
        (["Paris, France", "Lyon, France"], ""),
        (["Paris; France", "Lyon; France"], ";"),
        (["one", "two", "one"], ""),
        (["a; b, c", "a", "b, c"], ";"),
        ([None, 3, ["a", "b"]], ""),
        (['["a;b", "a"]', "a"], ""),
        (["x" * 70 + "; y", "y"], ""),
    ],
)
def test_what_a_column_shows(cells: list[object], sign: str) -> None:
    assert separator(cells) == sign


def test_cells_are_parted() -> None:
    assert parted(" a ; b;; ", ";") == ["a", "b"]
    assert parted('["a;b"]', ";") == '["a;b"]'
    assert parted(["a"], ";") == ["a"]
    assert parted("a; b", "") == "a; b"
    assert parted("", ";") == ""
