"""Cross-entropy of logits that lie on a GPU, in one kernel that leaves their gradient in their place.

Written in Triton, which PyTorch brings along on Linux with NVIDIA GPUs. Each row is read twice and written once, in its
own precision, where PyTorch's operations pass over float32 copies of it eight times. The softmax's sum is found in one
pass (Milakov & Gimelshein 2018, arXiv:1805.02867); the gradient is the softmax less one at the target.
"""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch

from desktop_llm import log
from desktop_llm.errors import first_line

WIDE = 8192
"""Logits of a row that are read at once."""
WARPS = 8
INSTALLED = torch.version.cuda is not None and importlib.util.find_spec("triton") is not None


def there(device: torch.device) -> bool:
    """Whether it runs on this device: tried once, as Triton needs a compiler of the system's, too."""
    return device.type == "cuda" and INSTALLED and _runs(device)


@functools.cache
def _runs(device: torch.device) -> bool:
    try:
        told = losses_(torch.zeros(2, 8, device=device), torch.zeros(2, dtype=torch.int64, device=device), None, -100)
        return bool(torch.isfinite(told).all())
    except Exception as error:  # noqa: BLE001 - a compiler, its libraries and its disk fail in ways of their own
        log.logger("nets").warning("the kernel of the head's loss: %s: %s", type(error).__name__, first_line(error))
        return False


def losses_(logits: torch.Tensor, targets: torch.Tensor, share: torch.Tensor | None, ignored: int) -> torch.Tensor:
    """The cross-entropy of each row of `logits` [n, v] against `targets` int64 [n], float32 [n]; 0 where `ignored`.

    With `share`, a float32 scalar on the device, the logits are overwritten by the gradient of the losses' sum times
    `share`; without, they stay.
    """
    rows, size = logits.shape
    told = torch.empty(rows, dtype=torch.float32, device=logits.device)
    if rows:
        block = min(WIDE, 1 << max(0, size - 1).bit_length())
        factor = told if share is None else share
        _kernel()[(rows,)](
            logits,
            targets,
            told,
            factor,
            logits.stride(0),
            size,
            ignored,
            WANTED=share is not None,
            BLOCK=block,
            num_warps=WARPS,
        )
    return told


@functools.cache
def _kernel() -> Any:
    """The kernel, compiled when it is first needed."""
    from desktop_llm.nets import head_triton

    return head_triton.cross_entropy
