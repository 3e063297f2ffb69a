"""The commands of the model in the loop: suggest, mistakes, advise."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from desktop_llm import cli
from tests import projects, run_folders


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """104 labeled rows and twenty without a label."""
    waiting = [row["text"] + " please" for row in run_folders.rows(20, seed=9)]
    return projects.make(tmp_path / "Tickets", waiting=waiting)


def test_suggest_mistakes_advise(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures as JSON, doubts in a file, all kept in the project."""
    assert cli.main(["suggest", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["labels"] == 104
    assert told["suggestions"] == 20
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert cli.main(["mistakes", str(path), "--to", "~/doubts.csv"]) == 0
    assert "to look at again" in capsys.readouterr().out
    with (tmp_path / "doubts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["sure"]) for row in rows] == sorted(float(row["sure"]) for row in rows)
    assert cli.main(["advise", str(path), "--more", "50", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["more"] == 50
    assert 0 <= lines[0]["low"] <= lines[0]["then"] <= lines[0]["high"] <= 1
    assert {line["label"] for line in lines[1:]} == {row["label"] for row in run_folders.rows(80)}


@pytest.mark.parametrize(
    ("encoder", "said"), [("3", "no run 3"), ("nowhere", "not a model folder")], ids=["run", "folder"]
)
def test_an_encoder_that_is_not_there(path: Path, encoder: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and nothing is written."""
    assert cli.main(["suggest", str(path), "--encoder", encoder]) == 1
    assert said in capsys.readouterr().err


def test_too_few_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is said, with what to do."""
    assert cli.main(["new", str(tmp_path / "Empty"), "--task", run_folders.TASK]) == 0
    assert cli.main(["mistakes", str(tmp_path / "Empty")]) == 1
    assert "import some first" in capsys.readouterr().err


def test_doubts_of_a_run(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What its training never came to believe, in a file; a run that is not there is named."""
    assert cli.main(["mistakes", str(trained), "--run", "1", "--to", str(tmp_path / "doubts.csv"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["labels"] == 80
    with (tmp_path / "doubts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["queue"] == 50
    assert [float(row["sure"]) for row in rows] == sorted(float(row["sure"]) for row in rows)
    assert cli.main(["mistakes", str(trained), "--run", "7"]) == 1
    assert "no run 7" in capsys.readouterr().err


def test_a_run_as_the_encoder(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run has learned to see helps the loop."""
    assert cli.main(["suggest", str(trained), "--encoder", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["labels"] == 104
    assert list((trained / "embeddings").glob("*/vectors.f16"))
