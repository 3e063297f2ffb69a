"""What errors of others say in sentences of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_llm.errors import MOST_OF_A_LINE, first_line, from_os_error


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


@pytest.mark.parametrize(
    ("name", "reason"),
    [("a.csv", "it does not exist; check the path."), ("b/a.csv", "the folder “{}” does not exist; check the path.")],
)
def test_what_does_not_exist_is_named(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(FileNotFoundError) as raised:
        path.read_bytes()
    said = from_os_error(raised.value, "read", path).message
    assert said == f"Could not read “{path}”: {reason.format(path.parent)}"
