"""Tiny models that compare answers: the runs that make them, and what those said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Saved
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.nets import templates
from tests.run_folders import Kind
from tests.tasks.preference.fixture import FIXTURE

LEARN = TASKS["preference"].open_learn()


def make(path: Path, kind: Kind = FIXTURE.kind, **values: Any) -> RunFolder:
    """A run folder of the tiny recipe with `values`."""
    told = {"torch_compile": False, "vocab_size": 300, "max_length": 64, "eval_steps": 10_000, **values}
    return run_folders.make(path, kind=kind, **told)


def finish(folder: RunFolder, *, leave_at: int = 0) -> tuple[Event, list[Event]]:
    """Run it, or leave it at a step; how it ended and all it said."""
    heard: list[Event] = []
    control = Control()

    def hear(event: Event) -> None:
        heard.append(event)
        if leave_at and isinstance(event, Saved) and event.step == leave_at:
            control.leave()

    return run(folder.path, hear, control), heard


def final_of(heard: list[Event], split: str) -> Evaluated:
    """The last figures of a split."""
    return next(one for one in heard if isinstance(one, Evaluated) and one.final and one.split == split)


def base(path: Path, name: str = "chatml") -> Path:
    """A tiny Llama that knows nothing, with the chat template of that name."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = templates.named(name)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def kind_of(made: list[dict[str, Any]]) -> Kind:
    """The task with these rows over and over."""

    def of(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        return [{**row, "id": first_id + place} for place, row in enumerate((made * count)[:count])]

    return Kind(task="preference", rows=of, classes=())
