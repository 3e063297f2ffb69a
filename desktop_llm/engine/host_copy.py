"""Tensors copied into the computer's memory at one moment, so that they can be written while training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Copied:
    """Tensors on the CPU that nothing changes any more, once `wait` has returned."""

    tensors: Mapping[str, torch.Tensor]
    copied: torch.cuda.Event | None = None

    def wait(self) -> None:
        """Wait until a GPU has copied them; for the thread that writes."""
        if self.copied is not None:
            self.copied.synchronize()


class HostCopy:
    """Copies tensors wherever they are; what the next `take` gets may lie where the one before was.

    From a GPU into page-locked memory that is kept for the next time, without waiting: the copies stand in the queue
    of the GPU before the step that will change the weights. From the processor's own memory into new memory, which
    goes when it is written.
    """

    def __init__(self) -> None:
        """No memory is taken yet."""
        self._kept: dict[str, torch.Tensor] = {}

    def take(self, tensors: Mapping[str, torch.Tensor]) -> Copied:
        """Copies of `tensors`; names that share a tensor share its copy. Raises RuntimeError or MemoryError."""
        done: dict[tuple[object, ...], torch.Tensor] = {}
        copies: dict[str, torch.Tensor] = {}
        on_gpu = False
        for name, tensor in tensors.items():
            key = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if key not in done or not tensor.numel():
                done[key] = self._copy(name, tensor.detach())
            copies[name] = done[key]
            on_gpu |= tensor.is_cuda
        if not on_gpu:
            return Copied(copies)
        event: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return Copied(copies, event)

    def _copy(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_cuda:
            return tensor.to("cpu", copy=True).contiguous()
        place = self._kept.get(name)
        if place is None or place.shape != tensor.shape or place.dtype != tensor.dtype:
            place = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._kept[name] = place
        place.copy_(tensor, non_blocking=True)
        return place


class InPlace(HostCopy):
    """Takes what is in the computer's memory as it is: for what is written before anything changes."""

    def _copy(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to("cpu").contiguous()
