"""What errors of others say in sentences of ours."""

from __future__ import annotations

import pytest

from desktop_llm.errors import MOST_OF_A_LINE, first_line


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("The file is cut off.", "The file is cut off"),
        ("\n  Shapes do not fit:\n[3, 4] and [5]\n", "Shapes do not fit:"),
        ("", "RuntimeError"),
        (" \n ", "RuntimeError"),
        ("a" * 1000, "a" * MOST_OF_A_LINE),
    ],
)
def test_of_an_error_its_first_line_is_told(said: str, line: str) -> None:
    assert first_line(RuntimeError(said)) == line
