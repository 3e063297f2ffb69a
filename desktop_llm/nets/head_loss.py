"""The loss of a language model's head, a piece of the tokens at a time, so that all logits never exist together.

A vocabulary of 32,000 makes 131 MB of float32 logits of a thousand tokens, and their gradient as much again. Here the
logits of a piece live until its gradient is made, in the forward pass, as Liger-Kernel does (Hsu et al. 2024,
arXiv:2410.10989); nothing is computed twice, as it would be by checkpointing. On an NVIDIA GPU one kernel makes of a
piece's logits their loss and gradient, see `head_kernel`; it knows no bias and no smoothing of labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from desktop_llm.nets import head_kernel

IGNORED = -100
"""A target that does not count."""
LOGITS = {"cpu": 2**22}
MANY_LOGITS = 2**26
"""Logits that a piece has at most: on a processor as many as its caches bear, else some hundred megabytes."""
SHARE_OF_GPU, MOST_LOGITS = 512, 2**28
"""Of a large NVIDIA GPU a piece may have one logit for so many bytes of its memory."""
LEAST = 64


def pieces(tokens: int, vocabulary: int, device: torch.device) -> int:
    """How many tokens a piece has."""
    most = _most(device) // max(1, vocabulary)
    return max(1, min(tokens, max(LEAST, most)))


def _most(device: torch.device) -> int:
    most = LOGITS.get(device.type, MANY_LOGITS)
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
        most = max(most, min(MOST_LOGITS, there // SHARE_OF_GPU))
    return most


def mean_loss(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    *,
    bias: torch.Tensor | None = None,
    smoothing: float = 0.0,
) -> torch.Tensor:
    """The mean cross-entropy of `hidden` [n, d] times `weight` [v, d] against `targets` int64 [n], IGNORED left out.

    A scalar float32 that can be differentiated; 0 where nothing counts. Under autocast the products are in its
    precision, the rest in float32. `bias` [v], which does not learn, is added to the logits; `smoothing` is that of
    labels (Szegedy et al. 2016).
    """
    if hidden.is_cuda:
        return _WHOLE(hidden, weight, targets, bias, smoothing)
    return _apply(hidden, weight, targets, bias, smoothing)


def _apply(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, bias: torch.Tensor | None, smoothing: float
) -> torch.Tensor:
    told: torch.Tensor = _MeanLoss.apply(hidden, weight, targets, bias, smoothing)  # type: ignore[no-untyped-call]
    return told


_WHOLE: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None, float], torch.Tensor] = (
    torch.compiler.disable(_apply)  # type: ignore[no-untyped-call]
    if head_kernel.INSTALLED
    else _apply
)
"""`_apply` as it stands, also where the model before it is compiled: a compiler could make nothing better of it."""


@torch.no_grad()
def losses(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, *, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """The cross-entropy of each token, float32 [n]; 0 where it does not count. Without gradient."""
    told = torch.zeros(len(targets), device=hidden.device)
    size = pieces(len(targets), len(weight), hidden.device)
    by_kernel = bias is None and head_kernel.there(hidden.device)
    for start in range(0, len(targets), size):
        if by_kernel:
            logits = hidden[start : start + size] @ weight.t()
            told[start : start + size] = head_kernel.losses_(logits, targets[start : start + size], None, IGNORED)
            continue
        logits = _logits(hidden[start : start + size], weight, bias)
        told[start : start + size] = torch.nn.functional.cross_entropy(
            logits, targets[start : start + size], ignore_index=IGNORED, reduction="none"
        )
    return told


def sums(losses: torch.Tensor) -> np.ndarray:
    """The sum of each line of losses [n, t], float64 [n]: on the processor, as an Apple GPU has no such numbers."""
    told: np.ndarray = losses.float().cpu().numpy().sum(axis=1, dtype=np.float64)
    return told


def _logits(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    told = (hidden @ weight.t()).float()
    return told if bias is None else told.add_(bias)


def _smoothed(
    logits: torch.Tensor, wanted: torch.Tensor, smoothing: float
) -> tuple[torch.Tensor, Callable[[], torch.Tensor]]:
    """The loss of each line of logits [n, v] against `wanted` [n, 1], float32 [n, 1]; and a function that turns the
    logits into its gradient."""
    normal = torch.logsumexp(logits, dim=-1, keepdim=True)
    told = normal - (1 - smoothing) * logits.gather(1, wanted)
    if smoothing:
        told -= smoothing * logits.mean(dim=-1, keepdim=True)

    def slope() -> torch.Tensor:
        logits.sub_(normal).exp_()
        if smoothing:
            logits.sub_(smoothing / logits.shape[1])
        return logits.scatter_add_(1, wanted, torch.full_like(normal, smoothing - 1))

    return told, slope


def _add(
    slope: torch.Tensor,
    low: torch.Tensor,
    table: torch.Tensor,
    for_hidden: torch.Tensor | None,
    for_weight: torch.Tensor | None,
) -> None:
    """What the gradient `slope` of a piece's logits means for its hidden states, and is to be added for the weight."""
    if for_hidden is not None:
        torch.mm(slope, table, out=for_hidden)
    if for_weight is not None:
        for_weight += slope.t() @ low


class _MeanLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        targets: torch.Tensor,
        bias: torch.Tensor | None,
        smoothing: float,
    ) -> torch.Tensor:
        """The loss; its gradient of both tensors is kept, if it is wanted."""
        kind = hidden.device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        counted = targets != IGNORED
        share = 1.0 / counted.sum().clamp(min=1).float()
        low, table = hidden.to(precision), weight.to(precision)
        ctx.kinds = hidden.dtype, weight.dtype
        for_hidden = torch.empty_like(low) if wants_hidden else None
        for_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if wants_weight else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        size = pieces(len(targets), len(weight), hidden.device)
        by_kernel = bias is None and not smoothing and head_kernel.there(hidden.device)
        with torch.autocast(kind, enabled=False):
            for start in range(0, len(targets), size):
                part = slice(start, start + size)
                if by_kernel:
                    slope = low[part] @ table.t()
                    asked = share if wants_hidden or wants_weight else None
                    total += head_kernel.losses_(slope, targets[part], asked, IGNORED).sum()
                    _add(slope, low[part], table, None if for_hidden is None else for_hidden[part], for_weight)
                    continue
                wanted = targets[part].clamp(min=0)[:, None]
                here = counted[part, None].float()
                told, turned = _smoothed(_logits(low[part], table, bias), wanted, smoothing)
                total += (told * here).sum()
                if for_hidden is None and for_weight is None:
                    continue
                slope = turned().mul_(here * share).to(precision)
                _add(slope, low[part], table, None if for_hidden is None else for_hidden[part], for_weight)
        ctx.save_for_backward(for_hidden, for_weight)
        return total * share

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """What the forward pass made, times what comes from above."""
        above = gradients[0]
        made = zip(ctx.saved_tensors, ctx.kinds, strict=True)
        return (*(None if one is None else (one * above).to(kind) for one, kind in made), None, None, None)
