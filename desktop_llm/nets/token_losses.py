"""The loss of each of some tokens at a language model's head, to be learned from in whatever way they are put together.

As in `nets.head_loss` the logits of all tokens never exist together where they are many. What a token's loss asks of
its hidden state is made in the forward pass, and multiplied by what comes from above later; only where the head learns,
too, are the logits of a piece made a second time, as its gradient cannot be told apart by tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from desktop_llm.nets import head_loss


def token_losses(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of `hidden` [n, d] times `weight` [v, d] against `targets` int64 [n], each; float32 [n].

    It can be differentiated. Under autocast the products are in its precision, the rest in float32.
    """
    if head_loss.pieces(len(targets), len(weight), hidden.device) >= len(targets):
        logits = torch.nn.functional.linear(hidden, weight)
        return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
    told: torch.Tensor = _Losses.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return told


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The losses; what each asks of its hidden state is kept, if that is wanted."""
        kind = hidden.device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        low, table = hidden.to(precision), weight.to(precision)
        ctx.kinds = hidden.dtype, weight.dtype
        for_hidden = torch.empty_like(low) if wants_hidden else None
        normals = torch.empty(len(targets), 1, dtype=torch.float32, device=hidden.device)
        told = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        size = head_loss.pieces(len(targets), len(weight), hidden.device)
        with torch.autocast(kind, enabled=False):
            for start in range(0, len(targets), size):
                part = slice(start, start + size)
                wanted = targets[part, None]
                chances = (low[part] @ table.t()).float()
                normal = normals[part] = torch.logsumexp(chances, dim=-1, keepdim=True)
                told[part] = (normal - chances.gather(1, wanted))[:, 0]
                if for_hidden is not None:
                    slope = _slope(chances, normal, wanted).to(precision)
                    torch.mm(slope, table, out=for_hidden[part])
        ctx.save_for_backward(for_hidden, *((low, table, targets, normals) if wants_weight else ()))
        return told

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """For both tensors what each token asks, times what comes from above."""
        above = gradients[0][:, None]
        for_hidden, *rest = ctx.saved_tensors
        made = None if for_hidden is None else (for_hidden * above).to(ctx.kinds[0])
        return made, _for_weight(above, *rest).to(ctx.kinds[1]) if rest else None, None


def _for_weight(
    above: torch.Tensor, low: torch.Tensor, table: torch.Tensor, targets: torch.Tensor, normals: torch.Tensor
) -> torch.Tensor:
    made = torch.zeros(table.shape, dtype=torch.float32, device=table.device)
    size = head_loss.pieces(len(targets), len(table), table.device)
    with torch.autocast(table.device.type, enabled=False):
        for start in range(0, len(targets), size):
            part = slice(start, start + size)
            chances = (low[part] @ table.t()).float()
            slope = (_slope(chances, normals[part], targets[part, None]) * above[part]).to(table.dtype)
            made += slope.t() @ low[part]
    return made


def _slope(chances: torch.Tensor, normal: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """What a token's loss asks of its logits: the chances, less one where the token is; in place of the logits."""
    return chances.sub_(normal).exp_().scatter_add_(1, wanted, -torch.ones_like(normal))
