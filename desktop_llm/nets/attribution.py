"""What each token of a text adds to the chance of a class: integrated gradients, by captum.

Along the straight line from the embeddings of padding to those of the text, the gradient of the chance is integrated
and multiplied by the difference (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks",
arXiv:1703.01365). What the tokens add then sums up to the difference of the two chances; by how much the sum misses it
tells whether there were steps enough. Special tokens stay as they are, and so do places: the model is always given the
text's own ids, only what it makes of them first is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import explanation
from desktop_llm.nets.learner import Explaining

FIRST_STEPS, MOST_STEPS = 32, 512
AT_ONCE = 4096
"""Tokens whose gradients are taken at once."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What each token adds, float64 [tokens], to the chance that padding alone has, `empty`, on the way to `chance`."""

    adds: np.ndarray
    chance: float
    empty: float
    steps: int


def shares(
    learner: Explaining,
    ids: Sequence[int],
    special: Sequence[bool],
    place: int,
    *,
    on_steps: Callable[[int], None] = lambda steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Shares:
    """Integrated gradients of the chance of class `place`, with twice as many steps until their sum is near enough.

    `on_steps(steps)` is called before each try. Raises UserError, Cancelled.
    """
    layer = _embeddings(learner.model)
    device = next(learner.model.parameters()).device
    text = torch.tensor([list(ids)], device=device)
    mask = torch.tensor([list(special)], device=device)
    nothing = torch.where(mask, text, torch.full_like(text, _filler(learner.tokenizer)))

    def chance(given: torch.Tensor) -> torch.Tensor:
        if should_stop():
            raise Cancelled
        return learner.chances(learner.logits({"input_ids": given}))[:, place]

    integrate = _captum()(chance, layer)
    with torch.no_grad():
        reached, empty = float(chance(text)), _instead(layer, layer(nothing), lambda: float(chance(text)))
    wanted, steps = reached - empty, FIRST_STEPS
    while True:
        on_steps(steps)
        told = integrate.attribute(
            text, nothing, n_steps=steps, internal_batch_size=max(1, AT_ONCE // max(1, len(ids)))
        )
        adds = told.detach().sum(dim=-1)[0].double().cpu().numpy()
        near = abs(float(adds.sum()) - wanted) <= explanation.tolerance(reached, empty)
        if near or steps >= MOST_STEPS:
            return Shares(adds, reached, empty, steps)
        steps *= 2


def _instead(layer: torch.nn.Module, made: torch.Tensor, ask: Callable[[], float]) -> float:
    """What `ask` says while a layer gives `made`, whatever it is given."""
    hook = layer.register_forward_hook(lambda *_: made)
    try:
        return ask()
    finally:
        hook.remove()


def _embeddings(model: Any) -> torch.nn.Module:
    if not hasattr(model, "get_input_embeddings"):
        raise UserError("This folder holds a model in ONNX, which has no gradients; explain the run that it came from.")
    layer: torch.nn.Module = model.get_input_embeddings()
    return layer


def _filler(tokenizer: Any) -> int:
    """The token that stands for no word."""
    for told in (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.unk_token_id):
        if isinstance(told, int):
            return told
    return 0


def _captum() -> Any:
    """The class of captum. It loads matplotlib, too, with which nothing is drawn here."""
    os.environ.setdefault("MPLBACKEND", "agg")
    from captum.attr import LayerIntegratedGradients

    return LayerIntegratedGradients
