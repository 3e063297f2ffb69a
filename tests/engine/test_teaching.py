"""A run that has a teacher: asked once, kept, followed; and who cannot teach whom."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from desktop_llm.engine import preflight
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.teaching import ASKING
from desktop_llm.errors import UserError
from desktop_llm.jobs import job as jobs
from desktop_llm.jobs import provenance
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Noted, Preparing
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.forecast import Forecast
from desktop_llm.nets import distillation
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.exported import handed_on
from tests.run_ends import finish
from tests.run_folders import Kind
from tests.tasks.dialogue.fixture import FIXTURE as DIALOGUE
from tests.tasks.language_modelling.fixture import FIXTURE as WRITING
from tests.tasks.multilabel_classification.fixture import FIXTURE as SEVERAL
from tests.tasks.text_scoring.fixture import FIXTURE as SCORING
from tests.tasks.token_tagging.fixture import FIXTURE as TAGGING

SMALL: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1}
WRITER: dict[str, Any] = {"torch_compile": False, "vocab_size": 300, "max_length": 64, "eval_steps": 10_000}


def _asked(heard: list[Event]) -> bool:
    return any(isinstance(one, Preparing) and one.doing == ASKING for one in heard)


def _trained(path: Path, kind: Kind = run_folders.FIRST, **values: Any) -> Path:
    folder = run_folders.make(path, kind=kind, **values)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    return folder.model


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a tiny run that knows its two topics."""
    return _trained(tmp_path_factory.mktemp("teacher"), num_train_epochs=6.0)


def _confused(count: int, **told: Any) -> list[dict[str, Any]]:
    """Rows that learn from other labels than the true ones, half of the time."""
    rows = run_folders.rows(count, **told)
    if told:  # held out: as it is
        return rows
    return [{**row, "label": ("food", "travel")[place // 2 % 2]} for place, row in enumerate(rows)]


def test_who_follows_a_teacher_learns_what_it_knows_and_the_labels_do_not(tmp_path: Path, teacher: Path) -> None:
    kind = replace(run_folders.FIRST, rows=_confused)
    values = {**SMALL, "num_train_epochs": 6.0, "load_best_model_at_end": False}
    taught = _trained(tmp_path / "taught", kind, teacher=str(teacher), distillation_weight=1.0, **values)
    alone = _trained(tmp_path / "alone", kind, **values)
    rows = run_folders.rows(64, seed=9)
    found = {}
    for name, model in (("teacher", teacher), ("taught", taught), ("alone", alone)):
        told = Predictor(model).predict(rows)
        found[name] = sum(one.label == row["label"] for one, row in zip(told, rows, strict=True))
    assert found["teacher"] >= 60
    assert found["taught"] >= 58
    assert found["alone"] <= 48


def test_the_teacher_is_asked_once_and_needed_no_more(tmp_path: Path, teacher: Path) -> None:
    ended = {}
    for name in ("whole", "broken"):
        own = shutil.copytree(teacher, tmp_path / f"teacher of {name}")
        folder = run_folders.make(tmp_path / name, teacher=str(own), max_steps=8, save_steps=4, **SMALL)
        jobs.write(replace(folder.job(), teacher=provenance.weights(own)), folder.job_file)
        if name == "broken":
            left, heard = finish(folder, leave_at=4)
            assert isinstance(left, Interrupted)
            assert _asked(heard)
            shutil.rmtree(own)
        kept = sorted(folder.teacher.rglob("*.npy"))
        end, heard = finish(folder)
        assert isinstance(end, Finished), end
        assert _asked(heard) == (name == "whole")
        if kept:
            assert sorted(folder.teacher.rglob("*.npy")) == kept
        ended[name] = load_file(folder.model / "model.safetensors")
    assert all(torch.equal(value, ended["broken"][name]) for name, value in ended["whole"].items())
    # what it says of each text, in the order of the classes
    said = np.load(next((tmp_path / "whole" / "teacher").rglob("*.npy")))
    outputs = Predictor(teacher).outputs(run_folders.rows(96))
    assert isinstance(outputs, torch.Tensor)
    np.testing.assert_allclose(said, outputs.numpy(), atol=0.01)


def test_texts_without_a_label_are_learned_as_the_teacher_says(tmp_path: Path, teacher: Path) -> None:
    values = {**SMALL, "teacher": str(teacher), "num_train_epochs": 6.0, "load_best_model_at_end": False}
    rows, found = run_folders.rows(64, seed=9), {}
    for count in (0, 152):
        folder = run_folders.make(tmp_path / str(count), count=8, unlabeled=count, **values)
        end, heard = finish(folder)
        assert isinstance(end, Finished), end
        assert end.step == -(-(8 + count) // 8) * 6
        said = [one.message for one in heard if isinstance(one, Noted) and "without a label" in one.message]
        assert said == (["Learns from 152 rows without a label, too, by what the teacher says of them."] * bool(count))
        told = Predictor(folder.model).predict(rows)
        found[count] = sum(one.label == row["label"] for one, row in zip(told, rows, strict=True))
    assert found[152] >= 58
    assert found[0] <= 48


@pytest.mark.parametrize(
    "kind", [run_folders.FIRST, SEVERAL.kind, TAGGING.kind, SCORING.kind], ids=lambda one: one.task
)
def test_a_run_that_learns_without_labels_goes_on_as_if_nothing_had_been(tmp_path: Path, kind: Kind) -> None:
    teacher = _trained(tmp_path / "teacher", kind, max_steps=8)
    values = {**SMALL, "teacher": str(teacher), "max_steps": 8, "save_steps": 4}
    ended = []
    for name in ("whole", "broken"):
        folder = run_folders.make(tmp_path / name, count=16, unlabeled=40, kind=kind, **values)
        if name == "broken":
            assert isinstance(finish(folder, leave_at=4)[0], Interrupted)
        end, _ = finish(folder)
        assert isinstance(end, Finished), end
        ended.append(load_file(folder.model / "model.safetensors"))
    assert all(torch.equal(value, ended[1][name]) for name, value in ended[0].items())


def test_what_nobody_labeled_is_no_class_of_that_name(tmp_path: Path) -> None:
    rows = [{**row, "label": {"food": "None", "travel": "travel"}[row["label"]]} for row in run_folders.rows(8)]
    job = run_folders.make(tmp_path, **SMALL).job()
    job = replace(job, schema={"classes": ["None", "travel"]})
    learner: Any = TASKS[job.task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    examples = learner.encode([rows[0], {"text": "bread", "label": None}, {"text": "bread"}], lambda *_: None)
    assert examples.targets.tolist() == [0, -1, -1]


def test_steps_with_texts_without_a_label_are_foretold(tmp_path: Path, teacher: Path) -> None:
    folder = run_folders.make(tmp_path, count=16, unlabeled=40, teacher=str(teacher), num_train_epochs=2.0, **SMALL)
    told = preflight.measure(folder.path, clock=map(float, itertools.count()).__next__)
    assert told.total_steps == 14


@pytest.mark.parametrize("other", [False, True], ids=["the same", "another"])
def test_a_teacher_that_moved_with_its_project_is_found_again(tmp_path: Path, other: bool) -> None:
    runs = tmp_path / "before" / "runs"
    model = _trained(runs / "0001", WRITING.kind, max_steps=2, **WRITER)
    folder = run_folders.make(runs / "0002", kind=WRITING.kind, teacher=str(model), max_steps=4, save_steps=2, **WRITER)
    jobs.write(replace(folder.job(), teacher=provenance.weights(model)), folder.job_file)
    assert isinstance(finish(folder, leave_at=2)[0], Interrupted)
    (tmp_path / "before").rename(tmp_path / "after")
    moved = RunFolder(tmp_path / "after" / "runs" / "0002")
    if other:
        jobs.write(replace(moved.job(), teacher=64 * "0"), moved.job_file)
    end, _ = finish(moved)
    if other:
        assert isinstance(end, Failed)
        assert "has other weights than when the run was made" in end.message
    else:
        assert isinstance(end, Finished), end


def test_a_damaged_note_of_what_it_said_is_asked_for_again(tmp_path: Path, teacher: Path) -> None:
    folder = run_folders.make(tmp_path / "run", teacher=str(teacher), max_steps=8, save_steps=4, **SMALL)
    assert isinstance(finish(folder, leave_at=4)[0], Interrupted)
    for path in folder.teacher.rglob("*.npy"):
        path.write_bytes(path.read_bytes()[:-1])
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    assert _asked(heard)


def test_the_loss_of_a_batch_is_mixed_as_the_recipe_says(tmp_path: Path, teacher: Path) -> None:
    torch.manual_seed(0)
    job = run_folders.make(tmp_path / "run", teacher=str(teacher), **SMALL).job()
    rows = run_folders.rows(12)
    learner: Any = TASKS[job.task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    learner.model.train(False)
    examples = learner.encode(rows, lambda *_: None)
    other: Any = TASKS[job.task].open_learn().load(teacher)
    heard = learner.heard(examples, other, Predictor(teacher).outputs(rows))
    lesson = distillation.Lesson(temperature=3.0, weight=0.6)
    batch = learner.collate(learner.taught(examples, heard, lesson), range(12))
    logits = learner.outputs(batch)
    hard = torch.nn.functional.cross_entropy(logits, batch["labels"])
    soft = distillation.losses(logits, torch.from_numpy(heard.astype(np.float32)), 3.0).mean()
    for loss in (learner.loss(batch), learner.judged_loss(batch)[0]):
        torch.testing.assert_close(loss.detach(), 0.4 * hard + 0.6 * soft)
    # what is measured is measured by the labels
    assert learner.mean_loss(logits, examples) == pytest.approx(float(hard), rel=1e-5)


def _fewer(count: int, **told: Any) -> list[dict[str, Any]]:
    return [{**row, "label": {"food": "food", "travel": "work"}[row["label"]]} for row in run_folders.rows(count)]


def test_a_teacher_that_does_not_know_a_label_is_refused(tmp_path: Path, teacher: Path) -> None:
    kind = Kind(task=run_folders.TASK, rows=_fewer, classes=("food", "work"))
    end, _ = finish(run_folders.make(tmp_path, kind=kind, teacher=str(teacher)))
    assert isinstance(end, Failed)
    assert end.message.startswith("The teacher does not know 1 of the 2 labels, such as “work”;")


def test_a_teacher_that_is_gone_or_another_one_is_told(tmp_path: Path, teacher: Path) -> None:
    own = shutil.copytree(teacher, tmp_path / "teacher")
    folder = run_folders.make(tmp_path / "run", teacher=str(own))
    jobs.write(replace(folder.job(), teacher="0" * 64), folder.job_file)
    end, _ = finish(folder)
    assert isinstance(end, Failed)
    assert "has other weights than when the run was made" in end.message
    shutil.rmtree(own)
    end, _ = finish(folder)
    assert isinstance(end, Failed)
    assert "is no longer there; put it back, or start a new run." in end.message


def test_a_tagger_learns_from_one_with_other_tokens(tmp_path: Path) -> None:
    teacher = _trained(tmp_path / "teacher", TAGGING.kind, num_train_epochs=8.0)
    values: dict[str, Any] = {"vocab_size": 290, "num_train_epochs": 10.0, "distillation_weight": 1.0}
    folder = run_folders.make(tmp_path / "run", kind=TAGGING.kind, teacher=str(teacher), **values)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    said = np.load(next(folder.teacher.rglob("*.npy")))
    assert said.shape[1] == 3
    assert not np.isnan(said).any()  # the words are the same, whatever they are cut into
    predictor = Predictor(folder.model)
    rows = TAGGING.kind.rows(16, seed=5)
    ours, theirs = predictor.predict(rows), Predictor(teacher).predict(rows)
    same = sum(one.label == other.label for one, other in zip(ours, theirs, strict=True))
    assert same >= 12, same


def test_several_labels_a_text_are_taught_one_by_one(tmp_path: Path) -> None:
    teacher = _trained(tmp_path / "teacher", SEVERAL.kind, num_train_epochs=2.0)
    folder = run_folders.make(tmp_path / "run", kind=SEVERAL.kind, teacher=str(teacher), **SMALL)
    assert isinstance(finish(folder)[0], Finished)


@pytest.mark.parametrize("fixture", [WRITING, DIALOGUE], ids=["texts", "conversations"])
def test_a_writer_from_scratch_takes_the_tokens_of_its_teacher(tmp_path: Path, fixture: Any) -> None:
    teacher = _trained(tmp_path / "teacher", fixture.kind, **WRITER)
    values: dict[str, Any] = {**WRITER, **SMALL, "num_attention_heads": 1, "load_best_model_at_end": False}
    values |= {"vocab_size": 400, "num_train_epochs": 20.0}
    apart = []
    for weight in (0.0, 1.0):
        folder = run_folders.make(
            tmp_path / str(weight), kind=fixture.kind, teacher=str(teacher), distillation_weight=weight, **values
        )
        end, _ = finish(folder)
        assert isinstance(end, Finished), end
        assert not folder.teacher.exists()
        vocabularies = [(one / "tokenizer.json").read_bytes() for one in (folder.model, teacher)]
        assert vocabularies[0] == vocabularies[1]
        apart.append(_apart(folder.model, teacher))
    assert apart[1] < 0.8 * apart[0], apart


def _apart(model: Path, teacher: Path) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    both: list[Any] = [AutoModelForCausalLM.from_pretrained(one) for one in (model, teacher)]
    text = " ".join(row["text"] for row in WRITING.kind.rows(8))
    ids = torch.tensor([AutoTokenizer.from_pretrained(teacher)(text, add_special_tokens=False)["input_ids"][:64]])
    with torch.no_grad():
        ours, theirs = (one(input_ids=ids).logits[0] for one in both)
    return float(distillation.losses(ours, theirs, 1.0).mean())


def test_a_writer_is_not_taught_in_other_tokens(tmp_path: Path) -> None:
    teacher = _trained(tmp_path / "teacher", WRITING.kind, **{**WRITER, "max_steps": 2})
    other = _trained(tmp_path / "other", WRITING.kind, **{**WRITER, "max_steps": 2, "vocab_size": 280})
    values = {key: value for key, value in WRITER.items() if key != "vocab_size"}
    end, _ = finish(
        run_folders.make(tmp_path / "run", kind=WRITING.kind, model=str(other), teacher=str(teacher), **values)
    )
    assert isinstance(end, Failed)
    assert end.message.startswith("The teacher has other tokens than the model that is to learn")


def test_what_asking_takes_is_foretold(tmp_path: Path, teacher: Path) -> None:
    told: list[Forecast] = []
    tried: tuple[dict[str, Any], ...] = ({}, {"teacher": str(teacher)})
    for values in tried:
        folder = run_folders.make(tmp_path / str(len(told)), max_steps=8, **SMALL, **values)
        told.append(preflight.measure(folder.path, clock=map(float, itertools.count()).__next__))
    # a tick of the clock for the 96 rows that are asked about, and those of looking at it
    assert told[1].preparing - told[0].preparing == pytest.approx(1.0, abs=2.5)
    assert told[1].preparing > told[0].preparing


def test_a_taught_model_is_handed_on_like_any_other(tmp_path: Path, teacher: Path) -> None:
    folder = run_folders.make(tmp_path / "run", teacher=str(teacher), max_steps=4, **SMALL)
    assert isinstance(finish(folder)[0], Finished)
    told = handed_on(folder, tmp_path / "out")
    assert told.same == told.answers > 0
    assert not any("teacher" in path.name for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"teacher": "1", "objective": "masked"}, "A model that fills gaps learns without a teacher"),
        (
            {"teacher": "1", "distillation_unlabeled": True, "task_type": "CAUSAL_LM"},
            "A model that is asked by a prompt learns from labels",
        ),
        ({"teacher": "1", "fsdp": "full_shard"}, "A run with a teacher is not shared out"),
        ({"teacher": "1", "distillation_weight": 1.5}, "“distillation_weight” is at most 1.0"),
        ({"teacher": "1", "distillation_temperature": 0.0}, "“distillation_temperature” is at least 0.1"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], words: str) -> None:
    refused: Callable[[], object] = lambda: recipes.changed(recipes.Recipe(), values)  # noqa: E731
    with pytest.raises(UserError, match=words):
        refused()
