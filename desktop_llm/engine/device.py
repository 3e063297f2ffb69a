"""Which device and precision a run uses, how many threads, and how much memory it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import psutil
import torch
from torch import nn

from desktop_llm import child
from desktop_llm.engine.ranks import ALONE, Ranks
from desktop_llm.errors import UserError
from desktop_llm.garbage import collect_all
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import onednn


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where tensors live and in what precision the model computes (weights stay float32)."""

    torch: torch.device
    precision: str
    title: str
    near: int = 1
    """How many processes of the run share this machine."""

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which forward passes run."""
        if self.precision == "fp32":
            return nullcontext()
        kind = torch.bfloat16 if self.precision == "bf16" else torch.float16
        return torch.autocast(self.torch.type, dtype=kind)

    def slice_overhead(self, parameters: int) -> float:
        """What one more forward and backward pass costs, in token places of a model with so many parameters.

        On a processor it is the calls and the adding up of gradients (measured for 3 and 11 million parameters: 23 to
        60 places in fp32, 62 to 115 in bf16, on one thread). A GPU waits for its kernels to be launched, some 5 ms
        for a small encoder, in which it computes thousands of places.
        """
        if self.torch.type == "cpu":
            # not the threads of this moment: a resumed run must be cut as it was
            return (48.0 if self.precision == "fp32" else 80.0) * _threads(self.near)
        return max(128.0, 8e10 / max(1, parameters))

    def take(self, model: nn.Module, *, stay: bool = False) -> None:
        """Bring a model here, unless it is to `stay`, and let it compute in the way that is fastest here."""
        if not stay:
            model.to(self.torch)
        if self.torch.type == "cpu" and self.precision == "fp32" and onednn.pays():
            onednn.use(model)

    def pack(self, model: nn.Module) -> None:
        """Let a model that was taken here answer, and never learn or be saved again: quicker, in less memory."""
        if self.torch.type == "cpu" and self.precision == "fp32":
            onednn.pack(model)

    def memory(self) -> int:
        """Bytes in use: on the GPU by tensors (peak), else by the process."""
        if self.torch.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.torch))
        return int(psutil.Process().memory_info().rss)

    def reserved(self) -> int:
        """Bytes of a GPU's memory that this process holds, in use or not; 0 on a processor."""
        return int(torch.cuda.memory_reserved(self.torch)) if self.torch.type == "cuda" else 0

    def give_back(self) -> int:
        """Give what is not in use back to whoever else wants the GPU; what is `reserved` still."""
        if self.torch.type == "cuda":
            collect_all()
            torch.cuda.empty_cache()
        elif self.torch.type == "mps":
            torch.mps.empty_cache()
        return self.reserved()


@contextmanager
def memory_sentences() -> Iterator[None]:
    """Turn what torch and Python say when memory runs out into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_full(error):
            raise
        if isinstance(error, torch.cuda.OutOfMemoryError):
            message = "The GPU's memory is full; halve the batch size and double the gradient accumulation."
        else:
            message = "The computer's memory is full; take a smaller model or batch size."
        raise UserError(message, details=str(error)) from error


def is_full(error: BaseException) -> bool:
    """Whether this says that memory has run out."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    # on a processor torch says it in a RuntimeError of its own
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def choose(recipe: Recipe, ranks: Ranks = ALONE) -> Device:
    """The device of a recipe, each process's own. Raises UserError when what it asks for is not there."""
    kind = recipe.device if recipe.device != "auto" else _best()
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no NVIDIA GPU that PyTorch can use here; set “device” to auto or cpu.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError("There is no Apple GPU here; set “device” to auto or cpu.")
    if recipe.fp16 and kind != "cuda":
        raise UserError("“fp16” needs an NVIDIA GPU; leave it off and let “bf16” be automatic.")
    if kind == "cuda" and not ranks.alone:
        _take_own(ranks)
    if kind == "mps" and not ranks.alone:
        raise UserError("Several processes cannot share the Apple GPU; set “device” to cpu, or “num_processes” to 1.")
    precision = "fp16" if recipe.fp16 else ("bf16" if _bf16(recipe, kind) else "fp32")
    title = torch.cuda.get_device_name() if kind == "cuda" else {"mps": "Apple GPU"}.get(kind, "Processor")
    title = title if ranks.alone else f"{ranks.world} × {title}"
    return Device(torch=torch.device(kind), precision=precision, title=title, near=ranks.near)


def _take_own(ranks: Ranks) -> None:
    """Let this process use the GPU of its number, and no other."""
    there = torch.cuda.device_count()
    if ranks.near > there:
        has = "one NVIDIA GPU" if there == 1 else f"{there} NVIDIA GPUs"
        raise UserError(f"The run asks for {ranks.near} GPUs, this machine has {has}; set “num_processes” to {there}.")
    torch.cuda.set_device(ranks.local)


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _bf16(recipe: Recipe, kind: str) -> bool:
    if recipe.bf16 is not None:
        return recipe.bf16
    if kind == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    # On a processor bfloat16 pays only where it multiplies natively (measured: 2.5 times faster steps).
    told = torch.cpu.get_capabilities()
    return kind == "cpu" and bool(told.get("amx_bf16") or told.get("avx512_bf16"))


def settle_thread(near: int = 1) -> None:
    """Leave a core to the window, and wait without spinning: two busy threads on two cores collapse otherwise.

    The number of threads belongs to the calling thread, and decides how sums are cut and so their last bits: every
    run sets it where it computes, or a run resumed elsewhere would end with other weights. OMP_WAIT_POLICY counts
    only before the first OpenMP region; `worker` sets it before torch is imported. `near` processes of the run share
    the machine.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    torch.set_num_threads(_threads(near))
    torch.set_float32_matmul_precision("high")


def settle_service(most: int) -> int:
    """Share all cores out among at most `most` threads that answer at once; how many these are.

    Whoever asks waits for it, so that no core is left out; the window, where there is one, sleeps most of the time and
    is let in at once. Small batches side by side are quicker than one at a time whose every step is parted: on two
    cores each then computes without waiting for the other.
    """
    settle_thread()
    cores = os.cpu_count() or 1
    threads = max(1, min(most, cores))
    torch.set_num_threads(max(1, cores // threads))
    return threads


def _threads(near: int) -> int:
    return max(1, ((os.cpu_count() or 2) - 1) // near)


def step_aside() -> None:
    """Give a training process low priority, and make it the kernel's first victim when memory runs out."""
    child.step_aside()
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")
