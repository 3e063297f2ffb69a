"""Every task's models in the formats that they can have; some processes each, and so not run each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop_llm.engine import export as engine
from desktop_llm.engine.run import run
from desktop_llm.jobs import formats
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from tests import run_folders
from tests.tasks.fixture import fixture_of

pytestmark = pytest.mark.slow
LEARNING = [one for one in TASKS.values() if one.learns]
SMALL = {"torch_compile": False, "num_train_epochs": 2.0, "eval_steps": 10_000}


def _trained(path: Path, task: Task, **values: object) -> RunFolder:
    folder = run_folders.make(path, kind=fixture_of(task).kind, **SMALL, **values)
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    return folder


@pytest.mark.parametrize("task", LEARNING, ids=[one.name for one in LEARNING])
def test_models_of_every_task_are_written_as_they_can_be(task: Task, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("gguf")
    base = _trained(tmp_path / "base", task)
    adapted = _trained(tmp_path / "adapted", task, model=str(base.model), lora_r=4, learning_rate=1e-2)
    config = json.loads((adapted.model / "config.json").read_text(encoding="utf-8"))
    for name in ("huggingface", "adapter", "onnx", "gguf-q8_0"):
        if formats.unfit(FORMATS[name], config, adapter=True):
            continue
        order = engine.Order(format=FORMATS[name], to=tmp_path / name, describe=lambda told: {})
        told = engine.export(adapted, order)
        assert told.rows, name
        assert told.share >= FORMATS[name].agreeing, name
        if name != "gguf-q8_0":
            assert told.same == told.answers, name
