"""A smaller start for a run: made of a run or a folder, trained with the run as its teacher, handed on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.server import Server
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import deleting, evaluating, exporting, headless, packing, shrinking, training
from desktop_llm.verbs.card import Papers
from desktop_llm.verbs.shrinking import Smaller
from tests import projects, run_folders
from tests.nets import templates

TAUGHT = {key: value for key, value in run_folders.TINY.items() if key not in run_folders.SIZES}


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """A project with a finished run."""
    project = Project.open(trained)
    yield project
    project.close()


def test_a_smaller_model_of_a_run_learns_from_it(opened: Project) -> None:
    told = shrinking.shrink(opened, Smaller(source="1", layers=1, tokens=True))
    assert told.folder == opened.path / "starts" / "run1-1-layers-own-tokens"
    assert (told.layers, told.layers_before) == ((0,), 2)
    assert told.tokens <= told.tokens_before  # the tokens of a run from scratch are made of its own texts
    assert told.parameters < told.parameters_before
    whole = AutoTokenizer.from_pretrained(opened.runs.folder(1).model)
    fewer = AutoTokenizer.from_pretrained(told.folder)
    for row in run_folders.rows(80):  # what it learns from
        words = [one.convert_ids_to_tokens(one(row["text"])["input_ids"]) for one in (whole, fewer)]
        assert words[0] == words[1]
    values = {**TAUGHT, "model": str(told.folder), "teacher": "1", "num_train_epochs": 8.0}
    recipe = recipes.changed(TASKS[projects.TASK].folder_recipe, values)
    number, folder = training.prepare(opened, recipe)
    job = folder.job()
    assert job.recipe.teacher == str(opened.runs.folder(1).model.resolve())
    assert len(job.teacher) == 64
    assert opened.runs.get(number).model_title == "run1-1-layers-own-tokens, taught by run 1"
    assert headless.train(opened, number, lambda told, words: None, lambda leave: None) == 0
    metrics = evaluating.evaluate(opened, number).scores.metrics
    assert metrics["accuracy"] >= 0.75
    assert AutoModelForSequenceClassification.from_pretrained(folder.model).config.num_hidden_layers == 1


def test_layers_that_are_missed_least_go_first(opened: Project) -> None:
    told = shrinking.shrink(opened, Smaller(source="1", layers=1, measured=True))
    assert told.layers == (0,)
    assert len(told.losses) == 2
    assert told.tokens == told.tokens_before


def test_without_unused_tokens_a_run_answers_as_before(opened: Project, tmp_path: Path) -> None:
    told = shrinking.shrink(opened, Smaller(source="1", tokens=True, to=tmp_path / "fewer"))
    rows = run_folders.rows(80)
    before = Predictor(opened.runs.folder(1).model).outputs(rows)
    assert (Predictor(told.folder).outputs(rows) - before).abs().max() < 1e-5  # type: ignore[operator]
    assert "of 2 layers" in shrinking.words(told)


def test_a_folder_that_no_task_has_a_head_for_can_be_made_smaller(opened: Project, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(opened.runs.folder(1).model, plain)
    (plain / "desktop_llm.json").unlink()
    (plain / "MANIFEST.json").unlink()
    told = shrinking.shrink(opened, Smaller(source=str(plain), layers=1, tokens=True))
    assert told.folder.name == "plain-1-layers-own-tokens"
    again = shrinking.shrink(opened, Smaller(source=str(plain), layers=1, tokens=True))
    assert again.folder.name == "plain-1-layers-own-tokens-2"
    with pytest.raises(UserError, match="Only a model that was trained for this task can be measured"):
        shrinking.shrink(opened, Smaller(source=str(plain), layers=1, measured=True))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Smaller(source="1"), "Say what is to be left out"),
        (Smaller(source="1", layers=3), "The model has 2 layers; keep 1 to 2 of them, not 3."),
        (Smaller(source="7", layers=1), "no run 7"),
        (Smaller(source="nowhere", layers=1), "nowhere"),
    ],
)
def test_what_cannot_be_is_told(opened: Project, wish: Smaller, words: str) -> None:
    with pytest.raises(UserError, match=words):
        shrinking.shrink(opened, wish)
    assert not list((opened.path / "starts").glob("*"))


def test_a_teacher_that_cannot_teach_is_refused_before_there_is_a_run(opened: Project, tmp_path: Path) -> None:
    base = recipes.changed(TASKS[projects.TASK].recipe, run_folders.TINY)
    for teacher in ("9", str(tmp_path / "nowhere")):
        with pytest.raises(UserError):
            training.prepare(opened, recipes.changed(base, {"teacher": teacher}))
    assert [run.number for run in opened.runs.all()] == [1]


def test_a_head_cannot_teach_a_model_that_is_asked_by_a_prompt(opened: Project, tmp_path: Path) -> None:
    base = templates.llama(tmp_path / "base", max_position_embeddings=256)
    values = {"model": str(base), "task_type": "CAUSAL_LM", "instruction": "Which of {labels}?", "teacher": "1"}
    with pytest.raises(UserError, match="The teacher does not write: it chooses by a head of its own"):
        training.prepare(opened, recipes.changed(TASKS[projects.TASK].recipe, {**run_folders.TINY, **values}))
    assert [run.number for run in opened.runs.all()] == [1]


def test_a_taught_run_stays_on_this_machine(opened: Project, tmp_path: Path) -> None:
    recipe = recipes.changed(TASKS[projects.TASK].recipe, {**run_folders.TINY, "teacher": "1"})
    with pytest.raises(UserError, match="has a teacher, which would stay here"):
        packing.pack_new(opened, recipe, tmp_path / "run.zip", Server())
    assert [run.number for run in opened.runs.all()] == [1]
    number, _ = training.prepare(opened, recipe)
    with pytest.raises(UserError, match=f"Run {number} is taught by run 1 and has not ended"):
        deleting.going(opened, 1)


def test_the_card_names_the_teacher_of_a_run_and_no_path(opened: Project) -> None:
    recipe = recipes.changed(TASKS[projects.TASK].recipe, {**run_folders.TINY, "teacher": "1", "max_steps": 2})
    number, _ = training.prepare(opened, recipe)
    assert opened.runs.get(number).model_title == "from scratch, taught by run 1"
    assert headless.train(opened, number, lambda told, words: None, lambda leave: None) == 0
    text = exporting.preview(opened, number, "huggingface", Papers())
    assert "a new model with random weights" in text
    assert "Taught by `run 1` (distillation)." in text
    assert str(opened.path) not in text


def test_inner_neurons_go_by_what_they_say(opened: Project) -> None:
    told = shrinking.shrink(opened, Smaller(source="1", inner=16))
    assert told.folder.name == "run1-16-inner"
    assert told.parameters < told.parameters_before
    assert told.trained_again
    assert AutoModelForSequenceClassification.from_pretrained(told.folder).config.intermediate_size == 16
