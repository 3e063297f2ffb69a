"""Whether a run's model is compiled before its first step, and doing it: the same steps, in less time.

`torch.compile` (Ansel et al. 2024) makes machine code of the loss of one batch; whatever goes wrong then, the run goes
on without. Figures of a compiled run differ from those of another by rounding, so a run keeps to its mode: it is in
its checkpoints.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch

from desktop_llm import log, paths
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.progress import Voice
from desktop_llm.errors import first_line
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets.learner import Batch

Mode = Literal["", "eager", "compiled"]
COST_SECONDS = {"cpu": 60.0, "cuda": 60.0}
"""What compiling takes, about: measured 20 to 100 s for 4 to 6 layers on two cores, the second time 5 to 9 s."""
SAVED = {"cpu": 0.10, "cuda": 0.30}
"""The share of a step that is saved: on processors 0.10 to 0.16 of Zen 4 and 0.33 of one with AMX were measured."""
SAVED_AMX = 0.30
WORTH = 2.0
"""What is saved must be so many times what it costs: both are guesses."""
TIMED = 3


def settle(gradient: Gradient, recipe: Recipe, *, batch: int, steps: int, mode: Mode, voice: Voice) -> Mode:
    """Compile the loss of `gradient` or leave it; returns what the run keeps to.

    `batch` is how many examples all processes together take, `steps` how many steps there will be; `mode` what the run
    has kept to so far, '' at its start. No weight and no random state is changed. Raises Cancelled.
    """
    device, same, ranks = gradient.device.torch.type, gradient.one_shape, gradient.spread.ranks
    if mode == "eager" or recipe.torch_compile is False or device not in COST_SECONDS or gradient.spread.sharded:
        return "eager"
    if not same:
        if recipe.torch_compile:
            voice.note("The batches of this run differ in length: the model is not compiled.")
        return "eager"
    whole = np.arange(min(batch, gradient.count))
    if mode == "" and recipe.torch_compile is None:
        group = [whole] * recipe.gradient_accumulation_steps
        pays = ranks.agreed(lambda: ranks.first and _pays(gradient, group, steps, voice))
        if not ranks.decided(pays)[0]:
            return "eager"
    return ranks.agreed(lambda: _compile(gradient, whole, voice))


def _compile(gradient: Gradient, batch: np.ndarray, voice: Voice) -> Mode:
    """Compile the loss for what one process computes of `batch`, where that can be done."""
    voice.preparing("Compiling the model", 0, 0)
    began, plain = time.monotonic(), gradient.loss
    try:
        gradient.loss = compiled(plain, len(gradient.spread.ranks.share(gradient.slices(batch)[0])))
        _try(gradient, [batch])
    except Exception as error:  # noqa: BLE001 - a compiler, its libraries and its disk fail in ways of their own
        gradient.loss = plain
        log.logger("engine").warning("not compiled: %s: %s", type(error).__name__, error)
        why = f"{type(error).__name__}: {first_line(error)}"
        voice.note(f"The model could not be compiled here ({why}); it runs as it is.")
        return "eager"
    voice.note(f"The model was compiled in {time.monotonic() - began:.0f} s.")
    return "compiled"


def compiled(loss: Callable[[Batch], torch.Tensor], rows: int) -> Callable[[Batch], torch.Tensor]:
    """The loss, compiled for batches of `rows` rows; an epoch's last one, which is smaller, is computed as before."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(paths.cache_dir() / "compiled"))
    import torch._inductor.config as inductor

    inductor.compile_threads = torch.get_num_threads()  # a core is left to the window here, too
    made: Callable[[Batch], torch.Tensor] = torch.compile(loss, dynamic=False)

    def run(batch: Batch) -> torch.Tensor:
        return made(batch) if len(batch["input_ids"]) == rows else loss(batch)

    return run


def _pays(gradient: Gradient, group: Sequence[np.ndarray], steps: int, voice: Voice) -> bool:
    """Whether compiling pays for so many steps, by the time that a step takes now."""
    device = gradient.device.torch.type
    cost = COST_SECONDS[device]
    saved = SAVED_AMX if device == "cpu" and torch.cpu.get_capabilities().get("amx_bf16") else SAVED[device]
    voice.preparing("Measuring a step", 0, 0)
    spent = []
    for _ in range(TIMED):
        began = time.perf_counter()
        _try(gradient, group)
        spent.append(time.perf_counter() - began)
        if saved * spent[-1] * steps < WORTH * cost / 10:
            break  # far too short
    planned = min(spent) * steps
    pays = saved * planned > WORTH * cost
    words = "is compiled first" if pays else "is not compiled"
    voice.note(f"The steps take about {_minutes(planned)}: the model {words}.")
    return pays


def _try(gradient: Gradient, group: Sequence[np.ndarray]) -> None:
    """The gradient of a step, thrown away."""
    devices: list[Any] = [torch.cuda.current_device()] if gradient.device.torch.type == "cuda" else []
    with torch.random.fork_rng(devices):
        gradient.add(group)
    gradient.forget()
    for parameter in gradient.learner.model.parameters():
        parameter.grad = None
    if devices:
        torch.cuda.synchronize()


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
