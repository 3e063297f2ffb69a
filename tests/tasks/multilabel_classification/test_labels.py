"""What a label of several classes is: read, named, stored."""

from __future__ import annotations

import pytest

from desktop_llm.errors import UserError
from desktop_llm.tasks.multilabel_classification.labels import NONE, RULES


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        (["b", " a ", "b", ""], ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("['it''s', 'b']", ["b", "its"]),
        ("[]", []),
        ([], []),
        ("a; b", ["a; b"]),
        ("[a", ["[a"]),
        (3, ["3"]),
        ([1, True], ["1", "true"]),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_cells(cell: object, named: object) -> None:
    assert RULES.parse(cell) == named


def test_what_is_no_list_of_names_is_refused() -> None:
    with pytest.raises(UserError, match="not a list of names"):
        RULES.parse([{"start": 1}])
    with pytest.raises(UserError, match="201 characters"):
        RULES.parse(["x" * 201])


def test_equal_labels_are_stored_alike() -> None:
    numbers = {"a": 7, "b": 2, "c": 9}
    assert RULES.to_value(["a", "b", "a"], numbers) == RULES.to_value(["b", "a"], numbers) == [2, 7]
    assert RULES.to_named([2, 7], {7: "a", 2: "b"}) == ["a", "b"]
    assert RULES.text([2, 7], {7: "a"}) == "?, a"
    assert RULES.text([], {}) == NONE
    with pytest.raises(UserError, match="“d”"):
        RULES.to_value(["d"], numbers)
    with pytest.raises(UserError, match="number 5"):
        RULES.to_named([5], {})


def test_two_classes_that_become_one_stand_there_once() -> None:
    assert RULES.renamed(["a", "A", "b"], {"A": "a"}) == ["a", "b"]


@pytest.mark.parametrize(
    ("counts", "words"), [({}, "No text has a label"), ({"a": 9}, "nothing else"), ({"a": 1, "b": 1}, "one text only")]
)
def test_too_little_to_train_on(counts: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        RULES.trainable(counts)
    RULES.trainable({"a": 2, NONE: 1})
