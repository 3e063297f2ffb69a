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
