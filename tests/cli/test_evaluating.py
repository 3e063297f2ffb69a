"""What runs are worth, asked from the command line: on a split, a kept filter, a file, and against each other."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from tests import projects
from tests.cli.conftest import Command


def test_a_run_is_measured_on_filters_and_files(trained: Path, tmp_path: Path, command: Command) -> None:
    project = Project.open(trained)
    project.filters.put("short ones", Filter(max_length=40))
    project.close()
    told = command("evaluate", trained, 1, "--on", "short ones", "--json").objects[-1]
    low, high = told["intervals"]["accuracy"]
    assert low <= told["metrics"]["accuracy"] <= high
    assert 0 < told["learned"] < told["rows"]
    file = projects.write_csv(tmp_path / "new.csv", [{"text": "soup", "label": "food"}, {"text": "x", "label": "y"}])
    said = command("evaluate", trained, 1, "--on", file).out
    assert "1 texts without a label that the run has learned" in said
    assert "accuracy" in said
    wrong = command("evaluate", trained, 1, "--on", "nothing of this name")
    assert (wrong.code, wrong.out) == (1, "")
    assert "“short ones”" in wrong.err


def test_runs_are_compared_from_the_command_line(trained: Path, command: Command) -> None:
    projects.train(trained)
    told = command("compare", trained, 1, 2, "--json").objects[-1]
    assert (told["runs"], told["rows"], told["distinguishable"]) == ([1, 2], 12, False)
    assert told["differences"]["accuracy"] == 0.0
    assert "cannot be told apart" in command("compare", trained, 1, 2).out
    assert command("compare", trained, 1).code == 2
    assert command("compare", trained, 1, 2, "--on", "elsewhere").code == 1


def test_slices_that_cannot_be_judged_are_told(trained: Path, command: Command) -> None:
    projects.train(trained)
    assert command("slices", trained, 1, "--by", "label", "--floor", "80").code == 2
    assert command("slices", trained, 1, "--by", "label", "--against", 9).code == 1
    said = command("slices", trained, 1, "--by", "label", "--against", 2, "--floor", "0.1").out
    assert "no worst slice that could be compared with run 2" in said
    assert "The floor is broken: by label no slice has 10 rows" in said


def test_a_limit_for_each_slice(trained: Path, tmp_path: Path, command: Command) -> None:
    rows = [
        {"text": f"{('soups', 'train')[place % 2]} {place:02}{more}", "label": ("food", "travel")[place % 2]}
        for place, more in enumerate(["", " today", " today", ""] * 16)
    ]
    file = projects.write_csv(tmp_path / "new.csv", rows)
    command("evaluate", trained, 1, "--on", file)
    told = command("slices", trained, 1, "--on", file, "--by", "length", "--limits", "food", "--json").objects[-1]
    assert (told["label"], told["by"], told["helps"]) == ("food", "length", False)
    there = {one["name"]: one["rows"] for one in told["slices"]}
    assert there == {"up to 8 characters": 16, "12 to 14 characters": 16}
    assert all(0.0 < one["limit"] < 1.0 for one in told["slices"])
    said = command("slices", trained, 1, "--on", file, "--by", "length", "--limits")
    for words in ("The slices find ", "   12 to 14 characters: limit 0.", "Each limit is to find "):
        assert words in said.out


def test_limits_that_cannot_be_chosen_are_told(trained: Path, command: Command, tmp_path: Path) -> None:
    said = command("slices", trained, 1, "--limits")
    assert "By length no label has 10 rows or more in two slices; there is nothing to level." in said.out
    assert command("slices", trained, 1, "--by", "label", "--limits").code == 2
    missing = command("slices", trained, 1, "--by", "length", "--limits", "soup")
    assert (missing.code, "Run 1 knows no label “soup”" in missing.err) == (1, True)
    asked = command("slices", trained, 1, "--by", "length", "--limits", "food", "--to", tmp_path / "report.md")
    assert "By length" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert (asked.code, "was not asked for the chance of every label" in asked.err) == (1, True)
