"""Tagging against transformers' Trainer in run_ner's way: told the same, both learn the same, to the same span F1."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from seqeval.metrics import f1_score
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from desktop_llm.engine.run import run
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Finished, StepDone
from desktop_llm.nets import buckets, tokens
from tests import run_folders
from tests.run_folders import FILLER, WORDS, Kind
from tests.tasks.token_tagging.texts import span

ROWS, BATCH, EPOCHS, RATE, SEED, LENGTH = 60, 8, 4, 3e-3, 11, 9
IGNORED = -100


def _rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    """Texts of `LENGTH` words each, for then a mean a text is one a word; spans of a label may touch."""
    source = random.Random(seed)
    made = []
    for place in range(count):
        text, spans, left = "", [], LENGTH
        while left:
            topic = source.choice(("", "", "food", "travel"))
            words = [source.choice(WORDS[topic] if topic else FILLER) for _ in range(min(left, source.randint(1, 2)))]
            piece = " ".join(words)
            if topic:
                spans.append(span(len(text), len(text) + len(piece), topic))
            text += piece + " "
            left -= len(words)
        made.append({"id": first_id + place, "text": text.strip(), "label": spans})
    return made


KIND = Kind(task="token_tagging", rows=_rows, classes=("food", "travel"))


class _InOurOrder(Trainer):
    """The Trainer with the batches our engine draws."""

    def _get_train_sampler(self, *_: Any) -> Any:
        return _Order()


class _Order:
    """Example numbers, epoch after epoch."""

    def __init__(self) -> None:
        self._epoch = 0
        has = [[any(one["label"] == name for one in row["label"]) for name in KIND.classes] for row in _rows(ROWS)]
        self._strata = tokens.rarest(np.asarray(has))

    def __len__(self) -> int:
        return ROWS

    def __iter__(self) -> Iterator[int]:
        batches = buckets.training_batches(ROWS, BATCH, seed=SEED, epoch=self._epoch, strata=self._strata)
        self._epoch += 1
        return iter([int(place) for batch in batches for place in batch])


class _Listener(TrainerCallback):
    """Keeps what the Trainer logs."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        if logs and "grad_norm" in logs:
            self.steps.append({key: float(value) for key, value in logs.items()})


def _tags(row: dict[str, Any]) -> list[str]:
    """The tag of each word between spaces, IOB1."""
    tags, at, before = [], 0, ""
    for word in row["text"].split():
        here = next((one for one in row["label"] if one["start"] <= at < one["end"]), None)
        label = here["label"] if here else ""
        tags.append(f"{'B' if here['start'] == at and label == before else 'I'}-{label}" if here else "O")
        at, before = at + len(word) + 1, label
    return tags


def _encoded(tokenizer: Any, row: dict[str, Any], numbers: dict[str, int]) -> dict[str, Any]:
    """As run_ner has it: the first token of a word bears its tag, the others and the special ones none."""
    told = tokenizer(row["text"], return_offsets_mapping=True)
    starts, at = {}, 0
    for word, tag in zip(row["text"].split(), _tags(row), strict=True):
        starts[at] = numbers[tag]
        at += len(word) + 1
    labels = []
    for start, end in told["offset_mapping"]:
        begin = start + (end > start and row["text"][start] == " ")  # its space may be part of a token
        labels.append(starts.get(begin, IGNORED) if end > begin else IGNORED)
    return {"input_ids": told["input_ids"], "labels": labels}


def test_every_step_is_that_of_the_trainer(tmp_path: Path) -> None:
    # one step from scratch gives both the same folder to start from
    start = run_folders.make(tmp_path / "start", kind=KIND, count=ROWS, max_steps=1, hidden_dropout_prob=0.0)
    assert isinstance(run(start.path, lambda _: None, Control()), Finished)
    heard: list[Event] = []
    folder = run_folders.make(
        tmp_path / "ours",
        kind=KIND,
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
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    ours = [one for one in heard if isinstance(one, StepDone)]
    figures = [one for one in heard if isinstance(one, Evaluated) and one.final and one.split == "test"][-1].metrics

    tokenizer: Any = AutoTokenizer.from_pretrained(start.model)
    model = AutoModelForTokenClassification.from_pretrained(start.model)
    names = {int(place): str(name) for place, name in (model.config.id2label or {}).items()}
    numbers = {name: place for place, name in names.items()}
    told: dict[str, Any] = {
        split: [_encoded(tokenizer, row, numbers) for row in snapshot.rows(folder.snapshot, split)]
        for split in ("train", "test")
    }
    listener = _Listener()
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
    trainer = _InOurOrder(
        model=model,
        args=arguments,
        train_dataset=told["train"],
        data_collator=DataCollatorForTokenClassification(tokenizer),
        callbacks=[listener],
    )
    trainer.train()

    assert len(ours) == len(listener.steps) == EPOCHS * -(-ROWS // BATCH)
    for one, other in zip(ours, listener.steps, strict=True):
        torch.testing.assert_close(one.learning_rate, other["learning_rate"], rtol=1e-3, atol=1e-9)
        torch.testing.assert_close(one.loss, other["loss"], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(one.grad_norm, other["grad_norm"], rtol=1e-2, atol=1e-3)
    for name, weight in load_file(folder.model / "model.safetensors").items():
        torch.testing.assert_close(model.state_dict()[name], weight, rtol=1e-3, atol=1e-4)

    true = [_tags(row) for row in snapshot.rows(folder.snapshot, "test")]
    logits = np.asarray(trainer.predict(told["test"]).predictions)
    heads = [np.flatnonzero(np.asarray(one["labels"]) != IGNORED) for one in told["test"]]
    said = [[names[tag] for tag in logits[row, places].argmax(-1)] for row, places in enumerate(heads)]
    assert 0.3 < figures["f1"] < 1  # neither nothing nor all of it
    assert abs(figures["f1"] - f1_score(true, said)) < 1e-6
