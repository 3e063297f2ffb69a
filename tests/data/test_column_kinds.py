"""What a column holds is said only where all its cells agree."""

from __future__ import annotations

import pytest

from desktop_llm.data.column_kinds import Held, Kind, held, held_in


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([], "empty"),
        (["", None, "  "], "empty"),
        ([True, False], "yes_no"),
        (["Yes", "no", ""], "yes_no"),
        (["是", "否"], "yes_no"),
        (["yes", "false"], "text"),
        (["1", "-20", "0"], "whole"),
        ([1, 2, None], "whole"),
        ([1.5, 2], "number"),
        (["1.5", "2", "-3e-4"], "number"),
        (["3,14", "2,5"], "number"),
        (["1,234,567", "12.50"], "number"),
        (["1.234,50", "2.000,00"], "number"),
        (["007", "012"], "text"),  # codes: as numbers they would lose something
        (["1", "two"], "text"),
        (["１２"], "text"),  # digits, but not those that numbers are made of
        (["2024-01-31", "2023-12-01 10:20"], "date"),
        (["31.1.2024", "1.2.2024"], "date"),
        (["2024年1月31日"], "date"),
        (["03/04/2024"], "text"),  # two days, one here and another there
        ([[1, 2], []], "list"),
        (['["a"]', "[]"], "list"),
        ([{"a": 1}], "record"),
        (['{"a": 1}'], "record"),
        ([[1], "a"], "mixed"),
        ([[1], {"a": 1}], "mixed"),
        (["[not JSON"], "text"),
        (["{curly} words"], "text"),
        (["red", "blue", "red", "red", "blue", ""], "category"),
        (["train"] * 3, "category"),
        (["one", "two", "one"], "text"),
        (["a text that is long enough to be no name of a class"] * 6, "text"),
        ([f"{place // 2} pieces" for place in range(402)], "text"),  # more values than any set of classes
    ],
)
def test_a_column_is_what_all_its_cells_are(cells: list[object], kind: Kind) -> None:
    assert held(cells).kind == kind


def test_cells_are_counted() -> None:
    assert held(["1", "", "1", None, " 2 ", "2"]) == Held(kind="whole", different=2, cells=6, empty=2)
    assert held(["1", "1", "2", "2"]).repeats
    assert not held(["1", "2", "3"]).repeats
    assert not held(["1"]).repeats


def test_columns_that_a_row_lacks_are_empty_there() -> None:
    found = held_in(("a", "b", "c"), ({"a": 1, "b": "x"}, {"a": 2}))
    assert [(one.kind, one.empty) for one in found] == [("whole", 0), ("text", 1), ("empty", 2)]
