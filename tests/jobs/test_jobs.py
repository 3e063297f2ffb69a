"""What passes between window and engine: recipes, events, snapshots, and files that appear whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import events, job, recipe, recipe_file, snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import KINDS, Finished, StepDone
from desktop_llm.jobs.folder import EventLog, RunFolder
from desktop_llm.jobs.recipe import Recipe


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("learning_rate", "3e-4", 3e-4),
        ("num_train_epochs", "3", 3.0),
        ("bf16", "auto", None),
        ("bf16", "false", False),
        ("seed", " 7 ", 7),
        ("model", "scratch", "scratch"),
        ("intermediate_size", "none", None),
    ],
)
def test_values_are_read_by_their_type(key: str, text: str, value: object) -> None:
    assert recipe.parse_value(key, text) == value


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("learning_rat", "1", "nearest one is “learning_rate”"),
        ("epochs", "1", "“num_train_epochs”"),
        ("seed", "1.5", "takes a whole number"),
        ("fp16", "perhaps", "takes true or false"),
        ("learning_rate", "fast", "takes a number"),
    ],
)
def test_wrong_words_get_a_sentence(key: str, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        recipe.parse_value(key, text)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hidden_size": 100, "num_attention_heads": 3}, "divisible"),
        ({"learning_rate": -1.0}, "at least"),
        ({"warmup_ratio": 1.5}, "at most"),
        ({"lr_scheduler_type": "zigzag"}, "one of linear, cosine, constant"),
        ({"bf16": True, "fp16": True}, "exclude"),
        ({"max_steps": 0}, "not 0"),
        ({"learning_rate": math.nan}, "at least"),
        ({"seed": "7"}, "takes a whole number"),
    ],
)
def test_recipes_that_cannot_be_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        recipe.changed(Recipe(), values)


def test_a_recipe_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('learning_rate = 1e-3\nlr_scheduler_type = "cosine"\n')
    told = recipe_file.from_toml(Recipe(), file)
    assert (told.learning_rate, told.lr_scheduler_type) == (1e-3, "cosine")
    file.write_text("learning_rate = ")
    with pytest.raises(UserError, match="not valid TOML"):
        recipe_file.from_toml(Recipe(), file)


def test_events_travel_as_lines() -> None:
    step = StepDone(
        at=1.5,
        step=3,
        epoch=0.5,
        loss=math.nan,
        learning_rate=1e-3,
        grad_norm=2.0,
        tokens_per_second=10.0,
        memory=5,
        seconds=0.1,
    )
    line = events.to_line(step)
    assert "NaN" not in line
    back = events.from_line(line)
    assert isinstance(back, StepDone)
    assert math.isnan(back.loss)
    assert back.step == 3
    assert set(KINDS) >= {"step", "evaluated", "finished", "failed"}


@pytest.mark.parametrize(
    "line", ["", "{", '{"kind":"step","st', '{"kind":"of tomorrow"}', "[1]", '"step"', "null", "[" * 100_000]
)
def test_torn_and_foreign_lines_are_passed_over(line: str) -> None:
    assert events.from_line(line) is None


@pytest.mark.parametrize(
    "told",
    ["", "[" * 100_000, "[]", '{"format": 1, "number": 1, "project": "", "task": "", "created": "", "recipe": [1]}'],
)
def test_a_job_that_is_none_gets_a_sentence(told: str, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(told)
    with pytest.raises(UserError, match="job"):
        job.read(path)


@pytest.mark.parametrize("part", ["recipe", "schema", "snapshot", "versions", "history", "again"])
def test_a_part_of_a_job_that_is_none_gets_a_sentence(part: str, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    made = job.Job(number=1, project="", task="", recipe=Recipe(), schema={}, snapshot={}, created="")
    told = job.to_json(made)
    path.write_text(json.dumps(told))
    assert job.read(path) == made
    path.write_text(json.dumps(told | {part: [1]}))
    with pytest.raises(UserError, match="is damaged"):
        job.read(path)


def test_a_torn_last_line_is_mended(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    end = Finished(at=0.0, step=1, reason="completed", seconds=1.0)
    folder.events_file.write_text(events.to_line(end) + '\n{"kind":"step","st')
    log = EventLog(folder)
    log.append(end)
    log.close()
    assert list(folder.read_events()) == [end, end]


def test_a_snapshot_knows_when_it_was_changed(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "Grüße 🙂", "label": "a"}]
    told = snapshot.write(tmp_path / "snapshot", {"train": rows, "test": rows})
    assert (told["train"], told["validation"], told["test"]) == (1, 0, 1)
    assert list(snapshot.rows(tmp_path / "snapshot", "train")) == rows
    assert snapshot.verify(tmp_path / "snapshot") == ""
    (tmp_path / "snapshot" / "test.jsonl").write_text(json.dumps({"id": 2}) + "\n")
    assert "changed" in snapshot.verify(tmp_path / "snapshot")


def test_folders_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with atomic.new_folder(target) as filling:
        (filling / "weights").write_bytes(b"one")
    assert atomic.damage(target) == ""
    with pytest.raises(FileNotFoundError):
        _fail_half_way(target)
    assert (target / "weights").read_bytes() == b"one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
    (target / "weights").write_bytes(b"onf")
    assert "checksum" in atomic.damage(target)
    (target / "weights").unlink()
    assert "missing" in atomic.damage(target)


def _fail_half_way(target: Path) -> None:
    with atomic.new_folder(target) as filling:
        (filling / "weights").write_bytes(b"two")
        (filling / "nowhere" / "more").write_bytes(b"three")


def test_a_folder_caught_between_two_renames_comes_back(tmp_path: Path) -> None:
    with atomic.new_folder(tmp_path / "best") as filling:
        (filling / "weights").write_bytes(b"one")
    (tmp_path / "best").rename(tmp_path / ".best.old")
    (tmp_path / ".best.1234.part").mkdir()
    atomic.recover(tmp_path / "best")
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_stop_and_leave_are_final() -> None:
    control = Control()
    control.pause()
    assert control.wait_while_paused(0.01) == "pause"
    control.obey("continue")
    control.obey("dance")
    assert str(control.wish) == "run"
    control.leave()
    control.stop()
    assert str(control.wish) == "leave"


def test_any_page_of_a_snapshot_is_read_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot"
    rows = [{"id": number, "text": "é" * number} for number in range(1, 12)]
    snapshot.write(folder, {"train": rows[:4], "test": rows[4:]})
    pages = snapshot.look_through(folder, 3)
    assert pages.damage == ""
    found = [snapshot.page(folder, pages, number) for number in range(len(pages.starts))]
    assert [len(page) for page in found] == [3, 3, 3, 2]
    assert [row for page in found for _, row in page] == rows
    assert [split for page in found for split, _ in page] == ["train"] * 4 + ["test"] * 7
    with pytest.raises(Cancelled):
        snapshot.look_through(folder, 3, should_stop=lambda: True)
    (folder / "test.jsonl").unlink()
    with pytest.raises(UserError, match="changed or is gone"):
        snapshot.page(folder, pages, 1)
    assert snapshot.look_through(folder, 3).damage != ""
