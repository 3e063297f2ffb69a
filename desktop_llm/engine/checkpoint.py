"""Checkpoints: everything an exact resume needs, on disk whole or not at all.

    checkpoints/step-00000120/  model.safetensors config.json tokenizer…  optimizer.safetensors random.safetensors
                                state.json MANIFEST.json
    checkpoints/best/           the best model so far, in Hugging Face layout

Two steps are kept; the newest whole one is resumed from. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from desktop_llm import atomic, log
from desktop_llm.engine.optim import trainable
from desktop_llm.nets.learner import Learner

KEPT = 2
BEST = "best"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands. `batch` counts micro-batches done in `epoch`; `best` is the best metric so far.

    `mode` is how steps are computed, see `engine.compiling`.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float | None = None
    best_step: int = 0
    waited: int = 0
    seconds: float = 0.0
    precision: str = ""
    mode: Literal["", "eager", "compiled"] = ""


def _name(step: int) -> str:
    return f"step-{step:08d}"


def steps(folder: Path) -> list[Path]:
    """Step checkpoints, newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint, whole or not; 0 without any."""
    return max((int(path.name[5:]) for path in steps(folder)), default=0)


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint whose checksums hold, and what was wrong with newer ones."""
    complaints: list[str] = []
    for path in steps(folder):
        wrong = atomic.damage(path)
        if not wrong:
            return path, complaints
        complaints.append(f"{path.name}: {wrong}")
    return None, complaints


def tidy(folder: Path) -> None:
    """Remove what a crash has left half-written, and bring back what was caught in mid-swap."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic.recover(folder / BEST)
    for aside in folder.glob(".step-*.old"):
        atomic.recover(folder / aside.name[1:-4])
    for part in folder.glob(".step-*.part"):
        shutil.rmtree(part, ignore_errors=True)


def save(
    folder: Path,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler | None,
    progress: Progress,
) -> Path:
    """Write a checkpoint of `progress.step`, then drop all but the newest two. Raises OSError, SafetensorError."""
    path = folder / _name(progress.step)
    with atomic.new_folder(path) as filling:
        learner.save(filling)
        save_file(_optimizer_tensors(learner, optimizer), filling / "optimizer.safetensors")
        save_file(_random_tensors(), filling / "random.safetensors")
        state: dict[str, Any] = {"progress": asdict(progress), "python": random.getstate()}
        if scaler is not None:
            state["scaler"] = scaler.state_dict()
        atomic.write_json(filling / "state.json", state)
    for old in steps(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def save_best(folder: Path, learner: Learner) -> None:
    """Write the model as the best so far. Raises OSError, SafetensorError."""
    with atomic.new_folder(folder / BEST) as filling:
        learner.save(filling)


def restore(
    path: Path, learner: Learner, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None
) -> Progress:
    """Take over a checkpoint: weights, optimizer, random states. The learner is already on its device."""
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    learner.adopt(path)
    _restore_optimizer(learner, optimizer, load_file(path / "optimizer.safetensors"))
    if scaler is not None and "scaler" in state:
        scaler.load_state_dict(state["scaler"])
    _restore_random(load_file(path / "random.safetensors"), state["python"])
    known = Progress.__dataclass_fields__
    return replace(Progress(), **{name: value for name, value in state["progress"].items() if name in known})


def _optimizer_tensors(learner: Learner, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    tensors = {}
    for name, parameter in trainable(learner.model):
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}/{key}"] = torch.as_tensor(value).detach().to("cpu").contiguous()
    return tensors


def _restore_optimizer(learner: Learner, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    for name, parameter in trainable(learner.model):
        for key in ("step", "exp_avg", "exp_avg_sq"):
            value = tensors.get(f"{name}/{key}")
            if value is None:
                log.logger("engine").info("no optimizer state for %s", name)
                continue
            optimizer.state[parameter][key] = value.to(parameter.device)


def _random_tensors() -> dict[str, torch.Tensor]:
    legacy: Any = np.random.get_state(legacy=True)
    tensors = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.asarray(legacy[1]).astype(np.int64)),
        "numpy_rest": torch.tensor([float(legacy[2]), float(legacy[3]), float(legacy[4])], dtype=torch.float64),
    }
    if torch.cuda.is_available():
        for number, value in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"cuda.{number}"] = value
    return tensors


def _restore_random(tensors: dict[str, torch.Tensor], python: list[Any]) -> None:
    random.setstate((python[0], tuple(python[1]), python[2]))
    rest = tensors["numpy_rest"].tolist()
    np.random.set_state(("MT19937", tensors["numpy"].numpy().astype(np.uint32), int(rest[0]), int(rest[1]), rest[2]))
    torch.set_rng_state(tensors["torch"])
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            if f"cuda.{number}" in tensors:
                torch.cuda.set_rng_state(tensors[f"cuda.{number}"], number)
