"""The commands that care for data: rows, clean, history."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.cli import main
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from tests.cli.conftest import Command

CSV = "text,label\nWhere  is  it?,delivery\nwhere is it?,delivery\n<b>Broken</b>,Damaged\nbroken too,damaged\n"


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A project with four rows."""
    file, folder = tmp_path / "rows.csv", str(tmp_path / "Tickets")
    file.write_text(CSV, "utf-8")
    assert main(["new", folder, "--task", "text_classification"]) == 0
    assert main(["import", folder, str(file)]) == 0
    capsys.readouterr()
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The JSON lines."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_rows_are_counted_and_written(project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rows", project, "--text", "BROKEN", "--json"]) == 0
    assert said(capsys) == [{"rows": 2}]
    to = tmp_path / "out.jsonl"
    assert main(["rows", project, "--label", "delivery", "--to", str(to)]) == 0
    assert len(to.read_text("utf-8").splitlines()) == 2
    assert main(["rows", project, "--label", "no such"]) == 2
    assert "its labels are" in capsys.readouterr().err


def test_steps_are_shown_then_applied_then_undone(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    steps = ["clean", project, "--steps", "html,exact_duplicates", "--json"]
    assert main(steps) == 0
    assert said(capsys)[-1] == {"seen": 4, "changed": 1, "dropped": 1}
    assert main([*steps, "--apply"]) == 0
    (done,) = said(capsys)
    assert done["changed"] == 2
    assert main(["history", project, "--json"]) == 0
    listed, binned = said(capsys)
    assert (listed["rows"], listed["undone"], binned) == (2, False, {"binned": 1})
    assert main(["history", project, "--undo", str(done["operation"]), "--json"]) == 0
    assert main(["rows", project, "--json"]) == 0
    assert said(capsys)[-1] == {"rows": 4}


def test_labels_are_merged(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", project, "--label-variants", "--apply", "--json"]) == 0
    assert said(capsys)[-1] == {"changed": 1}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["clean"], "Name steps"),
        (["clean", "--steps", "soap"], "There is no cleaning step “soap”"),
        (["clean", "--steps", "html", "--set", "length.least_words=3"], "is not among --steps"),
        (["history", "--undo", "77"], "There is no operation 77"),
    ],
)
def test_wrong_words_are_told(
    project: str, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main([words[0], project, *words[1:]]) == 2
    assert sentence in capsys.readouterr().err


def test_check_tells_of_spans_outside_of_their_texts(command: Command, tmp_path: Path) -> None:
    task = next(one for one in TASKS.values() if one.move_label is not None)
    path, file = tmp_path / "places", tmp_path / "places.jsonl"
    file.write_text('{"text": "Rome", "spans": [{"start": 0, "end": 4, "label": "LOC"}]}\n', encoding="utf-8")
    command("new", path, "--task", task.name)
    command("import", path, file)
    assert command("check", path).code == 0
    with closing(Project.open(path)) as project:
        project.labels.set(1, [[0, 9, 1]], "Ann")
    told = command("check", path)
    assert (told.code, "The spans of one row lie outside of the text (row 1)" in told.out) == (1, True)
    assert "label these rows anew" in told.err


def test_a_preview_shows_what_white_space_becomes(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", project, "--steps", "whitespace"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "“Where··is··it?” → “Where·is·it?”" in first


def test_a_preview_shows_the_place_that_differs(command: Command, tmp_path: Path) -> None:
    path, file = tmp_path / "Long", tmp_path / "long.csv"
    file.write_text(f"text,label\n{'a word ' * 40}<b>bold</b> and on,x\nzero\u200bwidth,y\n", encoding="utf-8")
    command("new", path, "--task", "text_classification")
    command("import", path, file)
    told = command("clean", path, "--steps", "html").out.splitlines()[0]
    assert "<b>bold</b> and on” → “…" in told
    assert "bold and on” (html)" in told
    assert "“zero<U+200B>width” → “zerowidth”" in command("clean", path, "--steps", "invisible").out


def test_finds_of_personal_data_are_shown_masked(command: Command, tmp_path: Path) -> None:
    path, file = tmp_path / "Mails", tmp_path / "mails.csv"
    rows = [f"write to bob{place}@example.com or ann@example.com please {place},x" for place in range(5)]
    file.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    command("new", path, "--task", "text_classification")
    command("import", path, file)
    told = command("personal", path, "--finds", "2")
    assert told.out.count("  row 1, text: write to [EMAIL] or [EMAIL] please 0") == 2
    assert "example.com" not in told.out
    [mails] = [one for one in command("personal", path, "--json").objects if one.get("kind") == "email"]
    assert (mails["open"], len(mails["examples"])) == (10, 3)
    assert "row 1" not in command("personal", path, "--finds", "0").out
    command("personal", path, "--mask")
    history = command("history", path).out
    assert "Personal data: e-mail addresses named by kind, [EMAIL]" in history
    assert "bank cards" not in history.casefold()


def test_rows_that_wait_for_others_are_counted(command: Command, project: str) -> None:
    with closing(Project.open(Path(project))) as opened:
        opened.people.set_share(1.0)
        opened.labels.set(1, 1, "Ann")
        opened.labels.set(2, 1, "Ann")
        opened.labels.answer(1, 2, "Ben")
    assert command("rows", project, "--show", "disputed", "--json").objects == [{"rows": 1}]
    assert command("rows", project, "--show", "second", "--labeler", "Ben", "--json").objects == [{"rows": 1}]
    assert command("rows", project, "--show", "second", "--labeler", "Ann", "--json").objects == [{"rows": 0}]
    assert command("rows", project, "--labeler", "Ann").code == 2


def test_a_home_folder_is_found_in_every_path(
    command: Command, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell leaves “--report=~/…” as it is, and some leave every “~”."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    paths = ("--report=~/report.json", "--rejected=~/not.csv")
    (tmp_path / "more.csv").write_text("text,label\nnew one,damaged\n,damaged\n", "utf-8")
    assert command("import", project, "~/more.csv", *paths).code == 0
    assert (tmp_path / "report.json").is_file()
    assert (tmp_path / "not.csv").is_file()
    (tmp_path / "labels.csv").write_text("text,label\nnew one,delivery\n", "utf-8")
    assert command("label", project, "--from=~/labels.csv").code == 0
    for verb in ("train", "tune"):
        assert str(tmp_path / "none.toml") in command(verb, project, "--recipe=~/none.toml").err


def test_a_folder_called_like_home_is_no_home(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    here = tmp_path / "here"
    (here / "~").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert command("new", "./~/made", "--task", "text_classification").code == 0
    assert (here / "~" / "made" / "project.db").is_file()
    assert command("rows", "./~/made").out == "0 rows.\n"
    assert not (tmp_path / "home").exists()
