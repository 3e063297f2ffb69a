"""Distilling a classifier of banking77 through the commands: a teacher, a student a third of its size, and the board.

Run by hand: python -m tests.benchmarks.distillation MODEL [--project FOLDER] [--teacher-epochs 6] [--epochs 6]
    [--layers 3] [--student FOLDER] [--labeled 1.0]
MODEL is a MiniLM folder. The teacher learns from its labels; the student begins with every second layer of the teacher
and the tokens that the training texts use (or as --student says), and is trained twice, alike but for the teacher. All
are measured on banking77's own test texts. A project that is there already goes on with what it has. With --labeled
0.25 a fourth of each class has its label, which the teacher learns from; it then speaks of the other texts, too, and
who learns from labels alone makes as many steps.
Prints parameters, accuracy, processor seconds of each, what the two students differ by (McNemar), and the board.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "text_classification"
TEACHER, TAUGHT, ALONE = 1, 2, 3
"""The runs of the project, in this order."""


def command(*words: object) -> list[dict[str, Any]]:
    """What a command says with --json; it ends the benchmark where it fails."""
    asked = [sys.executable, "-m", "desktop_llm", *map(str, words), "--json"]
    done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(asked)}: {done.stdout[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def prepare(project: Path, data: Path, share: float) -> None:
    """A project with banking77, held out as its authors do, of whose training texts a share has its label."""
    if (project / "project.db").exists():
        return
    command("new", project, "--task", "text_classification")
    text, label = ("--map", "text=text"), ("--map", "label=category")
    with tempfile.TemporaryDirectory() as folder:
        labeled, others = parted(data / "banking77-train.csv", share, Path(folder))
        command("import", project, labeled, *text, *label)
        command("import", project, data / "banking77-test.csv", *text, *label, "--split", "test")
        if share < 1.0:
            command("import", project, others, *text)


def parted(path: Path, share: float, folder: Path) -> tuple[Path, Path]:
    """Two files: so much of each class with its label, and the other texts without."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    by_class: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_class.setdefault(row["category"], []).append(row)
    ends = {name: round(len(some) * share) for name, some in by_class.items()}
    parts = (
        ("labeled.csv", ["text", "category"], [row for name, some in by_class.items() for row in some[: ends[name]]]),
        ("others.csv", ["text"], [row for name, some in by_class.items() for row in some[ends[name] :]]),
    )
    for name, columns, some in parts:
        random.Random(1).shuffle(some)
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(some)
    return folder / "labeled.csv", folder / "others.csv"


def steps(project: Path, number: int) -> int:
    """How many a run has made."""
    lines = (project / "runs" / f"{number:04d}" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return max(int(json.loads(line).get("step", 0)) for line in lines)


def train(project: Path, number: int, settings: dict[str, object]) -> float:
    """Train the run of that number unless it is there; processor seconds."""
    there = {one["run"]: one for one in command("runs", project) if "run" in one}
    if number in there:
        if there[number]["state"] != "finished":
            command("resume", project, number)
        return 0.0
    before = _spent()
    told = command("train", project, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}")))
    if {"run": number} not in told:
        raise SystemExit(f"the project has other runs than those of this benchmark: {told[:1]}")
    return _spent() - before


def _spent() -> float:
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def student(project: Path, layers: int) -> Path:
    """A smaller start made of the teacher."""
    to = project / "starts" / f"run{TEACHER}-{layers}-layers-own-tokens"
    if not to.is_dir():
        print(command("shrink", project, TEACHER, "--layers", layers, "--own-tokens")[-1], flush=True)
    return to


def accuracy(project: Path, number: int) -> float:
    """On the test texts."""
    return float(command("evaluate", project, number, "--on", "test")[-1]["metrics"]["accuracy"])


def main() -> None:
    """One leg after the other."""
    os.environ.setdefault("DESKTOP_LLM_HOME", tempfile.mkdtemp(prefix="desktop_llm-bench-"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--project", type=Path, default=None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--teacher-epochs", type=float, default=6.0)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--weight", type=float, default=0.9)
    parser.add_argument("--student", default=None, help="a model folder to start the student from, or scratch")
    parser.add_argument("--labeled", type=float, default=1.0, help="the share of the training texts with a label")
    told = parser.parse_args()
    project = told.project or Path(tempfile.mkdtemp(prefix="desktop_llm-bench-")) / "project"
    prepare(project, told.data, told.labeled)
    spent = {TEACHER: train(project, TEACHER, {"model": told.model, "num_train_epochs": told.teacher_epochs})}
    start = told.student or student(project, told.layers)
    plan = {"model": start, "num_train_epochs": told.epochs, "learning_rate": told.rate, "early_stopping_patience": 0}
    lesson = {"teacher": TEACHER, "distillation_temperature": told.temperature, "distillation_weight": told.weight}
    if told.labeled < 1.0:
        lesson["distillation_unlabeled"] = "true"
    spent[TAUGHT] = train(project, TAUGHT, {**plan, **lesson})
    spent[ALONE] = train(project, ALONE, {**plan, "num_train_epochs": 1000, "max_steps": steps(project, TAUGHT)})
    found = {number: accuracy(project, number) for number in spent}
    for number, name in ((TEACHER, "teacher"), (TAUGHT, "student, taught"), (ALONE, "student, labels alone")):
        share = found[number] / found[TEACHER]
        print(f"{name}: accuracy {found[number]:.4f} ({share:.1%} of the teacher's), {spent[number]:.0f} s", flush=True)
    print(command("compare", project, TAUGHT, ALONE)[-1], flush=True)
    for one in command("compress", project, TEACHER):
        print(one, flush=True)


if __name__ == "__main__":
    main()
