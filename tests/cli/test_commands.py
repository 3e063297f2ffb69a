"""Every command: what it does, what it prints in words and as JSON, and its exit code."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from desktop_llm.jobs.folder import RunFolder
from desktop_llm.store.project import Project
from tests import projects, run_folders
from tests.cli.conftest import Command


def _runs(path: Path) -> list[str]:
    return sorted(one.name for one in (path / "runs").iterdir())


def test_tasks_are_told_one_a_line_name_first(command: Command) -> None:
    from desktop_llm.tasks import TASKS

    words = command("tasks")
    assert [line.split()[0] for line in words.out.splitlines()] == list(TASKS)
    told = command("tasks", "--json").objects
    assert [one["name"] for one in told] == list(TASKS)
    assert all(one["fields"][0]["required"] for one in told)


def test_a_new_project_is_made_once(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "新 project"
    assert command("new", path, "--task", projects.TASK, "--json").objects == [
        {"project": str(path), "task": projects.TASK}
    ]
    assert projects.counts(path) == (0, 0)
    again = command("new", path, "--task", projects.TASK)
    assert again.code == 1
    assert "already" in again.err


def test_an_import_tells_what_it_took(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "Trips"
    command("new", path, "--task", projects.TASK)
    rows = run_folders.rows(20)
    file = projects.write_csv(tmp_path / "rows.csv", [*rows, rows[0]])
    told = command("import", path, file, "--json").objects
    assert len(told) == 1
    assert {**told[0], "seconds": 0, "at": ""} == {
        "source": "rows.csv",
        "imported": 20,
        "duplicates": 1,
        "labeled": 20,
        "conflicts": 0,
        "unknown": 0,
        "rejected": 0,
        "rejected_count": 0,
        "seconds": 0,
        "at": "",
        "unfit": 0,
        "repeats": 1,
        "merged": {},
        "archived": [],
        "encoding": "utf-8",
    }
    again = command("import", path, file).out
    assert "0 rows imported" in again
    assert "21 known already, 0 repeated in the file" in again
    assert projects.counts(path) == (20, 20)


def test_an_import_is_told_columns_form_and_split(command: Command, tmp_path: Path) -> None:
    path, file = tmp_path / "Trips", tmp_path / "rows.txt"
    command("new", path, "--task", projects.TASK)
    file.write_bytes("warm;Brötchen vom Bäcker\nkalt;Eis am Stiel\n".encode("cp1252"))
    form = ("--encoding", "cp1252", "--delimiter", ";", "--no-header")
    named = ("--map", "text=column 2", "--map", "label=column 1")
    assert command("import", path, file, *form, *named, "--split", "test").code == 0
    project = Project.open(path)
    try:
        rows = [project.items.get(place) for place in (1, 2)]
        assert [row.content["text"] for row in rows if row] == ["Brötchen vom Bäcker", "Eis am Stiel"]
        assert [row.split for row in rows if row] == ["test", "test"]
        assert [one.name for one in project.classes.all()] == ["warm", "kalt"]
    finally:
        project.close()


def test_labels_from_a_file_bring_no_texts(command: Command, tmp_path: Path) -> None:
    path, rows = tmp_path / "Trips", run_folders.rows(12)
    command("new", path, "--task", projects.TASK)
    bare = projects.write_csv(tmp_path / "texts.csv", rows, ("text",))
    assert "12 rows imported, 0 labels" in command("import", path, bare).out
    labeled = projects.write_csv(tmp_path / "labels.csv", [*rows[:5], {"text": "never seen", "label": "food"}])
    told = command("label", path, "--from", labeled, "--json").objects[0]
    assert (told["imported"], told["labeled"], told["unknown"]) == (0, 5, 1)
    assert projects.counts(path) == (12, 5)
    assert "1 texts are not in the project" in command("label", path, "--from", labeled).out
    refused = command("label", path, "--from", bare)
    assert refused.code == 1
    assert "column of “texts.csv” that holds the label" in refused.err


def test_training_follows_the_recipe_file_and_then_the_words(command: Command, project: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('learning_rate = 0.002\nlr_scheduler_type = "cosine"\nmax_steps = 9\n')
    said = command("train", project, *projects.settings(max_steps=4), "--recipe", recipe, "--json")
    assert said.code == 0
    kinds = [one.get("kind", "run") for one in said.objects]
    assert kinds[0] == "run"
    assert kinds[-1] == "finished"
    assert {"started", "step", "evaluated"} <= set(kinds)
    assert said.objects[-1]["step"] == 4
    used = RunFolder(project / "runs" / "0001").job().recipe
    assert (used.learning_rate, used.lr_scheduler_type, used.max_steps) == (3e-3, "cosine", 4)
    assert projects.counts(project) == (104, 104)
    told = command("runs", project, "--json").objects
    assert [(one["run"], one["state"], one["model"]) for one in told] == [(1, "finished", "from scratch")]
    assert set(told[0]["metrics"]) == {"validation", "test"}


def test_an_estimate_changes_nothing(command: Command, project: Path) -> None:
    before = set(Path(tempfile.gettempdir()).glob("desktop_llm-*"))
    told = command("train", project, *projects.settings(), "--estimate", "--json").objects
    assert len(told) == 1
    assert told[0]["total_steps"] == 30
    assert told[0]["splits"] == {"train": 80, "validation": 12, "test": 12}
    assert all(told[0][name] > 0 for name in ("seconds", "memory", "disk", "parameters"))
    assert "30 steps" in command("train", project, *projects.settings(), "--estimate").out
    assert _runs(project) == []
    assert command("runs", project, "--json").objects == []
    assert "no run yet" in command("runs", project).out
    assert set(Path(tempfile.gettempdir()).glob("desktop_llm-*")) == before


def test_a_finished_run_is_not_resumed(command: Command, trained: Path) -> None:
    said = command("resume", trained, 1)
    assert said.code == 1
    assert "has ended (finished); start a new one" in said.err


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_evaluate_ends_with_the_figures(command: Command, trained: Path, split: str) -> None:
    told = command("evaluate", trained, 1, "--split", split, "--json").objects[-1]
    assert (told["run"], told["split"]) == (1, split)
    assert set(told["metrics"]) == {"accuracy", "macro_precision", "macro_recall", "macro_f1", "loss"}
    assert f"accuracy {told['metrics']['accuracy']:.4f}" in command("evaluate", trained, 1, "--split", split).out


def test_a_run_and_its_export_answer_the_same(command: Command, trained: Path, tmp_path: Path) -> None:
    to = tmp_path / "handed on"
    said = command("export", trained, 1, "--format", "huggingface", "--to", to, "--json")
    assert said.code == 0
    assert said.objects[0]["difference"] <= 1e-5
    names = {one.name for one in to.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md", "MANIFEST.json"} <= names
    file = projects.write_csv(tmp_path / "questions.csv", run_folders.rows(10, seed=5))
    asked = command("predict", trained, 1, file, "--json").objects
    assert asked == command("predict", to, file, "--json").objects
    assert len(asked) == 10
    assert set(asked[0]) == {"text", "label", "probability", "uncertainty", "top"}
    words = command("predict", trained, 1, "soup and bread").out
    assert words == command("predict", to, "soup and bread").out
    label, probability, text = words.rstrip("\n").split("\t")
    assert label in ("food", "travel")
    assert 0.5 <= float(probability) <= 1.0
    assert text == "soup and bread"


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_whoever_may_read_new_files_may_read_an_export(command: Command, trained: Path, tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    command("export", trained, 1, "--to", tmp_path / "handed on")
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "handed on").iterdir()}
    assert set(modes.values()) == {stat.S_IMODE(usual.stat().st_mode)}, modes


def test_check_finds_a_changed_byte(command: Command, trained: Path) -> None:
    whole = command("check", trained, "--json")
    assert (whole.code, whole.objects) == (0, [{"problems": 0}])
    assert command("check", trained).out == "Everything is whole.\n"
    with (trained / "runs" / "0001" / "model" / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    damaged = command("check", trained, "--json")
    assert damaged.code == 1
    assert "One thing is not whole" in damaged.err
    assert "Run 1, model: model.safetensors does not match its checksum" in damaged.objects[0]["problem"]
    assert damaged.objects[-2] == {"problems": 1}
    assert damaged.objects[-1]["exit"] == 1


def test_the_nearest_training_rows_are_told(command: Command, trained: Path) -> None:
    told = command("predict", trained, 1, "bread and soup", "--nearest", 3, "--json").objects
    assert [one["label"] for one in told] == ["food"] * 3
    assert told[0]["similarity"] >= told[1]["similarity"] >= told[2]["similarity"]
    lines = command("predict", trained, 1, "bread and soup", "--nearest", 2).out.splitlines()
    assert [line.split("\t")[1] for line in lines] == ["food", "food"]
    assert command("predict", trained, 1, "soup", "--nearest", 0).code == 2


def test_a_model_says_why(command: Command, trained: Path) -> None:
    told = command("predict", trained, 1, "soup and a ticket", "--explain", "--label", "travel", "--json").objects[0]
    assert told["label"] == "travel"
    assert told["complete"] is True
    assert [one["text"] for one in told["words"]] == ["soup", "and", "a", "ticket"]
    total = sum(one["adds"] for one in told["words"]) + told["rest"]
    assert total == pytest.approx(told["chance"] - told["empty"], abs=told["tolerance"])
    words = command("predict", trained, 1, "soup", "--explain").out.splitlines()
    assert words[0].startswith("food\t")
    assert words[2].endswith("  soup")
    assert words[-1].startswith("All words together add")
    assert command("predict", trained, 1, "soup", "--label", "food").code == 2
    unknown = command("predict", trained, 1, "soup", "--explain", "--label", "drinks")
    assert unknown.code == 1
    assert "no label “drinks”" in unknown.err
