"""The part of a recipe that says over how many processes a run is spread, and how."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe_weights import WeightKeys, hyper

PARTED = "full_shard"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceKeys(WeightKeys):
    """Metadata as in `Recipe`, whose keys these are. `fsdp` is what transformers calls it."""

    num_processes: int = hyper(
        1,
        "Processes",
        "On so many GPUs of this machine at once, or in so many processes on its processor. Each takes a batch of its "
        "own, and a step learns from all of them.",
        "several",
        minimum=1,
        maximum=64,
    )
    fsdp: str = hyper(
        "",
        "Model on each",
        "What each of several devices keeps of the model. All of it (DDP) is faster; a part of it, its gradients and "
        "what the optimizer remembers (FSDP2) lets larger models be trained.",
        "several",
        choices=(("", "All of it"), (PARTED, "A part of it")),
    )


def check(keys: PlaceKeys, *, compiled: bool | None, fp16: bool) -> None:
    """Raise UserError where values do not fit each other."""
    if not keys.fsdp:
        return
    if keys.optim not in ("adamw", "muon"):
        raise UserError(f"“{keys.optim}” cannot be shared out (“fsdp”); set “optim” to adamw or muon.")
    if keys.load_in_4bit:
        raise UserError("A model in 4 bits cannot be shared out; leave “fsdp” or “load_in_4bit” off.")
    if compiled:
        raise UserError("A model that is shared out (“fsdp”) is not compiled; leave “torch_compile” automatic.")
    if fp16:
        raise UserError("A model that is shared out (“fsdp”) learns in bfloat16 or float32; leave “fp16” off.")
