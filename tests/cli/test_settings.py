"""Settings that cannot be, mean nothing, or follow others: told before a run is made of them."""

from __future__ import annotations

import platform
import shlex
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import possible, rerunning, training
from desktop_llm.verbs.advising import on_the_command_line, settings_of
from tests import projects, run_folders
from tests.cli.conftest import Command

CARD = pytest.mark.skipif(possible.has_cuda(), reason="there is an NVIDIA GPU here")
APPLE = pytest.mark.skipif(platform.system() == "Darwin", reason="there may be an Apple GPU here")
MODEL = "model=MODEL"


def _model(trained: Path) -> Path:
    return RunFolder(trained / "runs" / "0001").model


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("device=cuda", "There is no NVIDIA GPU that PyTorch can use here", marks=CARD),
        pytest.param("device=mps", "There is no Apple GPU here", marks=APPLE),
        pytest.param("fp16=true", "“fp16” needs an NVIDIA GPU", marks=CARD),
        ("device=cpu fp16=true", "“fp16” needs an NVIDIA GPU"),
        pytest.param(f"{MODEL} lora_r=4 load_in_4bit=true", "“load_in_4bit” needs an NVIDIA GPU", marks=CARD),
        (f"{MODEL} freeze_layers=3", "“freeze_layers” is 3, the model has only 2 layers."),
        (f"{MODEL} lora_r=4 lora_target_modules=q_proj", "no linear layer “q_proj”; “lora_target_modules” may name"),
        (f"{MODEL} hidden_size=64", "“hidden_size” is of models from scratch: the model folder has its own"),
        (f"{MODEL} vocab_size=500", "“vocab_size” is of models from scratch"),
        (f"{MODEL} lora_alpha=8", "“lora_alpha” needs a rank: set “lora_r”"),
        ("lora_alpha=8", "“lora_alpha” needs a model folder to start from"),
        ("metric_for_best_model=beauty", "no measure “beauty”"),
    ],
)
def test_what_cannot_be_is_told_before_a_run_is_made(
    command: Command, trained: Path, tmp_path: Path, given: str, told: str
) -> None:
    words = [part for one in given.split() for part in ("--set", one.replace("MODEL", str(_model(trained))))]
    runs = sorted((trained / "runs").iterdir())
    for more in ([], ["--estimate"]):
        said = command("train", trained, *words, *more)
        assert (said.code, told in said.err) == (2, True), said.err
    assert sorted((trained / "runs").iterdir()) == runs


@CARD
def test_what_this_computer_cannot_do_another_may(command: Command, trained: Path, tmp_path: Path) -> None:
    said = command("train", trained, *projects.settings(device="cuda", fp16=True), "--pack", tmp_path / "run.zip")
    assert said.code == 0
    assert (tmp_path / "run.zip").is_file()


def test_a_recipe_file_with_sizes_does_not_suit_a_model_folder(command: Command, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("hidden_size = 32\nlearning_rate = 1e-4\n", encoding="utf-8")
    said = command("train", trained, "--recipe", file, "--from", "1")
    assert said.code == 2
    assert "“hidden_size” is of models from scratch" in said.err


@pytest.mark.parametrize(("rates", "rate"), [([], 1e-3), (["--set", "learning_rate=3e-4"], 3e-4)])
def test_small_matrices_learn_faster_unless_a_rate_is_given(
    command: Command, trained: Path, rates: list[str], rate: float
) -> None:
    words = [part for one in ("lora_r=4", "max_steps=1", "device=cpu") for part in ("--set", one)]
    said = command("train", trained, "--from", "1", *words, *rates)
    assert said.code == 0
    assert RunFolder(trained / "runs" / "0002").job().recipe.learning_rate == rate


def test_with_json_a_program_hears_of_errors_too(command: Command, tmp_path: Path) -> None:
    path = projects.make(tmp_path / "Tickets")
    for words, code, told in (
        (("resume", path, 7), 1, "no run 7"),
        (("train", path, "--set", "seed"), 2, "--set takes KEY=VALUE"),
        (("evaluate", path, 1, "--split", "all"), 2, "invalid choice: 'all'"),
        (("trian", path), 2, "the nearest command is “train”"),
    ):
        said = command(*words, "--json")
        assert said.code == code
        (line,) = said.objects
        assert told in line["error"]
        assert line["exit"] == code
        assert said.err == line["error"] + "\n"
        assert command(*words).out == ""


@pytest.mark.parametrize(
    ("action", "value", "told"),
    [
        ("stop", {}, "Ctrl+C, then desktop-llm resume 'My tickets' 3 --stop"),
        ("restart", {"learning_rate": 0.001}, "desktop-llm train 'My tickets' --set learning_rate=0.001"),
        ("rows", {"label": "late parcel"}, "desktop-llm rows 'My tickets' --label 'late parcel'"),
        ("leakage", {}, "desktop-llm clean 'My tickets' --leaks"),
        ("", {}, ""),
    ],
)
def test_an_advice_comes_with_what_does_it(action: str, value: dict[str, object], told: str) -> None:
    said = on_the_command_line(action, value, "My tickets", 3)
    assert said.endswith(told)
    assert bool(said) == bool(told)


@pytest.mark.parametrize(
    "given",
    [
        {**run_folders.TINY, "intermediate_size": None, "seed": 7, "group_by_length": False, "eval_steps": 5},
        {"model": "MODEL", "lora_r": 4, "lora_target_modules": "Wqkv, Wo", "device": "cpu", "max_steps": 2},
        {"model": "MODEL", "hidden_size": 64, "lora_alpha": 8, "device": "cpu"},  # of sizes and ranks that mean nothing
    ],
)
def test_what_starts_a_run_again_has_all_of_its_recipe(
    command: Command, trained: Path, tmp_path: Path, given: dict[str, object]
) -> None:
    task, model = TASKS[run_folders.TASK], str(shutil.copytree(_model(trained), tmp_path / "my model"))
    given = {key: model if one == "MODEL" else one for key, one in given.items()}
    with closing(Project.open(trained)) as project:
        made = recipes.changed(task.folder_recipe if "model" in given else task.recipe, given)
        number, _ = training.prepare(project, made)
        value = settings_of(project, number, {"learning_rate": 2e-4})
    line = on_the_command_line("restart", value, str(trained), number)
    words = shlex.split(line.partition("desktop-llm ")[2])
    assert command(*words, "--pack", tmp_path / "run.zip").code == 0  # a run is made of it, and none trained
    with closing(Project.open(trained)) as project:
        expected, recipe = replace(made, learning_rate=2e-4), project.runs.get(number + 1).recipe
    if "lora_alpha" in given:
        expected = replace(expected, hidden_size=recipe.hidden_size, lora_alpha=recipe.lora_alpha)
    assert recipe == expected


def test_a_run_is_ended_where_it_stands_and_its_model_kept(command: Command, trained: Path, tmp_path: Path) -> None:
    refused = command("resume", trained, 1, "--set", "num_train_epochs=400", "--stop")
    assert refused.code == 2
    assert "leave out --set" in refused.err
    with closing(Project.open(trained)) as project:
        rerunning.prolong(project, 1, {"num_train_epochs": 400.0})
    before = command("predict", trained, 1, "soup")
    assert before.code == 0
    to = tmp_path / "handed on"
    for words in (("evaluate", trained, 1), ("export", trained, 1, "--to", to)):
        told = command(*words)
        assert told.code == 0
        assert "Run 1 goes on to be trained; until it ends, its model is that of step 30." in told.out
    assert "| `num_train_epochs` | 3.0 |" in (to / "README.md").read_text(encoding="utf-8")
    said = command("resume", trained, 1, "--stop", "--json")
    assert said.code == 0
    (end,) = [one for one in said.objects if one.get("kind") == "finished"]
    assert (end["reason"], end["step"]) == ("stopped", 31)
    assert command("predict", trained, 1, "soup").code == 0
    assert "goes on" not in command("evaluate", trained, 1).out
