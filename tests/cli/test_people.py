"""The commands for several people: bundle, join, agreement."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.store.project import Project
from tests.cli.conftest import Command


def _label(path: Path, who: str, value: int) -> None:
    project = Project.open(path)
    project.labels.answer(1, value, who)
    project.close()


def test_a_project_goes_to_a_colleague_and_comes_back(command: Command, project: Path, tmp_path: Path) -> None:
    there, file, back = tmp_path / "Ben's", tmp_path / "for Ben.dllm", tmp_path / "back.dllm"
    told = command("bundle", project, file, "--labeler", "Ann", "--json").objects
    assert told == [{"rows": 104, "entries": 0, "to": str(file)}]
    [joined] = command("join", there, file, "--json").objects
    assert (joined["rows"], joined["entries"], joined["disputed"]) == (104, 0, 0)
    with closing(Project.open(project)) as opened:
        opened.guidelines.write("Read to the end.", "Ann")
    command("bundle", project, file)
    assert "New versions of the guideline: 1." in command("join", there, file).out
    [joined] = command("join", there, file, "--json").objects
    assert (joined["entries"], joined["guidelines"]) == (0, 0)
    _label(project, "Ann", 1)
    _label(there, "Ben", 2)
    assert command("bundle", there, back).code == 0
    [joined] = command("join", project, back, "--json").objects
    assert (joined["rows"], joined["entries"], joined["disputed"]) == (0, 1, 1)
    told = command("agreement", project, "--twice", "0.1", "--json").objects
    assert (told[0]["rows"], told[0]["percent"]) == (1, 0.0)
    assert [one["labeler"] for one in told if "labeler" in one] == ["Ann", "Ben"]
    assert told[-1] == {"twice": 0.1}
    assert "Cohen's kappa" in command("agreement", project).out
    assert command("check", project).code == 0


@pytest.mark.parametrize("words", [("join", "rows.csv"), ("bundle", "rows.zip")])
def test_what_is_no_bundle_is_a_sentence(
    command: Command, project: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    (tmp_path / words[1]).write_text("text,label\nhello,yes\n", "utf-8")
    told = command(words[0], project, tmp_path / words[1])
    assert told.code == 1
    assert ".dllm" in told.err


def test_a_bundle_that_is_not_there_is_told_so(command: Command, project: Path, tmp_path: Path) -> None:
    told = command("join", project, tmp_path / "gone.dllm")
    assert (told.code, "it does not exist; check the path" in told.err) == (1, True)
    assert "gone.dllm" in told.err


def test_a_share_is_a_share(command: Command, project: Path) -> None:
    told = command("agreement", project, "--twice", "20")
    assert told.code == 1
    assert "between 0 and 1" in told.err
