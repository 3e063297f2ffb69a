"""Columns to fields: guessed by name and by content, checked, applied row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from desktop_llm.data import mapping
from desktop_llm.data.readers.opening import RawRow
from desktop_llm.errors import UserError
from desktop_llm.rows import NewItem, Rejected


@dataclass(frozen=True)
class Field:
    """A field as a task describes it."""

    name: str
    required: bool
    guesses: tuple[str, ...]
    shared: bool = False


TEXT = Field("text", True, ("text", "review", "content"))
LABEL = Field("label", False, ("label", "category"))
FIELDS = (TEXT, LABEL)
PAIR = (Field("source", True, ("source", "input")), Field("target", True, ("target", "output")))


def parsed(cell: object) -> str | None:
    """A label rule: names up to five characters."""
    if len(str(cell or "")) > 5:
        raise UserError("The label is too long.")
    return str(cell) if cell else None


def items(
    *rows: Mapping[str, object], told: Mapping[str, str] | None = None, split: str = ""
) -> list[NewItem | Rejected]:
    """The rows (line 2 on) as items."""
    raw = [RawRow(line=line, cells=dict(cells)) for line, cells in enumerate(rows, 2)]
    return list(mapping.to_items(raw, told or {"text": "text", "label": "label"}, FIELDS, parsed, split))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("category", "text"), {"text": "text", "label": "category"}),
        (("Category", "TEXT"), {"text": "TEXT", "label": "Category"}),
        (("review", "content", "Label "), {"text": "review", "label": "Label "}),
        (("review_text", "label_name", "id"), {"text": "review_text", "label": "label_name"}),
        (("reviewText", "the-label"), {"text": "reviewText", "label": "the-label"}),
        (("content", "context"), {"text": "content"}),
    ],
)
def test_columns_are_guessed_by_name(columns: tuple[str, ...], expected: dict[str, str]) -> None:
    assert mapping.guess(columns, [], FIELDS) == expected


def test_columns_are_guessed_by_content() -> None:
    sample: list[dict[str, object]] = [
        {"column 1": number, "column 2": f"A longer text, number {number}", "column 3": ("good", "bad")[number % 2]}
        for number in range(20)
    ]
    columns = ("column 1", "column 2", "column 3")
    assert mapping.guess(columns, sample, FIELDS) == {"text": "column 2", "label": "column 3"}
    assert mapping.guess(columns[:2], sample, FIELDS) == {"text": "column 2"}
    assert mapping.guess(columns, sample, PAIR) == {"source": "column 2", "target": "column 3"}
    assert mapping.guess((), [], FIELDS) == {}


def test_one_column_serves_one_field_only() -> None:
    assert mapping.guess(("text",), [{"text": "a"}] * 4, FIELDS) == {"text": "text"}


def test_a_column_of_splits_is_found_by_name_and_content() -> None:
    good: list[dict[str, object]] = [{"text": "a", "split": "train"}, {"text": "b", "split": "Test"}]
    odd: list[dict[str, object]] = [{"text": "a", "split": "peas"}]
    assert mapping.guess(("text", "split"), good, (TEXT,)) == {"text": "text", "split": "split"}
    assert mapping.guess(("text", "split"), odd, (TEXT,)) == {"text": "text"}


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"text": "body"},
            "The file has no column “body” for the text; its columns are “text”, “label”.",
        ),
        ({"label": "label"}, "Choose the column that holds the text; the file has “text”, “label”."),
        ({"text": "text", "note": "label"}, "There is no field “note” to fill; the fields are text, label."),
        (
            {"text": "text", "label": "text"},
            "The column “text” is chosen twice, for text and label; choose another for the text.",
        ),
    ],
)
def test_a_mapping_that_does_not_fit(told: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        mapping.checked(("text", "label"), told, FIELDS)
    assert caught.value.message == sentence


def test_a_mapping_that_fits() -> None:
    mapping.checked(("text", "label", "set"), {"text": "label", "label": "text", "split": "set"}, FIELDS)


def test_rows_become_items() -> None:
    told = items({"text": " one\r\ntwo ", "label": "a", "id": 7, "meta": {"x": [1]}, "none": None, "yes": True})
    assert told == [
        NewItem(
            content={"text": "one\ntwo"},
            extra={"id": "7", "meta": '{"x":[1]}', "none": "", "yes": "true"},
            label="a",
            split="",
            line=2,
        )
    ]


def test_rows_that_cannot_be_items_are_rejected_with_their_line() -> None:
    assert items({"text": "  ", "label": "a"}, {"label": "a"}, {"text": "x", "label": "far too long"}) == [
        Rejected(line=2, reason="the text is empty"),
        Rejected(line=3, reason="the text is empty"),
        Rejected(line=4, reason="The label is too long"),
    ]


def test_what_the_reader_rejected_stays_rejected() -> None:
    broken = Rejected(line=4, reason="it is broken")
    assert list(mapping.to_items([broken], {"text": "text"}, FIELDS, parsed)) == [broken]


def test_the_label_rule_sees_the_cell_as_it_is() -> None:
    seen: list[object] = []

    def noted(cell: object) -> Any | None:
        seen.append(cell)
        return None

    rows = [RawRow(line=1, cells={"text": "a", "label": cell}) for cell in (["x"], True, 3, None)]
    list(mapping.to_items(rows, {"text": "text", "label": "label"}, FIELDS, noted))
    assert seen == [["x"], True, 3, None]


def test_a_column_of_splits_is_followed() -> None:
    told = {"text": "text", "split": "set"}
    words = ["train", "Training", "dev", "valid", "VAL", "validation", "test", "", "other"]
    found = items(*({"text": "a", "set": word} for word in words), told=told)
    assert [one.split for one in found if isinstance(one, NewItem)] == [
        *["train"] * 2,
        *["validation"] * 4,
        "test",
        "",
    ]
    assert found[-1] == Rejected(line=10, reason="the split “other” is none of train, validation and test")
    assert all(one.extra == {} for one in found if isinstance(one, NewItem))


def test_a_told_split_goes_before_the_column() -> None:
    told = {"text": "text", "split": "set"}
    found = items({"text": "a", "set": "train"}, {"text": "b", "set": "other"}, told=told, split="test")
    assert [one.split for one in found if isinstance(one, NewItem)] == ["test", "test"]


@pytest.mark.parametrize(("column", "found"), [("split", True), ("Split", False), ("set", False), ("fold", False)])
def test_an_empty_column_is_that_of_the_splits_only_by_its_exact_name(column: str, found: bool) -> None:
    told = mapping.guess(("text", column), [{"text": "a", column: ""}, {"text": "b"}], FIELDS)
    assert told == {"text": "text", **({"split": column} if found else {})}
