"""The board of a run: what it measures, keeps and advises, and that what it names can be exported."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.cli import main
from desktop_llm.engine import board as engine
from desktop_llm.errors import UserError
from desktop_llm.jobs import board as boards
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.board import Board, Point
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import compressing, headless, training
from desktop_llm.verbs.exporting import Wish, export
from tests import projects, run_folders

METRIC = TASKS[projects.TASK].metrics[0]


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """A project with a finished run."""
    project = Project.open(trained)
    yield project
    project.close()


@pytest.fixture
def ready(formed: Path) -> Iterator[Project]:
    """The same, with the smaller forms of the run."""
    project = Project.open(formed)
    yield project
    project.close()


def _taught(project: Project, **values: Any) -> int:
    told = {**run_folders.TINY, "num_hidden_layers": 1, "teacher": "1", "max_steps": 4, **values}
    number, _ = training.prepare(project, recipes.changed(TASKS[projects.TASK].recipe, told))
    assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    return number


def test_a_run_is_measured_with_its_forms_and_those_it_taught(ready: Project, tmp_path: Path) -> None:
    number = _taught(ready)
    _taught(ready, teacher="")  # has nothing to do with it
    board = compressing.measure(ready, 1, rows=12)
    assert [(one.run, one.format) for one in board.points] == [
        (run, name) for run in (1, number) for name in ("huggingface", "onnx", "onnx-int8", "onnx-int4")
    ]
    assert (board.rows, board.split, board.metric) == (12, "test", "accuracy")
    assert not board.left_out
    whole, exact = board.points[:2]
    assert whole.value == ready.runs.get(1).metrics["test"]["accuracy"]
    assert exact.value == whole.value
    assert whole.gap == exact.gap == 0.0
    assert all(one.latency > 0 and one.rate > 0 and one.size > 0 for one in board.points)
    weights = (ready.runs.folder(1).model / "model.safetensors").stat().st_size
    assert weights < whole.size < weights + 2_000_000
    assert board.points[4].parameters < whole.parameters
    assert str(compressing.kept(ready, 1)) == str(board)  # what nobody can tell is no number, and equals none
    told = compressing.conditions(board)
    assert "12 test rows" in told
    assert "thread" in told
    # what was made for it is made once
    made = sorted((ready.runs.folder(1).path / "forms").rglob("model.onnx"))
    assert len(made) == 3
    before = [one.stat().st_mtime_ns for one in made]
    compressing.measure(ready, 1, rows=4)
    assert [one.stat().st_mtime_ns for one in made] == before
    point = board.points[6]
    assert export(ready, point.run, Wish(format_name=point.format, to=tmp_path / "out", compared=4)).same == 4


def test_a_board_of_another_model_is_not_told(opened: Project) -> None:
    board = Board(
        run=1,
        weights="0" * 64,
        at="2026-01-01T00:00:00+00:00",
        machine="here",
        device="Processor",
        threads=1,
        rows=1,
        split="test",
        metric="accuracy",
        points=(),
    )
    folder = opened.runs.folder(1).path
    boards.write(folder, board)
    assert boards.read(folder) == board
    assert compressing.kept(opened, 1) is None
    (folder / boards.NAME).write_text("{", encoding="utf-8")
    assert boards.read(folder) is None


def _point(**values: Any) -> Point:
    told: dict[str, Any] = {
        "run": 1,
        "title": "Run 1",
        "format": "huggingface",
        "value": 0.9,
        "low": 0.88,
        "high": 0.92,
        "gap": 0.0,
        "gap_low": math.nan,
        "gap_high": math.nan,
        "latency": 0.01,
        "rate": 200.0,
        "size": 90_000_000,
        "parameters": 22_000_000,
    }
    return Point(**{**told, **values})


def test_the_quickest_that_loses_little_is_advised() -> None:
    whole = _point()
    gap = {"gap": -0.004, "gap_low": -0.011, "gap_high": 0.003}
    eight = _point(title="Run 1, ONNX, 8 bits", latency=0.004, size=23_000_000, **gap)
    bad = _point(title="Run 2", gap=-0.05, latency=0.001)
    slow = _point(title="Run 3", gap=0.02, latency=0.02)
    assert boards.advised([whole, eight, bad, slow], higher_is_better=True, most=0.01) == eight
    assert boards.advised([whole, bad, slow], higher_is_better=True, most=0.01) is None
    assert boards.advised([whole, replace(bad, gap=0.05)], higher_is_better=False, most=0.01) is None
    board = Board(
        run=1,
        weights="",
        at="2026-01-01T00:00:00+00:00",
        machine="here",
        device="Processor",
        threads=1,
        rows=1000,
        split="test",
        metric="accuracy",
        points=(whole, eight, bad, slow),
    )
    assert compressing.best(board, METRIC) == 1
    assert compressing.words(board, METRIC) == (
        "Run 1, ONNX, 8 bits answers 2.5 times as fast as Run 1, in 23.0 MB instead of 90.0 MB, with −0.4 points "
        "(−1.1 to +0.3) of accuracy."
    )
    alone = replace(board, points=(whole,))
    assert compressing.words(alone, METRIC).startswith("There is nothing smaller to compare with yet")
    assert compressing.words(replace(board, points=(whole, bad)), METRIC).endswith("keep it as it is.")


def test_forms_have_their_turns_one_after_the_other(opened: Project) -> None:
    rows = run_folders.rows(8)
    folders = [opened.runs.folder(1).model] * 2
    ticks = iter(range(10_000))
    told = engine.measure(folders, rows, ["food", "travel"], clock=lambda: float(next(ticks)))
    assert [one.latency for one in told.forms] == [1.0, 1.0]
    assert [one.rate for one in told.forms] == [8.0, 8.0]
    # two looks at the clock for each row alone and for all together
    assert next(ticks) == 2 * engine.ROUNDS * 2 * (8 + 1)


def test_without_held_out_rows_there_is_no_board(opened: Project) -> None:
    folder = opened.runs.folder(1).snapshot
    for split in ("test", "validation"):
        (folder / f"{split}.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="Run 1 has no held-out rows to measure on"):
        compressing.measure(opened, 1)


def test_the_commands_say_it(formed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(formed), "1", "--last"]) == 1
    assert "was not measured in its smaller forms yet" in capsys.readouterr().err
    assert main(["shrink", str(formed), "1", "--layers", "1", "--own-tokens", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["layers"] == [1]
    assert Path(made["folder"], "model.safetensors").is_file()
    place = formed.parent / "a smaller one"
    assert main(["shrink", str(formed), "1", "--layers", "1", "--to", str(place)]) == 0
    assert f"train it with --set model='{place}'\n" in capsys.readouterr().out
    assert main(["compress", str(formed), "1", "--rows", "4", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["format"] for one in told[:-1]] == ["huggingface", "onnx", "onnx-int8", "onnx-int4"]
    assert told[-1]["rows"] == 4
    assert told[-1]["verdict"]
    assert main(["compress", str(formed), "1", "--last"]) == 0
    assert "Run 1, ONNX, 8 bits: " in capsys.readouterr().out
    assert main(["shrink", str(formed), "1"]) == 1
