"""The loss of a language model's head, a piece of the tokens at a time, so that all logits never exist together.

A vocabulary of 32,000 makes 131 MB of float32 logits of a thousand tokens, and their gradient as much again. Here the
logits of a piece live until its gradient is made, in the forward pass, as Liger-Kernel does (Hsu et al. 2024,
arXiv:2410.10989); nothing is computed twice, as it would be by checkpointing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

IGNORED = -100
"""A target that does not count."""
LOGITS = {"cpu": 2**22}
MANY_LOGITS = 2**26
"""Logits that a piece has at most: on a processor as many as its caches bear, else some hundred megabytes."""
LEAST = 64


def pieces(tokens: int, vocabulary: int, device: str) -> int:
    """How many tokens a piece has."""
    most = LOGITS.get(device, MANY_LOGITS) // max(1, vocabulary)
    return max(1, min(tokens, max(LEAST, most)))


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
    told: torch.Tensor = _MeanLoss.apply(hidden, weight, targets, bias, smoothing)  # type: ignore[no-untyped-call]
    return told


@torch.no_grad()
def losses(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, *, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """The cross-entropy of each token, float32 [n]; 0 where it does not count. Without gradient."""
    told = torch.zeros(len(targets), device=hidden.device)
    size = pieces(len(targets), len(weight), hidden.device.type)
    for start in range(0, len(targets), size):
        logits = _logits(hidden[start : start + size], weight, bias)
        told[start : start + size] = torch.nn.functional.cross_entropy(
            logits, targets[start : start + size], ignore_index=IGNORED, reduction="none"
        )
    return told


def _logits(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    told = (hidden @ weight.t()).float()
    return told if bias is None else told.add_(bias)


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
        size = pieces(len(targets), len(weight), kind)
        with torch.autocast(kind, enabled=False):
            for start in range(0, len(targets), size):
                part = slice(start, start + size)
                wanted = targets[part].clamp(min=0)[:, None]
                here = counted[part, None].float()
                chances = _logits(low[part], table, bias)
                normal = torch.logsumexp(chances, dim=-1, keepdim=True)
                told = normal - (1 - smoothing) * chances.gather(1, wanted)
                if smoothing:
                    told -= smoothing * chances.mean(dim=-1, keepdim=True)
                total += (told * here).sum()
                if for_hidden is None and for_weight is None:
                    continue
                chances.sub_(normal).exp_()
                if smoothing:
                    chances.sub_(smoothing / chances.shape[1])
                chances.scatter_add_(1, wanted, torch.full_like(normal, smoothing - 1))
                slope = chances.mul_(here * share).to(precision)
                if for_hidden is not None:
                    torch.mm(slope, table, out=for_hidden[part])
                if for_weight is not None:
                    for_weight += slope.t() @ low[part]
        ctx.save_for_backward(for_hidden, for_weight)
        return total * share

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """What the forward pass made, times what comes from above."""
        above = gradients[0]
        made = zip(ctx.saved_tensors, ctx.kinds, strict=True)
        return (*(None if one is None else (one * above).to(kind) for one, kind in made), None, None, None)
