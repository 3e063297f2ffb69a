"""How much each token of a text takes from each other in each head of a model: its attention, as it was computed.

Where heads look is no reason for an answer: other attention may give the same answer (Jain and Wallace 2019, "Attention
is not Explanation", arXiv:1902.10186). Those who ask why are better told by `nets.attribution`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.explanation import Attention
from desktop_llm.nets.learner import Explaining

MOST_TOKENS = 128
"""More of them cannot be told apart on a screen."""
NONE = "This kind of model does not tell where its heads look."


def maps(learner: object, row: Any) -> Attention:
    """The attention of every layer and head. Raises UserError."""
    if not isinstance(learner, Explaining) or not hasattr(learner.model, "set_attn_implementation"):
        raise UserError(NONE)
    pieces = learner.pieces(row)
    if len(pieces.ids) > MOST_TOKENS:
        raise UserError(
            f"The text has {len(pieces.ids):,} tokens; attention is shown for up to {MOST_TOKENS}: shorten it."
        )
    text = str(row["text"])
    model: Any = learner.model
    given = torch.tensor([list(pieces.ids)], device=model.device)
    quick = model.config._attn_implementation
    # the quick ways to compute attention never hold it as a whole
    model.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            told = model(input_ids=given, output_attentions=True).attentions
    finally:
        model.set_attn_implementation(quick)
    if not told:
        raise UserError(NONE)
    weights = torch.stack([one[0] for one in told]).float().cpu().numpy()
    names = learner.tokenizer.convert_ids_to_tokens(list(pieces.ids))
    tokens = [
        str(name) if special else text[start:end].strip() or "␣"
        for name, special, (start, end) in zip(names, pieces.special, pieces.places, strict=True)
    ]
    return Attention(tokens=tuple(tokens), weights=np.asarray(weights, dtype=np.float16))
