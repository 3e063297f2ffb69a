"""Runs once more from the command line: for longer, repeated exactly, from another's model, and what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.store.project import Project
from tests import projects
from tests.cli.conftest import Command


def _weights(path: Path, number: int) -> str:
    return atomic.sha256(RunFolder(path / "runs" / f"{number:04d}").model / "model.safetensors")


def test_a_finished_run_goes_on_for_longer(command: Command, trained: Path) -> None:
    refused = command("resume", trained, "1")
    assert refused.code == 1
    assert "has ended" in refused.err
    for words, code, told in (
        ("num_train_epochs=2", 1, "stands at step 30 and would end at step 20"),
        ("learning_rate=0.1", 2, "cannot change within a run"),
        ("num_train_epochs=-1", 2, "is at least 0.01"),
        ("num_train_epoch=4", 2, "nearest one is “num_train_epochs”"),
    ):
        refused = command("resume", trained, "1", "--set", words)
        assert (refused.code, told in refused.err) == (code, True), refused.err
    told_all = command("resume", trained, "1", "--set", "num_train_epochs=5", "--json").objects
    assert told_all[0] == {"run": 1, "step": 30, "before": 30, "after": 50}
    assert [one["step"] for one in told_all if one.get("kind") == "finished"] == [50]
    assert any("follows the new plan" in one["message"] for one in told_all if one.get("kind") == "noted")
    project = Project.open(trained)
    try:
        run = project.runs.get(1)
        assert (run.state, run.step, run.recipe.num_train_epochs) == ("finished", 50, 5.0)
        (change,) = project.runs.folder(1).job().history
        assert (change["step"], change["recipe"]) == (30, {"num_train_epochs": [3.0, 5.0]})
        assert max(step for step, _ in project.runs.metrics(1)["loss"]) == 50
        assert project.check() == []
    finally:
        project.close()


def test_a_run_is_repeated_to_the_last_bit_also_where_the_project_was_moved_and_its_labels_changed(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    moved = Path(shutil.move(trained, tmp_path / "moved and renamed"))
    file = projects.write_csv(tmp_path / "more.csv", [{"text": "one more about soup", "label": "food"}])
    assert command("import", moved, file).code == 0
    job = moved / "runs" / "0001" / "job.json"
    told = json.loads(job.read_text())
    told["versions"]["torch"] = "1.0"
    job.write_text(json.dumps(told))
    said = command("train", moved, "--again", "1")
    assert said.code == 0
    assert "Run 2 repeats run 1" in said.out
    assert "it was 1.0" in said.out
    assert "The weights are those of run 1, the same to the last bit." in said.out
    assert _weights(moved, 1) == _weights(moved, 2)
    assert "leave out --set" in command("train", moved, "--again", "1", "--set", "seed=1").err
    differs = command("runs", moved, "--diff", "1", "2", "--json").objects[0]
    assert differs["runs"] == [1, 2]
    assert "recipe" not in differs
    assert list(differs["program"]) == ["torch"]
    same = [name for name in ("weights", "steps", "state") if len(set(differs["result"][name])) == 1]
    assert same == ["weights", "steps", "state"]


def test_a_run_starts_from_the_model_of_another_and_what_differs_is_told(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    rows = [{"text": f"a ball and a goal, game {place}", "label": "sport"} for place in range(12)]
    assert command("import", trained, projects.write_csv(tmp_path / "more.csv", rows), "--split", "train").code == 0
    settings = projects.settings(model="scratch", max_steps=6, seed=3)
    said = command("train", trained, "--from", "1", *settings)
    assert said.code == 0
    assert "2  finished, run 1" in command("runs", trained).out
    config = json.loads((trained / "runs" / "0002" / "model" / "config.json").read_text())
    assert sorted(config["label2id"]) == ["food", "sport", "travel"]
    assert "no run 9" in command("train", trained, "--from", "9", *settings).err
    told = command("runs", trained, "--diff", "1", "2").out
    for words in (
        "Recipe",
        "seed: 42 | 3",
        "Data",
        "rows only in it: 0 | 12",
        "train rows: 80 | 92",
        "Result",
        "sport",
    ):
        assert words in told
    assert "no run 7" in command("runs", trained, "--diff", "1", "7").err


@pytest.mark.parametrize(
    "name",
    [
        "model/model.safetensors",
        "model/config.json",
        "checkpoints/*/model.safetensors",
        "checkpoints/*/optimizer.safetensors",
        "checkpoints/*/random.safetensors",
        "checkpoints/*/state.json",
        "checkpoints/*/MANIFEST.json",
        "snapshot/train.jsonl",
        "job.json",
    ],
)
def test_check_names_a_run_with_a_flipped_bit(command: Command, trained: Path, name: str) -> None:
    assert command("check", trained).code == 0
    (file,) = (trained / "runs" / "0001").glob(name)
    content = bytearray(file.read_bytes())
    content[0] ^= 4
    file.write_bytes(bytes(content))
    said = command("check", trained)
    assert said.code == 1
    assert "Run 1" in said.out + said.err


def test_a_damaged_model_answers_nothing_and_is_no_start(command: Command, trained: Path) -> None:
    file = trained / "runs" / "0001" / "model" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(bytes(content))
    for words in (
        ("predict", trained, "1", "soup"),
        ("train", trained, "--from", "1", *projects.settings(model="scratch")),
    ):
        said = command(*words)
        assert said.code == 1
        assert "damaged" in said.err


def test_a_run_is_deleted_once_that_is_meant(command: Command, trained: Path) -> None:
    told = command("runs", trained, "--delete", "1")
    assert told.code == 0
    assert "would go for good" in told.out
    assert "1  finished" in command("runs", trained).out
    assert command("runs", trained, "--yes").code == 2
    (gone,) = command("runs", trained, "--delete", "1", "--yes", "--json").objects
    assert (gone["run"], gone["deleted"], gone["starts"]) == (1, True, [])
    assert "no run yet" in command("runs", trained).out
    assert list((trained / "runs").iterdir()) == []
    assert command("runs", trained, "--delete", "1", "--yes").code == 1
