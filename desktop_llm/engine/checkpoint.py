"""Checkpoints: everything an exact resume needs, on disk whole or not at all.

    checkpoints/step-00000120/  model.safetensors config.json tokenizer…  optimizer.safetensors random.safetensors
                                state.json MANIFEST.json
    checkpoints/best/           the best model so far, in Hugging Face layout
                                (with LoRA both hold what learns in peft's layout, and base.json: what it stands upon)

The newest whole one is resumed from; `engine.retention` says which others stay. A checkpoint is written from a
`Moment`, a copy that training no longer touches. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from desktop_llm import atomic
from desktop_llm.engine.compiling import Mode
from desktop_llm.engine.host_copy import Copied, HostCopy
from desktop_llm.engine.optimizers import States
from desktop_llm.engine.spread import Spread
from desktop_llm.jobs.folder import name_of as name_of
from desktop_llm.jobs.folder import step_of as step_of
from desktop_llm.jobs.folder import steps as steps
from desktop_llm.nets.learner import Captured, Learner

BEST = "best"
MODEL, MEMORY = "model/", "memory/"
CUDA = "cuda.0"
"""The GPU of the process, whatever its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands. `batch` counts micro-batches done in `epoch`, of `rows` examples over all processes each (0:
    told nowhere); `best` is the best metric so far.

    `mode` is how steps are computed, see `engine.compiling`.
    The plan's learning rate counts `rate_factor` times since the last of `rollbacks`; at most `places` (texts × the
    longest, in tokens; 0 no limit) are computed at once since the memory was full; `watch` is the watch-dog's memory.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    rows: int = 0
    best: float | None = None
    best_step: int = 0
    waited: int = 0
    seconds: float = 0.0
    precision: str = ""
    mode: Mode = ""
    rate_factor: float = 1.0
    rollbacks: int = 0
    places: int = 0
    watch: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A model as it was at one moment; `rest` is what an exact resume needs beside it, where that was taken, too."""

    captured: Captured
    copied: Copied
    random: Mapping[str, torch.Tensor] | None = None
    rest: Mapping[str, Any] | None = None

    @property
    def bytes(self) -> int:
        """About what it takes on the disk."""
        return sum(one.numel() * one.element_size() for one in self.copied.tensors.values())

    def tensors(self, which: str) -> dict[str, torch.Tensor]:
        """Those of the model or of what the step remembers."""
        told = self.copied.tensors.items()
        return {name.removeprefix(which): tensor for name, tensor in told if name.startswith(which)}


def take(copies: HostCopy, learner: Learner, states: States | None = None, progress: Progress | None = None) -> Moment:
    """The model of this moment; with `states` and `progress` all that a checkpoint holds.

    Raises RuntimeError or MemoryError when there is no room for it.
    """
    captured = learner.captured()
    named = {MODEL + name: tensor for name, tensor in captured.tensors.items()}
    if states is None or progress is None:
        return Moment(captured=captured, copied=copies.take(named))
    named |= {MEMORY + name: tensor for name, tensor in states.tensors.items()}
    rest = {"progress": asdict(progress), "python": random.getstate(), **states.figures}
    return Moment(captured=captured, copied=copies.take(named), random=_random_tensors(), rest=rest)


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint, whole or not; 0 without any."""
    return max((step_of(path) for path in steps(folder)), default=0)


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint whose checksums hold, and what was wrong with newer ones, which are removed.

    They would count among the newest, and whole ones would have to go for them.
    """
    complaints: list[str] = []
    for path in steps(folder):
        wrong = atomic.damage(path)
        if not wrong:
            return path, complaints
        complaints.append(f"{path.name}: {wrong}")
        shutil.rmtree(path, ignore_errors=True)
    return None, complaints


def tidy(folder: Path) -> None:
    """Remove what a crash has left half-written, and bring back what was caught in mid-swap."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic.recover(folder / BEST)
    for aside in folder.glob(".step-*.old"):
        atomic.recover(folder / aside.name[1:-4])
    for part in folder.glob(".step-*.part"):
        shutil.rmtree(part, ignore_errors=True)


def write(path: Path, moment: Moment) -> None:
    """Write a moment to the folder `path`, whole or not at all. Raises OSError, SafetensorError."""
    moment.copied.wait()
    with atomic.new_folder(path) as filling:
        moment.captured.write(filling, moment.tensors(MODEL))
        if moment.rest is not None and moment.random is not None:
            save_file(moment.tensors(MEMORY), filling / "optimizer.safetensors")
            save_file(dict(moment.random), filling / "random.safetensors")
            atomic.write_json(filling / "state.json", moment.rest)


def restore(path: Path, spread: Spread, take: Callable[[States], None]) -> Progress:
    """Take over a checkpoint: weights, what the step remembers, random states. The learner is already on its device."""
    ranks = spread.ranks
    if ranks.first or not spread.sharded:
        ranks.agreed(lambda: spread.whole.adopt(path))
    else:
        ranks.agreed(lambda: None)
    if spread.sharded:
        spread.scatter()
    state = _state(path)
    take(States(load_file(path / "optimizer.safetensors"), state))
    _restore_random(load_file(path / "random.safetensors"), state["python"])
    return _progress(state)


def standing(path: Path) -> Progress:
    """Where the run stands in a checkpoint; nothing is taken over."""
    return _progress(_state(path))


def _state(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((path / "state.json").read_text(encoding="utf-8"))
    return told


def _progress(state: Mapping[str, Any]) -> Progress:
    known = Progress.__dataclass_fields__
    return replace(Progress(), **{name: value for name, value in state["progress"].items() if name in known})


def _random_tensors() -> dict[str, torch.Tensor]:
    legacy: Any = np.random.get_state(legacy=True)
    tensors = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.asarray(legacy[1]).astype(np.int64)),
        "numpy_rest": torch.tensor([float(legacy[2]), float(legacy[3]), float(legacy[4])], dtype=torch.float64),
    }
    if torch.cuda.is_available():
        tensors[CUDA] = torch.cuda.get_rng_state()
    return tensors


def _restore_random(tensors: dict[str, torch.Tensor], python: list[Any]) -> None:
    random.setstate((python[0], tuple(python[1]), python[2]))
    rest = tensors["numpy_rest"].tolist()
    np.random.set_state(("MT19937", tensors["numpy"].numpy().astype(np.uint32), int(rest[0]), int(rest[1]), rest[2]))
    torch.set_rng_state(tensors["torch"])
    if torch.cuda.is_available() and CUDA in tensors:
        torch.cuda.set_rng_state(tensors[CUDA])
