"""Pre-training a language model of 13.8 million parameters: our engine, nanoGPT's loop and transformers' Trainer.

Run by hand: python -m tests.benchmarks.language_model [--nanogpt FOLDER] [--rounds 3] [--steps 24]
FOLDER is a clone of karpathy/nanoGPT, of which model.py is loaded and whose training step is done as train.py does
it; without it those legs are left out. All have 6 layers of 384, a context of 256, 8 blocks a step, the same blocks of
the same texts, as many threads as cores but one, and each leg is a process of its own. Ours is a whole run of a run
folder, with its events and checkpoints. Counted are the steps after the fourth, without compiling. Prints a table of
medians over the rounds: tokens a second by the clock, and by the processor's time, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

LAYERS, WIDE, HEADS, CONTEXT, VOCABULARY, BATCH = 6, 384, 6, 256, 8192, 8
WARM = 4
FILES = ("tinyshakespeare.txt", "song_ci_zh.txt")
LEGS = ("ours", "ours compiled", "nanoGPT", "nanoGPT compiled", "Trainer", "Trainer compiled")
RATE = 1e-3


@dataclass
class Marks:
    """When steps ended: by the clock and in processor time of this process."""

    clock: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    def mark(self) -> None:
        """A step has ended."""
        self.clock.append(time.perf_counter())
        self.worked.append(time.process_time())

    def speeds(self) -> dict[str, float]:
        """Tokens a second after the warm-up."""
        tokens = (len(self.clock) - WARM) * BATCH * CONTEXT
        return {
            "clock": tokens / (self.clock[-1] - self.clock[WARM - 1]),
            "worked": tokens / (self.worked[-1] - self.worked[WARM - 1]),
        }


def texts(data: Path) -> Iterator[dict[str, Any]]:
    """Paragraphs of the texts."""
    number = 0
    for name in FILES:
        for part in (data / "language_modelling" / name).read_text(encoding="utf-8").split("\n\n"):
            if part.strip():
                number += 1
                yield {"id": number, "text": part, "label": None}


def recipe_of(told: dict[str, Any], *, compiled: bool) -> Any:
    """Our recipe of the run."""
    from desktop_llm.jobs.recipe import Recipe, changed

    return changed(
        Recipe(),
        {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDE,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_length": CONTEXT,
            "per_device_train_batch_size": BATCH,
            "max_steps": told["steps"],
            "learning_rate": RATE,
            "bf16": told["precision"] == "bf16",
            "torch_compile": compiled,
            "device": "cpu",
            "num_train_epochs": 1000.0,
        },
    )


def make_folder(told: dict[str, Any], folder: Path, *, compiled: bool) -> Any:
    """A run folder with all texts to train on; its job."""
    from desktop_llm.jobs import job as jobs
    from desktop_llm.jobs import snapshot
    from desktop_llm.jobs.job import Job
    from desktop_llm.tasks import TASKS

    task = next(one for one in TASKS.values() if one.unsupervised)
    note = snapshot.write(folder / "snapshot", {"train": texts(Path(told["data"]))})
    recipe = recipe_of(told, compiled=compiled)
    job = Job(number=1, project="", task=task.name, recipe=recipe, schema={}, snapshot=note, created="")
    jobs.write(job, folder / "job.json")
    return job


def prepare(told: dict[str, Any]) -> None:
    """Write the blocks that the others learn from, as ours makes them."""
    import numpy as np

    from desktop_llm.jobs import snapshot
    from desktop_llm.tasks import task as task_named

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = make_folder(told, folder, compiled=False)

        def rows(split: str) -> Iterator[dict[str, Any]]:
            return snapshot.rows(folder / "snapshot", split)

        learner = cast(Any, task_named(job.task).open_learn().build(job, rows, None, lambda *_: None))
        blocks = learner.pack(learner.encode(rows("train"), lambda *_: None))
        made = blocks.batch(range(min(len(blocks), (told["steps"] + 2) * BATCH)), apart=False)
        np.savez(told["blocks"], ids=made["input_ids"].numpy(), labels=made["labels"].numpy())


def ours(told: dict[str, Any], marks: Marks, *, compiled: bool) -> None:
    """A run by our engine."""
    from desktop_llm.engine.run import run
    from desktop_llm.jobs.control import Control
    from desktop_llm.jobs.events import Event, Finished, StepDone

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            marks.mark()

    with tempfile.TemporaryDirectory() as name:
        make_folder(told, Path(name), compiled=compiled)
        end = run(Path(name), on_event, Control())
    if not isinstance(end, Finished):
        raise SystemExit(f"our run failed: {end}")


def _batches(told: dict[str, Any]) -> Callable[[int], tuple[Any, Any]]:
    import numpy as np
    import torch

    kept = np.load(told["blocks"])

    def batch(step: int) -> tuple[Any, Any]:
        part = slice(step * BATCH, (step + 1) * BATCH)
        return torch.from_numpy(kept["ids"][part]), torch.from_numpy(kept["labels"][part])

    return batch


def nanogpt(told: dict[str, Any], marks: Marks, *, compiled: bool) -> None:
    """Steps of nanoGPT's model as its train.py does them."""
    import torch

    sys.path.insert(0, told["nanogpt"])
    theirs: Any = __import__("model")
    torch.manual_seed(1337)
    shape = {"block_size": CONTEXT, "vocab_size": VOCABULARY, "n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDE}
    model = theirs.GPT(theirs.GPTConfig(**shape, dropout=0.0, bias=False))
    optimizer = model.configure_optimizers(0.1, RATE, (0.9, 0.95), "cpu")
    stepping = torch.compile(model) if compiled else model
    batch, parameters = _batches(told), list(model.parameters())
    for step in range(told["steps"]):
        x, y = batch(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=told["precision"] == "bf16"):
            _, loss = stepping(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            loss.item()
        marks.mark()


def trainer(told: dict[str, Any], marks: Marks, *, compiled: bool) -> None:
    """Steps of transformers' Trainer with its defaults, on the model that ours trains."""
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

    batch = _batches(told)
    rows: list[dict[str, Any]] = []
    for step in range(told["steps"]):
        # the model of transformers shifts its labels itself
        rows += [{"input_ids": ids, "labels": ids} for ids in batch(step)[0]]

    class Marking(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.mark()

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDE,
        intermediate_size=1024,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=told["steps"],
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            bf16=told["precision"] == "bf16",
            use_cpu=True,
            torch_compile=compiled,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        peer = Trainer(
            model=LlamaForCausalLM(config), args=arguments, train_dataset=cast(Any, rows), callbacks=[Marking()]
        )
        peer.train()


def _leg(told: dict[str, Any]) -> None:
    os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"})
    from desktop_llm.engine.device import settle_thread

    settle_thread()
    if told["leg"] == "prepare":
        prepare(told)
        return
    name, _, compiled = told["leg"].partition(" ")
    marks = Marks()
    {"ours": ours, "nanoGPT": nanogpt, "Trainer": trainer}[name](told, marks, compiled=bool(compiled))
    sys.stdout.write("\nRESULT " + json.dumps({"leg": told["leg"], **marks.speeds()}) + "\n")


def _run_leg(told: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.language_model", "--leg", json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    if done.returncode or (not line and told["leg"] != "prepare"):
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(line[7:])) if line else {}


def main() -> None:
    """Run the legs in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("DESKTOP_LLM_SHARED", "../shared") + "/data")
    parser.add_argument("--nanogpt", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--legs", default=",".join(LEGS))
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        _leg(json.loads(told.leg))
        return
    legs = [leg for leg in told.legs.split(",") if told.nanogpt or not leg.startswith("nanoGPT")]
    results: dict[str, list[dict[str, Any]]] = {leg: [] for leg in legs}
    with tempfile.TemporaryDirectory() as folder:
        given = {**vars(told), "blocks": str(Path(folder) / "blocks.npz")}
        _run_leg({**given, "leg": "prepare"})
        for place in range(told.rounds):
            for leg in legs if place % 2 == 0 else reversed(legs):
                results[leg].append(_run_leg({**given, "leg": leg}))
                one = results[leg][-1]
                sys.stdout.write(f"{leg:18s} {one['clock']:7.0f} {one['worked']:7.0f} tokens/s\n")
                sys.stdout.flush()
    middle = {leg: [statistics.median(one[key] for one in results[leg]) for key in ("clock", "worked")] for leg in legs}
    sys.stdout.write(f"\n{told.precision}, medians of {told.rounds}; tokens/s by the clock, by processor time, ratio\n")
    for leg in legs:
        clock, worked = middle[leg]
        sys.stdout.write(f"{leg:18s} {clock:7.0f} {worked:7.0f} {worked / middle[legs[0]][1]:6.2f}\n")


if __name__ == "__main__":
    main()
