"""A tensor of which each process holds a part (DTensor, as FSDP2 makes them of parameters): to and from a whole one.

All of it leaves plain tensors as they are.
"""

from __future__ import annotations

import torch
from torch.distributed.tensor import DTensor, distribute_tensor


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part that is here; shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of it; a meeting of all processes where it lies in parts."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_of(model: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The part of a whole `value` that belongs here, where a parameter like `model` of its shape lies in parts.

    No meeting: each process has the whole value, and takes its own part.
    """
    if not isinstance(model, DTensor) or isinstance(value, DTensor) or value.shape != model.shape:
        return value
    told: torch.Tensor = distribute_tensor(
        value.to(model.device_mesh.device_type), model.device_mesh, model.placements, src_data_rank=None
    )
    return told


def like(model: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """A part as the tensor whose part it is, lying as `model` does."""
    if not isinstance(model, DTensor):
        return part
    return DTensor.from_local(
        part, model.device_mesh, model.placements, run_check=False, shape=model.shape, stride=model.stride()
    )
