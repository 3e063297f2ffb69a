"""What checkpoints cost the training loop: a run that saves often against one that never does, interleaved.

Run by hand: python -m tests.benchmarks.checkpoints [--rounds 5] [--steps 120] [--every 20] [--hidden 384] [--layers 6]
Each leg is a process of its own on the same made-up texts; its clock runs from the first step to the last. Prints for
each kind of run the median processor time of the loop's own thread, of the whole process, and the wall time; what a
checkpoint held the loop, how long it took to be on the disk, and its share of a run that saves once a minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NEVER = 100_000_000
MINUTE = 60.0


def _leg(told: dict[str, Any]) -> None:
    """One run; prints its figures."""
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine.run import run
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Event, Finished, Saved, StepDone
    from tests import run_folders

    clocks: list[tuple[float, float, float]] = []
    saves: list[Saved] = []

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone) and event.step in (1, told["steps"]):
            clocks.append((time.thread_time(), time.process_time(), time.perf_counter()))
        if isinstance(event, Saved) and 0 < event.step < told["steps"]:
            saves.append(event)

    with tempfile.TemporaryDirectory(dir=told["disk"] or None) as name:
        folder = run_folders.make(
            Path(name),
            count=2000,
            hidden_size=told["hidden"],
            num_hidden_layers=told["layers"],
            num_attention_heads=4,
            per_device_train_batch_size=32,
            num_train_epochs=1000.0,
            max_steps=told["steps"],
            eval_steps=NEVER,
            save_steps=told["every"] if told["saves"] else NEVER,
            load_best_model_at_end=False,
        )
        end = run(folder.path, on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"the run failed: {end}")
    thread, process, wall = (after - before for before, after in zip(*clocks, strict=True))
    figures = {
        "thread": thread,
        "process": process,
        "wall": wall,
        "held": [one.held for one in saves],
        "written": [one.seconds for one in saves],
        "bytes": max((one.bytes for one in saves), default=0),
    }
    sys.stdout.write("\nRESULT " + json.dumps(figures) + "\n")


def main() -> None:
    """Run the legs in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--disk", default="", help="a folder on the disk to write to; by default the temporary one")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        _leg(json.loads(told.leg))
        return
    found: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for number in range(told.rounds):
        for saves in (True, False) if number % 2 else (False, True):
            command = [sys.executable, "-m", "tests.benchmarks.checkpoints", "--leg"]
            done = subprocess.run(
                [*command, json.dumps({**vars(told), "saves": saves})], capture_output=True, text=True, check=False
            )
            line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
            if not line:
                raise SystemExit(done.stderr[-2000:])
            found[saves].append(json.loads(line[7:]))
    _tell(told, found)


def _tell(told: argparse.Namespace, found: dict[bool, list[dict[str, Any]]]) -> None:
    out = sys.stdout.write
    held = [one for leg in found[True] for one in leg["held"]]
    written = statistics.median(one for leg in found[True] for one in leg["written"])
    count, size = len(found[True][0]["held"]), found[True][0]["bytes"] / 1e6
    out(f"{told.steps} steps, {count} checkpoints of {size:.0f} MB, medians of {told.rounds} interleaved runs\n")
    for name, words in (("thread", "loop's thread, s"), ("process", "whole process, s"), ("wall", "wall, s")):
        with_saves, without = (statistics.median(leg[name] for leg in found[saves]) for saves in (True, False))
        out(f"{words:18s} with {with_saves:7.2f}  without {without:7.2f}  {100 * (with_saves / without - 1):+.1f} %\n")
    one = statistics.median(held)
    out(f"a checkpoint holds the loop for {1000 * one:.0f} ms ({1000 * max(held):.0f} at most), ")
    out(f"is on the disk after {1000 * written:.0f} ms;\n")
    out(f"saved once a minute, {100 * one / MINUTE:.2f} % of the run\n")


if __name__ == "__main__":
    main()
