"""How much a model computes for what it learns from: the FLOPs of the model itself, by the usual formula.

A number that a token is multiplied with costs two operations forward, two for the gradient of what comes in and two for
its own: 6 N a token, and 12 times width times length a layer for attention (PaLM, Chowdhery et al. 2022, appendix B;
nanoGPT's `estimate_mfu`). Real tokens alone count, no padding; nothing counts that is computed twice to save memory.
What does not learn has no gradient of its own, and where nothing below it learns, none at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from desktop_llm.nets import stack
from desktop_llm.nets.learner import Learner, Partial
from desktop_llm.nets.sequence_head import SequenceHead

FORWARD, INWARD, OWN = 2.0, 2.0, 2.0
LOCAL = "sliding_attention"
HEAD = "head"
"""A table of words that is the head, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """A step's FLOPs: so many a `token` and a `text`, and `pair` for each two tokens of a text that meet in layers.

    `windows` are how many tokens a token meets, and in how many layers; 0: all of its text's.
    """

    token: float
    text: float
    pair: float
    windows: tuple[tuple[int, int], ...]
    sequences: int = 1
    """In how many parts of one length a text is read."""

    def of(self, lengths: np.ndarray) -> float:
        """Of a step on examples of these lengths, int64 [n] in tokens."""
        parts = lengths / self.sequences
        pairs = self.sequences * sum(
            layers * float((parts * (np.minimum(parts, window) if window else parts)).sum())
            for window, layers in self.windows
        )
        return self.token * float(lengths.sum()) + self.text * len(lengths) + self.pair * pairs


def of(learner: Learner) -> Flops:
    """What a learner's steps compute, once it is settled what of it learns."""
    model = learner.model
    body = stack.body_of(model) if isinstance(learner, SequenceHead) and isinstance(model, PreTrainedModel) else ""
    token = text = 0.0
    # each side of an encoder-decoder sees its own tokens alone, about half of them
    seen = 0.5 if isinstance(model, PreTrainedModel) and model.config.is_encoder_decoder else 1.0
    partial = learner if isinstance(learner, Partial) else None
    for name, count, factor in _multiplied(model):
        if partial is not None and _is_head(name, model):
            token += factor * count * partial.head_share
        elif body and not stack.in_body(name, body):  # a text's head sees the text once, not each token
            text += factor * count
        else:
            token += factor * count * seen
    config = getattr(model, "config", None)
    config = config.get_text_config() if config is not None else None
    sequences = 1 if partial is None else partial.sequences
    return Flops(token=token, text=text, pair=_pair(config, model), windows=_windows(config), sequences=sequences)


def _is_head(name: str, model: nn.Module) -> bool:
    """Whether a matrix, by its name in `_multiplied`, makes words of the last hidden states."""
    head = model.get_output_embeddings() if isinstance(model, PreTrainedModel) else None  # type: ignore[no-untyped-call]
    return head is not None and (name == HEAD or model.get_submodule(name.rpartition(".")[0]) is head)


def _multiplied(model: nn.Module) -> Iterator[tuple[str, int, float]]:
    """Each matrix by name, without tables that are only looked up in: its size, and what a token costs for each of its
    numbers."""
    tables, below = stack.embeddings(model), False
    for name, parameter in model.named_parameters():
        learns = parameter.requires_grad
        if parameter.ndim >= 2 and id(parameter) not in tables:
            yield name, _size(parameter), FORWARD + (INWARD if below or learns else 0.0) + (OWN if learns else 0.0)
        below = below or learns
    head = model.get_output_embeddings() if isinstance(model, PreTrainedModel) else None  # type: ignore[no-untyped-call]
    weight = getattr(head, "weight", None)
    if weight is not None and id(weight) in tables:  # one table for words that come in and go out
        yield HEAD, weight.numel(), FORWARD + INWARD + (OWN if weight.requires_grad else 0.0)


def _size(matrix: nn.Parameter) -> int:
    """How many numbers a matrix has; one kept in 4 bits has two of them in each of its own."""
    state = getattr(matrix, "quant_state", None)
    return matrix.numel() if state is None else math.prod(state.shape)


def _pair(config: Any, model: nn.Module) -> float:
    """Scores and their use: two products of a head's width for each pair, as often again twice on the way back."""
    if config is None:
        return 0.0
    heads = int(getattr(config, "num_attention_heads", 0) or 0)
    width = int(getattr(config, "head_dim", 0) or 0) * heads or int(getattr(config, "hidden_size", 0) or 0)
    frozen = not any(one.requires_grad for name, one in model.named_parameters() if not _above(name, model))
    return 2 * FORWARD * width * (1.0 if frozen else 3.0)


def _above(name: str, model: nn.Module) -> bool:
    body = stack.body_of(model) if isinstance(model, PreTrainedModel) else ""
    return bool(body) and not stack.in_body(name, body)


def _windows(config: Any) -> tuple[tuple[int, int], ...]:
    """How many layers look at how many tokens around; a model whose config does not tell looks at all."""
    layers = int(getattr(config, "num_hidden_layers", 0) or 0)
    kinds = list(getattr(config, "layer_types", None) or [])
    window = int(getattr(config, "sliding_window", 0) or 0)
    local = kinds.count(LOCAL) if window else 0
    return ((0, layers - local), (window, local))
