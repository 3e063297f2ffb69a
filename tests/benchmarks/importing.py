"""Bringing a million rows in: our import against the sqlite3 shell and the usual libraries, interleaved.

Run by hand: python -m tests.benchmarks.importing [--rows 1000000] [--rounds 3] [--kind csv|jsonl]
Ours reads, checks, hashes, finds repeated texts, keeps further columns and takes labels; the others put the bare
columns into a table. Each leg is a process of its own with a new database; pandas and DuckDB are left out where they
are not installed. Prints seconds (medians), rows a second, the ratio to the shell's `.import`, and peak memory.
While ours runs, a second thread labels rows of the project that were there before: how long each took.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

COLUMNS = ("id", "text", "label", "source", "date")


def generated(count: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """Rows of about 200 bytes, some with quotes, commas and line breaks."""
    source = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(source.choices(letters, k=source.randint(2, 9))) for _ in range(5000)]
    for place in range(count):
        text = f"{place} " + " ".join(source.choices(words, k=source.randint(8, 45)))
        if place % 17 == 0:
            text = f'He said "{text}", and left'
        if place % 97 == 0:
            text = f"{text[:30]}\n{text[30:]}"
        yield {
            "id": str(place),
            "text": text,
            "label": f"label {source.randrange(20)}",
            "source": f"channel {place % 7}",
            "date": f"2026-{place % 12 + 1:02d}-{place % 28 + 1:02d}",
        }


def write(path: Path, count: int, kind: str, seed: int = 0) -> None:
    """The file to import."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == "csv":
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(generated(count, seed))
        else:
            file.writelines(json.dumps(row) + "\n" for row in generated(count, seed))


def ours(file: Path, folder: Path) -> tuple[float, list[float]]:
    """Seconds of our import, and of each label written meanwhile."""
    from desktop_llm.rows import NewItem
    from desktop_llm.store.project import Project
    from desktop_llm.tasks import TASKS
    from desktop_llm.verbs import importing, reading

    task = next(iter(TASKS.values()))
    project = Project.create(folder / "project", task.name)
    before = [NewItem(content={"text": f"here before {place}"}, label=f"label {place % 2}") for place in range(1000)]
    project.items.insert("before", before, to_value=task.labels.to_value, class_names=task.labels.names)
    reading.prepare(file)  # as the window and the command line do
    plan = importing.plan(task, file)
    over, took = threading.Event(), []

    def label() -> None:
        turn = 0
        while not over.is_set():
            began = time.perf_counter()
            project.labels.set(turn % 1000 + 1, turn % 2 + 1)
            took.append(time.perf_counter() - began)
            turn += 1
            over.wait(0.1)

    thread = threading.Thread(target=label)
    thread.start()
    began = time.perf_counter()
    importing.run(project, plan)
    seconds = time.perf_counter() - began
    over.set()
    thread.join()
    project.close()
    return seconds, took


def shell(file: Path, folder: Path) -> tuple[float, list[float]]:
    """The sqlite3 shell's `.import` (CSV only)."""
    began = time.perf_counter()
    commands = ["PRAGMA journal_mode = WAL", ".mode csv", f".import '{file}' rows"]
    subprocess.run(["sqlite3", str(folder / "shell.db"), *commands], check=True, capture_output=True)
    return time.perf_counter() - began, []


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines) if file.suffix == ".csv" else map(json.loads, lines)


def utilities(file: Path, folder: Path) -> tuple[float, list[float]]:
    """sqlite-utils, the bare rows."""
    from sqlite_utils import Database

    database = Database(folder / "utilities.db")
    began = time.perf_counter()
    database["rows"].insert_all(_rows(file), batch_size=10_000)  # type: ignore[union-attr]
    database.conn.commit()
    return time.perf_counter() - began, []


def pandas(file: Path, folder: Path) -> tuple[float, list[float]]:
    """pandas, 50,000 rows at once."""
    import pandas as library  # type: ignore[import-not-found,import-untyped,unused-ignore]

    is_csv = file.suffix == ".csv"
    parts = (
        library.read_csv(file, chunksize=50_000) if is_csv else library.read_json(file, lines=True, chunksize=50_000)
    )
    connection = sqlite3.connect(folder / "pandas.db")
    began = time.perf_counter()
    for part in parts:
        part.to_sql("rows", connection, if_exists="append", index=False)
    connection.commit()
    return time.perf_counter() - began, []


def duck(file: Path, folder: Path) -> tuple[float, list[float]]:
    """DuckDB into a file of its own."""
    import duckdb  # type: ignore[import-not-found,import-untyped,unused-ignore]

    connection = duckdb.connect(str(folder / "duck.db"))
    began = time.perf_counter()
    read = "read_csv" if file.suffix == ".csv" else "read_json"
    connection.execute(f"CREATE TABLE rows AS SELECT * FROM {read}('{file}')")
    connection.close()
    return time.perf_counter() - began, []


LEGS: dict[str, Callable[[Path, Path], tuple[float, list[float]]]] = {
    "ours": ours,
    "shell": shell,
    "sqlite-utils": utilities,
    "pandas": pandas,
    "duckdb": duck,
}


def _possible(name: str, kind: str) -> bool:
    if name == "shell":
        return kind == "csv" and shutil.which("sqlite3") is not None
    return name in ("ours", "sqlite-utils") or importlib.util.find_spec(name) is not None


def _leg(name: str, file: Path) -> None:
    import resource

    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        seconds, took = LEGS[name](file, Path(folder))
    # ours reads in a process of its own, which counts, too; the shell is nothing else
    own, below = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    memory = below if name == "shell" else own + below
    told = {"seconds": seconds, "labels": sorted(took), "memory": memory}
    sys.stdout.write("RESULT " + json.dumps(told) + "\n")


def main() -> None:
    """Run the legs in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", choices=("csv", "jsonl"), default="csv")
    parser.add_argument("--leg", default="")
    parser.add_argument("--file", type=Path)
    told = parser.parse_args()
    if told.leg:
        _leg(told.leg, told.file)
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in LEGS if _possible(name, told.kind)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"rows.{told.kind}"
        write(file, told.rows, told.kind)
        for _ in range(told.rounds):
            for name, results in found.items():
                command = [sys.executable, "-m", "tests.benchmarks.importing", "--leg", name, "--file", str(file)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
                if not line:
                    raise SystemExit(done.stderr[-2000:])
                results.append(json.loads(line[7:]))
    base = statistics.median(one["seconds"] for one in found.get("shell", found["ours"]))
    sys.stdout.write(f"{told.rows:,} rows, {told.kind}\n")
    for name, results in found.items():
        seconds = statistics.median(one["seconds"] for one in results)
        memory = max(one["memory"] for one in results)
        sys.stdout.write(
            f"{name:14s} {seconds:7.2f} s  {told.rows / seconds / 1000:6.0f}k rows/s  ratio {seconds / base:5.2f}"
            f"  peak {memory:5.0f} MB\n"
        )
    labels = sorted(second for one in found["ours"] for second in one["labels"])
    if labels:
        p99 = labels[min(len(labels) - 1, round(0.99 * len(labels)))]
        sys.stdout.write(
            f"labels written meanwhile: {len(labels)}, median {1000 * statistics.median(labels):.1f} ms, "
            f"p99 {1000 * p99:.1f} ms, longest {1000 * labels[-1]:.1f} ms\n"
        )


if __name__ == "__main__":
    main()
