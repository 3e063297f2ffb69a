"""The leg of our engine in the benchmark on a GPU: a whole run of a run folder, with its events and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.gpu_shapes import CLASSES, SHAPES, Turn, rows


def recipe(told: dict[str, Any], folder: Path, *, compiled: bool) -> Any:
    """Ours."""
    from desktop_llm.jobs.recipe import Recipe, changed

    shape = SHAPES[told["name"]]
    values: dict[str, Any] = {
        "model": str(folder),
        "max_length": shape.context,
        "per_device_train_batch_size": shape.batch,
        "max_steps": told["steps"] or shape.steps,
        "num_train_epochs": 1000.0,
        "learning_rate": 3e-4,
        "bf16": True,
        "torch_compile": compiled,
        "device": told["device"],
        "early_stopping_patience": 0,
        "save_steps": 100_000,
    }
    if told["name"] == "lora":
        values |= {"lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
    if told["name"] == "classify":
        values |= {"hidden_dropout_prob": 0.1}
    return changed(Recipe(), values)


def ours(told: dict[str, Any], work: Path, *, compiled: bool) -> dict[str, Any]:
    """A run by our engine."""
    from desktop_llm.engine.run import run
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Event, Finished, Gauged, Noted, StepDone
    from desktop_llm.jobs.job import Job
    from desktop_llm.tasks import TASKS

    name, shape = told["name"], SHAPES[told["name"]]
    task = next(one for one in TASKS.values() if one.unsupervised) if name != "classify" else next(iter(TASKS.values()))
    folder = work / "run"
    note = snapshot.write(folder / "snapshot", {"train": rows(shape, told["rows"], labelled=name == "classify")})
    schema = {"classes": sorted({f"c{one}" for one in range(CLASSES)})} if name == "classify" else {}
    made = recipe(told, Path(told["model"]), compiled=compiled)
    jobs.write(
        Job(number=1, project="", task=task.name, recipe=made, schema=schema, snapshot=note, created=""),
        folder / "job.json",
    )
    steps: list[StepDone] = []
    notes: list[str] = []
    gauged: list[float] = []
    turn, warm = Turn(told), (told["steps"] or shape.steps) // 3
    last = told["steps"] or shape.steps

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            steps.append(event)
            if event.step == warm:
                turn.take()
            if event.step == last:
                turn.give()
        elif isinstance(event, Noted):
            notes.append(event.message)
        elif isinstance(event, Gauged):
            gauged.append(event.mfu)

    end = run(folder, on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"our run failed: {end}")
    later = steps[warm + (len(steps) - warm) // 4 :]
    # the clock of a step is when it was launched; over many it is that of the device
    seconds = sum(one.seconds for one in later) / len(later)
    tokens = sum(one.tokens_per_second * one.seconds for one in later) / len(later)
    return {
        "seconds": seconds,
        "tokens": tokens,
        "memory": max(one.memory for one in steps),
        "loss": steps[-1].loss,
        "mfu": max(gauged, default=0.0),
        "notes": notes,
    }
