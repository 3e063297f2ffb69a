"""The engine against transformers' Trainer, step for step: same batches, same losses, same norms, same weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from desktop_llm.engine.run import run
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, StepDone
from desktop_llm.nets import buckets
from tests import run_folders

ROWS, BATCH, EPOCHS, RATE, SEED = 60, 8, 2, 1e-3, 11


class _InOurOrder(Trainer):
    """The Trainer with the batches our engine draws."""

    def _get_train_sampler(self, *_: Any) -> Any:
        rows: Any = self.train_dataset
        return _Order(np.asarray([row["labels"] for row in rows]))


class _Order:
    """Example numbers, epoch after epoch."""

    def __init__(self, classes: np.ndarray) -> None:
        self._classes, self._epoch = classes, 0

    def __len__(self) -> int:
        return ROWS

    def __iter__(self) -> Iterator[int]:
        batches = buckets.training_batches(ROWS, BATCH, seed=SEED, epoch=self._epoch, strata=self._classes)
        self._epoch += 1
        return iter([int(place) for batch in batches for place in batch])


class _Listener(TrainerCallback):
    """Keeps what the Trainer logs."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        if logs and "grad_norm" in logs:
            self.steps.append({key: float(value) for key, value in logs.items()})


def test_every_step_is_that_of_the_trainer(tmp_path: Path) -> None:
    # one step from scratch gives both the same folder to start from
    start = run_folders.make(tmp_path / "start", count=ROWS, max_steps=1, hidden_dropout_prob=0.0)
    assert isinstance(run(start.path, lambda _: None, Control()), Finished)
    ours: list[StepDone] = []

    def hear(event: Event) -> None:
        if isinstance(event, StepDone):
            ours.append(event)

    folder = run_folders.make(
        tmp_path / "ours",
        count=ROWS,
        model=str(start.model),
        num_train_epochs=float(EPOCHS),
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        warmup_ratio=0.0,
        weight_decay=0.0,
        seed=SEED,
        load_best_model_at_end=False,
    )
    assert isinstance(run(folder.path, hear, Control()), Finished)

    rows = list(snapshot.rows(folder.snapshot, "train"))
    tokenizer = AutoTokenizer.from_pretrained(start.model)
    model = AutoModelForSequenceClassification.from_pretrained(start.model)
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=32)["input_ids"]
    told: Any = [
        {"input_ids": one, "labels": model.config.label2id[row["label"]]} for one, row in zip(ids, rows, strict=True)
    ]
    heard = _Listener()
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "trainer"),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        seed=SEED,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1,
    )
    collator = DataCollatorWithPadding(tokenizer)
    _InOurOrder(model=model, args=arguments, train_dataset=told, data_collator=collator, callbacks=[heard]).train()

    assert len(ours) == len(heard.steps) == EPOCHS * -(-ROWS // BATCH)
    for one, other in zip(ours, heard.steps, strict=True):
        torch.testing.assert_close(one.learning_rate, other["learning_rate"], rtol=1e-3, atol=1e-9)
        torch.testing.assert_close(one.loss, other["loss"], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(one.grad_norm, other["grad_norm"], rtol=1e-2, atol=1e-3)
    for name, weight in load_file(folder.model / "model.safetensors").items():
        torch.testing.assert_close(model.state_dict()[name], weight, rtol=1e-3, atol=1e-4)
