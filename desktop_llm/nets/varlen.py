"""Attention among texts of different lengths that stand one behind the other, without a mask: by FlashAttention.

PyTorch's variable-length kernel (Dao 2023, arXiv:2307.08691) takes where each text begins in place of a mask of all
places against all, and computes nothing between two texts. It runs on NVIDIA GPUs from Ampere on, in half precision.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

try:
    from torch.nn.attention.varlen import varlen_attn as _kernel
except ImportError:  # a PyTorch built without it
    _kernel = None  # type: ignore[assignment]

WIDEST = 256
"""Numbers that a head of a text has at most, for this kernel."""
_KNOWS = frozenset(inspect.signature(_kernel).parameters) if _kernel is not None else frozenset()
_CAUSAL: dict[str, Any] = {"window_size": (-1, 0)} if "window_size" in _KNOWS else {"is_causal": True}
"""How it is told to look back only: its name has changed."""


def there(device: torch.device) -> bool:
    """Whether the kernel runs on this device."""
    return _kernel is not None and device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def fits(query: torch.Tensor, dropout: float) -> bool:
    """Whether it can attend for query [b, heads, t, d], in the precision of this moment."""
    wide = query.shape[-1]
    return (
        query.device.type == "cuda"
        and not dropout
        and wide % 8 == 0
        and wide <= WIDEST
        and precision_of(query) in (torch.bfloat16, torch.float16)
        and there(query.device)
    )


def precision_of(tensor: torch.Tensor) -> torch.dtype:
    """The precision in which products of a tensor are made now."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def starts(positions: Sequence[np.ndarray] | np.ndarray, most: int) -> torch.Tensor:
    """Where texts begin among all places of a batch, and where the last one ends, int32 [lines × most + 1].

    `positions` int64 [lines, t] count from 0 at the beginning of each text; a line has at most `most` texts. Behind the
    last text the end is repeated, as texts of no length: so all batches have one shape.
    """
    flat = np.asarray(positions).reshape(-1)
    told = np.full(len(positions) * most + 1, len(flat), dtype=np.int32)
    begins = np.flatnonzero(flat == 0)
    told[: len(begins)] = begins
    return torch.from_numpy(told)


def documents(begins: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """The number of each place's text, int64 [b, t], from what `starts` told: for those who need a mask after all."""
    places = torch.arange(shape[0] * shape[1], device=begins.device, dtype=begins.dtype)
    return (torch.searchsorted(begins, places, right=True) - 1).view(shape)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, begins: torch.Tensor, scaling: float | None
) -> torch.Tensor:
    """Causal within each text: query [b, heads, t, d], key and value [b, key heads, t, d] to [b, t, heads, d]."""
    lines, heads, size, wide = query.shape
    kind = precision_of(query)
    kernel: Any = _kernel
    more = dict(_CAUSAL)
    if key.shape[1] != heads:
        if "enable_gqa" in _KNOWS:
            more["enable_gqa"] = True
        else:
            key, value = (one.repeat_interleave(heads // one.shape[1], dim=1) for one in (key, value))
    # every text lies within a line, so none is longer than one
    flat = [one.to(kind).transpose(1, 2).reshape(lines * size, -1, wide) for one in (query, key, value)]
    if "scale" in _KNOWS:
        more["scale"] = scaling
    elif scaling is not None and scaling != wide**-0.5:
        flat[0] = flat[0] * (scaling * wide**0.5)
    told: torch.Tensor = kernel(*flat, begins, begins, size, size, **more)
    return told.view(lines, size, heads, wide)
