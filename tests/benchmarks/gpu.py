"""On one NVIDIA GPU: our engine against nanoGPT's loop and transformers' Trainer, each leg a process of its own.

Run by hand: python -m tests.benchmarks.gpu [--legs lm124,lm12,classify,lora] [--nanogpt FOLDER] [--out FILE]
Ours is a whole run of a run folder with its events and checkpoints; all learn from the same rows of random words, whose
lengths follow a lognormal. nanoGPT and the Trainer learn from the same blocks that ours makes, without keeping the
texts of a block apart. Figures are medians of the time between steps after the first third, by events told later or by
callbacks; the last line tells the rate of a large matrix product in the same call, which is the ceiling.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.gpu_ours import ours
from tests.benchmarks.gpu_peers import nanogpt, trainer
from tests.benchmarks.gpu_shapes import SHAPES, Shape, make_model, make_tokenizer

LEGS = {
    "lm124": ("ours", "nanogpt", "trainer", "trainer compiled"),
    "lm12": ("ours", "ours compiled", "trainer", "nanogpt"),
    "classify": ("ours", "trainer", "trainer grouped"),
    "lora": ("ours", "ours compiled", "trainer", "trainer padded"),
}


def leg(told: dict[str, Any]) -> None:
    """One leg in this process."""
    os.environ.update({"TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"})
    who, compiled = told["who"], told["who"].endswith("compiled") or told["who"] == "nanogpt"
    if told["name"] == "lm124" and who == "ours":
        compiled = True
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if who.startswith("ours"):
            made = ours(told, work, compiled=compiled)
        elif who.startswith("nanogpt"):
            made = nanogpt(told, work, compiled=compiled)
        else:
            made = trainer(told, work, compiled=compiled, grouped=who.endswith("grouped"))
    sys.stdout.write("\nRESULT " + json.dumps({"name": told["name"], "who": who, **made}) + "\n")


def matmul() -> float:
    """TFLOP/s of a large bf16 matrix product on random numbers."""
    import torch

    one, other = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        one @ other
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        one @ other
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - began) / 1e12


def flops_a_token(shape: Shape) -> float:
    """6 N + 12 L d T (Chowdhery et al. 2022, PaLM, appendix B), causal attention counted whole as is usual."""
    body = shape.layers * (4 * shape.wide**2 + 3 * shape.wide * shape.inner)
    return 6.0 * (body + shape.wide * shape.vocabulary) + 12.0 * shape.layers * shape.wide * shape.context


def main() -> None:
    """Run the legs in turn and print a line for each at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", default=",".join(LEGS))
    parser.add_argument("--who", default="")
    parser.add_argument("--nanogpt", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds that a leg may take")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--together", action="store_true", help="start the legs of a name at once, measure in turn")
    parser.add_argument("--leg", default="")
    told = parser.parse_args()
    if told.leg:
        leg(json.loads(told.leg))
        return
    rate = matmul() if told.device == "cuda" else 0.0
    lines = [f"bf16 matrix product of 8192: {rate:.0f} TFLOP/s"]
    sys.stdout.write(lines[0] + "\n")
    with tempfile.TemporaryDirectory() as folder:
        asked = [one for name in told.legs.split(",") for one in _asked(name, told, Path(folder))]
        for line in _together(asked, rate, Path(folder)) if told.together else (_one(one, rate) for one in asked):
            lines.append(line)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            if told.out:
                Path(told.out).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _asked(name: str, told: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """What the legs of a name are told; their model is made."""
    shape, model = SHAPES[name], folder / name
    make_model(shape, name).save_pretrained(model)
    make_tokenizer(shape, encoder=name == "classify").save_pretrained(model)
    mean = float(np.exp(shape.lengths[0] + shape.lengths[1] ** 2 / 2))
    steps = told.steps or shape.steps
    tokens = min(steps, 80) * shape.batch * shape.context
    count = shape.batch * min(steps, 320) if name == "classify" else int(tokens / mean * 1.1)
    return [
        {**vars(told), "name": name, "who": who, "model": str(model), "rows": count, "turns": ""}
        for who in (told.who.split(",") if told.who else LEGS[name])
        if who != "nanogpt" or told.nanogpt
    ]


def _together(asked: list[dict[str, Any]], rate: float, folder: Path) -> Iterator[str]:
    with ThreadPoolExecutor(len(asked)) as pool:
        made = [pool.submit(_one, {**one, "turns": str(folder)}, rate) for one in asked]
        while len(list(folder.glob("*.ready"))) + sum(one.done() for one in made) < len(made):
            time.sleep(0.1)
        (folder / "go").touch()
        for one in as_completed(made):
            yield one.result()


def _one(asked: dict[str, Any], rate: float) -> str:
    name, who, limit = asked["name"], asked["who"], asked["limit"]
    shape = SHAPES[name]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.gpu", "--leg", json.dumps(asked)],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode() if isinstance(error.stderr, bytes) else str(error.stderr)
        return f"{name:9s}{who:18s}took longer than {limit:.0f} s: {said[-300:]}"
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    if not line:
        return f"{name:9s}{who:18s}failed: {(done.stderr or done.stdout)[-1500:]}"
    made = json.loads(line[7:])
    speed = made["tokens"] / made["seconds"]
    share = flops_a_token(shape) * speed / (rate * 1e12) if rate and name.startswith("lm") else 0.0
    told = f"{name:9s}{who:18s}{1e3 * made['seconds']:9.2f} ms a step {speed:12,.0f} tokens/s"
    told += f" {made['memory'] / 1e9:7.2f} GB loss {made['loss']:.3f}"
    if share:
        told += f"  {100 * share:.0f} % of the product's rate"
    return told + f"  ({time.perf_counter() - began:.0f} s in all) " + " | ".join(made.get("notes", []))


if __name__ == "__main__":
    main()
