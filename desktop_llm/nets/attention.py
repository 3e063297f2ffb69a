"""Attention for models of transformers: by plain matrix products where that is faster, else by PyTorch's kernel.

On a processor PyTorch's fused attention works in float32 throughout; for short texts three matrix products in the
precision of the run, with the scores held in memory, take half the time (measured on an EPYC, bfloat16, one thread,
forward and backward, 6 heads of 64: 25 against 48 ms for 8 texts of 256 tokens, 4 against 15 for 12 of 64, 80 against
101 for 2 of 1,024). So it is with encoders, while they learn (a step of MiniLM with 32 questions, no dropout: 0.42
against 0.65 s in bfloat16, 0.62 against 0.72 in float32); forward alone the kernel is as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from desktop_llm.nets import varlen

NAME = "desktop_llm"
SHORT = 512
"""Tokens up to which the scores are held in memory."""
BEGINS = "cu_seq_lens_q"
"""Under this key models of transformers hand on where each text begins, as `varlen.starts` tells it."""


def use(model: PreTrainedModel) -> None:
    """Let a model attend by this; masks are given to it as `mask_of` makes them, or none for plain causal."""
    model.set_attn_implementation(NAME)


def used(model: PreTrainedModel) -> bool:
    """Whether a model attends by this."""
    return bool(model.config._attn_implementation == NAME)


def use_plain(model: PreTrainedModel) -> None:
    """Let a model attend by PyTorch's own kernel, or else in its own way, with the masks that it makes itself."""
    for kind in ("sdpa", "eager"):
        try:
            model.set_attn_implementation(kind)
        except (ValueError, TypeError, RuntimeError, KeyError):
            continue
        return


def use_fitting(model: torch.nn.Module, ids: torch.Tensor, longest: int | None = None) -> None:
    """Let a model that makes its own masks learn by matrix products where these are faster; it answers by the kernel.

    It is to read `ids` [b, t] now, or texts up to `longest` tokens.
    """
    if not isinstance(model, PreTrainedModel):
        return  # what stands where a model of transformers stands
    short = (ids.shape[1] if longest is None else longest) <= SHORT
    wanted = "eager" if ids.device.type == "cpu" and model.training and short else "sdpa"
    if model.config._attn_implementation != wanted:
        with suppress(ValueError, TypeError, RuntimeError, KeyError):
            model.set_attn_implementation(wanted)


@contextmanager
def plain(model: PreTrainedModel) -> Iterator[None]:
    """`use_plain` for a while."""
    before = model.config._attn_implementation
    use_plain(model)
    try:
        yield
    finally:
        if before is not None:
            model.set_attn_implementation(before)


def mask_of(documents: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What each place of a block sees: those before it of the same document. `documents` [b, t] to [b, 1, t, t].

    Zero where it sees, the lowest number of `dtype` where not.
    """
    size = documents.shape[1]
    before = torch.ones(size, size, dtype=torch.bool, device=documents.device).tril()
    return mask_from((documents[:, :, None] == documents[:, None, :]) & before, dtype)


def mask_from(sees: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """As `mask_of`, of what each place sees, bool [b, t, t]."""
    told = torch.zeros(sees.shape, dtype=dtype, device=sees.device)
    return told.masked_fill_(~sees, torch.finfo(dtype).min)[:, None]


def apart(begins: torch.Tensor, size: int) -> dict[str, Any]:
    """What a model is given beside its tokens, lines of `size`, to read each text as if it stood alone."""
    return {BEGINS: begins, "cu_seq_lens_k": begins, "max_length_q": size, "max_length_k": size}


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Query [b, heads, t, d], key and value [b, key heads, t, d] to [b, t, heads, d]; the mask is one of `mask_of`.

    Where the model hands on BEGINS there is no mask, and each text is read as if it stood alone.
    """
    begins = more.pop(BEGINS, None)
    if begins is not None:
        if varlen.fits(query, dropout):
            return varlen.attend(query, key, value, begins, scaling), None
        places = varlen.documents(begins, (query.shape[0], query.shape[2]))
        attention_mask = mask_of(places, varlen.precision_of(query))
    if query.device.type != "cpu" or query.shape[2] != key.shape[2] or query.shape[2] > SHORT:
        if attention_mask is not None:
            attention_mask = attention_mask.to(query.dtype)
        told: torch.Tensor = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )[0]
        return told, None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (one.repeat_interleave(groups, dim=1) for one in (key, value))
    # scaled before the product, where there is less to scale
    scores = (query * (query.shape[-1] ** -0.5 if scaling is None else scaling)) @ key.transpose(-1, -2)
    if attention_mask is None:
        size = query.shape[2]
        attention_mask = torch.full((size, size), torch.finfo(scores.dtype).min, dtype=scores.dtype).triu_(1)
    chances = torch.softmax(scores + attention_mask.to(scores.dtype), dim=-1)
    if dropout:
        chances = functional.dropout(chances, dropout)
    return (chances @ value).transpose(1, 2), None


AttentionInterface.register(NAME, attend)
