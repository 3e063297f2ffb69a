"""The setup of a run: what is folded away, what only a model folder has, and what is set there reaches the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.errors import UserError
from desktop_llm.gui.pages.train_setup import TrainSetup
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import possible
from tests.catalog.folders import BERT, LLAMA, MARIAN, make
from tests.windows import find


@pytest.fixture
def setup(qtbot: QtBot) -> TrainSetup:
    made = TrainSetup()
    qtbot.addWidget(made)
    made.set_task(next(one for one in TASKS.values() if one.learns), {}, [])
    made.show()
    return made


def _shown(setup: TrainSetup, key: str) -> bool:
    return find(setup, QWidget, f"train.{key}").isVisible()


def _open(qtbot: QtBot, setup: TrainSetup, name: str) -> None:
    qtbot.mouseClick(find(setup, QPushButton, f"train.{name}"), Qt.MouseButton.LeftButton)


def test_what_few_need_is_folded_away(qtbot: QtBot, setup: TrainSetup) -> None:
    assert _shown(setup, "learning_rate")
    for fold, key in (("more", "eval_steps"), ("optimizer", "optim")):
        assert not _shown(setup, key)
        _open(qtbot, setup, fold)
        assert _shown(setup, key)
        _open(qtbot, setup, fold)
        assert not _shown(setup, key)


def test_only_a_model_folder_can_be_frozen_or_adapted(qtbot: QtBot, setup: TrainSetup, tmp_path: Path) -> None:
    _open(qtbot, setup, "optimizer")
    assert not _shown(setup, "adapters")
    assert not _shown(setup, "freeze_layers")
    setup.choose_model(str(tmp_path))
    assert _shown(setup, "adapters")
    assert _shown(setup, "freeze_layers")
    assert not _shown(setup, "hidden_size")


def test_a_prompt_is_asked_for_where_a_language_model_is_started_from(setup: TrainSetup, tmp_path: Path) -> None:
    encoder, writer = make(tmp_path / "bert", BERT), make(tmp_path / "llama", LLAMA)
    assert not _shown(setup, "task_type")
    setup.choose_model(str(encoder))
    assert not _shown(setup, "task_type")
    assert not _shown(setup, "instruction")
    setup.choose_model(str(writer))
    assert _shown(setup, "task_type")
    assert not _shown(setup, "instruction")
    kind = find(setup, QComboBox, "train.task_type")
    kind.setCurrentIndex(kind.findData("CAUSAL_LM"))
    line = find(setup, QLineEdit, "train.instruction")
    assert _shown(setup, "instruction")
    assert "{labels}" in line.text()
    assert line.cursorPosition() == 0, "its beginning is seen"
    line.setText("Is it {labels}?")
    line.editingFinished.emit()
    assert (setup.recipe.task_type, setup.recipe.instruction) == ("CAUSAL_LM", "Is it {labels}?")
    setup.set_task(TASKS["rewriting"], {}, [])
    assert not _shown(setup, "instruction")
    setup.choose_model(str(make(tmp_path / "marian", MARIAN)))
    assert not _shown(setup, "instruction")
    setup.choose_model(str(writer))
    assert _shown(setup, "instruction")
    assert not _shown(setup, "task_type")
    assert setup.recipe.instruction == "Rewrite the text."


def test_texts_without_a_label_are_offered_where_a_teacher_can_speak_of_them(
    qtbot: QtBot, setup: TrainSetup, tmp_path: Path
) -> None:
    _open(qtbot, setup, "teaching")
    assert not _shown(setup, "distillation_unlabeled")
    writer = str(make(tmp_path / "llama", LLAMA))
    setup.begin_with({"model": writer, "teacher": "1"})
    assert _shown(setup, "distillation_unlabeled")
    setup.set_value("task_type", "CAUSAL_LM")
    assert not _shown(setup, "distillation_unlabeled")
    for name, there in (("language_modelling", False), ("token_tagging", True)):
        setup.set_task(TASKS[name], {}, [])
        setup.set_value("teacher", "1")
        assert _shown(setup, "distillation_weight")
        assert _shown(setup, "distillation_unlabeled") is there


def test_what_is_set_in_the_folds_reaches_the_recipe(setup: TrainSetup, tmp_path: Path) -> None:
    setup.choose_model(str(tmp_path))
    kind = find(setup, QComboBox, "train.optim")
    kind.setCurrentIndex(kind.findData("muon"))
    find(setup, QSpinBox, "train.lora_r").setValue(8)
    find(setup, QLineEdit, "train.ema_decay").setText("0.99")
    assert (setup.recipe.optim, setup.recipe.lora_r, setup.recipe.ema_decay) == ("muon", 8, 0.99)
    find(setup, QCheckBox, "train.freeze_backbone").setChecked(True)
    with pytest.raises(UserError, match="frozen already"):
        _ = setup.recipe


def test_adapters_bring_their_learning_rate_unless_another_is_set(setup: TrainSetup, tmp_path: Path) -> None:
    setup.choose_model(str(tmp_path))
    rank, rate = find(setup, QSpinBox, "train.lora_r"), find(setup, QLineEdit, "train.learning_rate")
    usual = setup.recipe.learning_rate
    rank.setValue(8)
    assert (setup.recipe.lora_r, setup.recipe.learning_rate) == (8, 1e-3)
    assert float(rate.text()) == 1e-3
    rank.setValue(0)
    assert setup.recipe.learning_rate == usual
    setup.set_values({"lora_r": 16})  # as an offer of the forecast does
    assert setup.recipe.learning_rate == 1e-3
    rate.setText(str(usual))
    rate.editingFinished.emit()
    rank.setValue(4)
    assert setup.recipe.learning_rate == usual
    rate.setText("3e-4")
    rate.editingFinished.emit()
    rank.setValue(0)
    assert setup.recipe.learning_rate == 3e-4


def test_several_gpus_are_offered_where_there_are_several(setup: TrainSetup) -> None:
    box = find(setup, QComboBox, "train.device")

    def offered() -> list[str]:
        return [box.itemText(place) for place in range(box.count())]

    plain = offered()
    setup.set_gpus(1)
    assert offered() == plain
    setup.set_gpus(2)
    setup.set_gpus(2)
    assert offered() == [*plain, "2 GPUs on this machine"]
    assert not _shown(setup, "fsdp")
    box.setCurrentIndex(len(plain))
    assert (setup.recipe.device, setup.recipe.num_processes) == ("cuda", 2)
    assert _shown(setup, "fsdp")
    box.setCurrentIndex(box.findData("cpu"))
    assert (setup.recipe.device, setup.recipe.num_processes) == ("cpu", 1)
    assert not _shown(setup, "fsdp")


def test_a_recipe_for_several_processes_is_shown_as_it_is(setup: TrainSetup) -> None:
    setup.set_values({"device": "cpu", "num_processes": 3, "fsdp": "full_shard"})
    assert find(setup, QComboBox, "train.device").currentText() == "3 processes on the processor"
    assert setup.recipe.num_processes == 3
    assert setup.recipe.fsdp == "full_shard"
    setup.set_values({"num_processes": 1})
    assert find(setup, QComboBox, "train.device").currentText() == "Processor"
    assert setup.recipe.num_processes == 1


def test_no_gpu_is_counted_where_programs_may_see_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert possible.gpus() == 0
