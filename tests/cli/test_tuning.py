"""The command `tune`: what it refuses, what it lists, and a whole small search for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import projects
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--over learning_rate=1e-3..1e-5", "“learning_rate” needs a lower end below its upper one"),
        ("--over lr=1e-5..1e-3", "no setting “lr”; the nearest one is “learning_rate”"),
        ("--over lora_r=8,16", "“lora_r” needs a model folder to start from"),
        ("--over seed", "“seed” is the same in all runs of a search"),
        ("--trials 0", "Say how many trials to run, or for how many minutes"),
        ("--trials -3", "not -3"),
        ("--minutes nan", "not nan"),
        ("--trials many", "invalid int value: 'many'"),
        ("--pruner axe", "invalid choice: 'axe'"),
        ("--set learnig_rate=1", "no setting “learnig_rate”"),
        ("--resume 1 --over optim", "--resume goes on as it was"),
        ("--learning-rate --trials 3", "--learning-rate searches nothing"),
        ("--list --resume 1", "not allowed with argument"),
    ],
)
def test_a_wrong_word_is_a_usage_error_and_makes_nothing(
    command: Command, tmp_path: Path, words: str, told: str
) -> None:
    path = projects.make(tmp_path / "Tickets")
    said = command("tune", path, *words.split())
    assert said.code == 2
    assert told in said.err
    assert not (path / "searches").exists()


def test_what_is_not_there_fails(command: Command, tmp_path: Path) -> None:
    path = projects.make(tmp_path / "Tickets")
    said = command("tune", path, "--resume", 2)
    assert said.code == 1
    assert "no search 2; it has none yet" in said.err
    assert command("tune", path, "--list").out == "There is no search yet; desktop-llm tune begins one.\n"
    told = command("tune", path, "--ranges", "--json").objects
    assert next(one["key"] for one in told if one["first"]) == "learning_rate"


def test_a_search_is_told_to_programs(command: Command, trained: Path) -> None:
    short = projects.settings(num_train_epochs=1, eval_steps=5)
    said = command("tune", trained, "--trials", 2, "--over", "learning_rate", *short, "--json")
    assert said.code == 0
    begun, *_, over = said.objects
    assert begun == {"search": 1, "over": {"learning_rate": "0.0003..0.03:log"}}
    assert over["over"] == "All 2 trials are done."
    assert over["before"]["run"] == 2  # run 1 was there before
    assert over["before"]["before"] is True
    assert over["best"]["run"] in (2, 3)
    assert over["best"]["value"] >= over["before"]["value"]
    listed = command("tune", trained, "--list", "--json").objects
    assert [one["run"] for one in listed[0]["trials"]] == [2, 3]
    assert listed[0]["best"] == over["best"]["run"]
    assert "3  finished, from scratch · search 1, trial 2" in command("runs", trained).out
    moved = trained.rename(trained.with_name("My tickets"))
    lines = command("tune", moved, "--resume", 1).out.splitlines()
    assert lines[1] == "All 2 trials are done."
    assert lines[-1] == f"desktop-llm train '{moved}' --again {over['best']['run']} repeats the best one exactly."
