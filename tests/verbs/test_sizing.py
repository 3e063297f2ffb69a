"""The size that suits the data, with the numbers it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import sizing
from tests import projects

TASK = TASKS[projects.TASK]


def test_more_text_suits_a_larger_preset() -> None:
    def preset(texts: int) -> str:
        return sizing.from_scratch(TASK, Recipe(), texts, 15.0)

    assert "“Tiny”" in preset(200)
    assert "“Small”" in preset(8_000)
    assert "“Medium”" in preset(200_000)
    assert "120 thousand tokens" in preset(8_000)
    assert "rule of thumb" in preset(8_000)


def test_a_task_may_want_many_tokens_a_parameter_and_say_who_says_so() -> None:
    task = replace(TASK, tokens_a_parameter=20.0, sizing_source="Hoffmann et al. 2022")
    told = sizing.from_scratch(task, Recipe(), 1_000_000, 100.0)
    assert "100 million tokens suit 5.0 million parameters (20 tokens each, Hoffmann et al. 2022): take “Small”" in told


def test_a_folder_is_counted_by_the_heads_of_its_files(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(100, 30), "b": torch.zeros(7)}, tmp_path / "model.safetensors")
    assert sizing.weights(tmp_path) == 3007
    assert "3.0 thousand parameters" in sizing.from_folder(tmp_path, 100, 4)
    assert "25 texts a label." in sizing.from_folder(tmp_path, 100, 4)
    assert "few" in sizing.from_folder(tmp_path, 10, 4)
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    assert sizing.from_folder(tmp_path, 100, 4) == ""


def test_tokens_are_guessed_from_words_until_a_run_has_a_tokenizer(tmp_path: Path, trained: Path) -> None:
    project = Project.open(projects.make(tmp_path / "New"))
    try:
        guessed = sizing.tokens_a_text(project)
    finally:
        project.close()
    assert 5 < guessed < 20
    project = Project.open(trained)
    try:
        assert sizing.tokens_a_text(project) != guessed
        assert sizing.advise(project, TASK.recipe, 80, 2).startswith("About ")
    finally:
        project.close()
