"""A word embedding cut to the tokens that a run's texts contain, and put back whole when the model is saved.

A pretrained vocabulary has tens of thousands of rows, a team's texts use a few thousand. Rows that no text uses
get no gradient, and embeddings have no weight decay in our optimizer, so they never change: leaving them out of
the optimizer changes no figure of the run, and takes their share (half the parameters of a small encoder) out of
every step's clipping and AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class CompactEmbedding(nn.Module):
    """Looks up original token ids in a table that holds only the rows in use.

    `weight` float [used, width] is trained; ids that are not in use must not be looked up.
    """

    places: torch.Tensor

    def __init__(self, full: nn.Embedding, used: np.ndarray) -> None:
        """Keep the rows `used` (sorted token ids, int64) of `full` trainable and the whole table aside."""
        super().__init__()
        self.used = torch.from_numpy(used)
        self.whole = full.weight.detach().clone()
        self.weight = nn.Parameter(full.weight.detach()[self.used.to(full.weight.device)].clone())
        places = torch.zeros(full.num_embeddings, dtype=torch.int64)
        places[self.used] = torch.arange(len(used))
        self.register_buffer("places", places.to(full.weight.device), persistent=False)
        pad = full.padding_idx
        self.padding_idx = int(places[pad]) if pad is not None and pad in set(used.tolist()) else None
        self.num_embeddings, self.embedding_dim = full.num_embeddings, full.embedding_dim

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embed ids int64 [...] to float [..., width]."""
        return functional.embedding(self.places[ids], self.weight, padding_idx=self.padding_idx)

    def expanded(self, trained: torch.Tensor) -> torch.Tensor:
        """The whole table with the rows `trained` put back, on the CPU."""
        whole = self.whole.to("cpu", copy=True)
        # by numpy, in this thread alone: another one may be training, and wants the cores
        whole.view(torch.uint8).numpy()[self.used.numpy()] = trained.contiguous().view(torch.uint8).numpy()
        return whole


def compact(model: nn.Module, used_ids: Iterable[np.ndarray], always: Iterable[int]) -> CompactEmbedding | None:
    """Put a compact embedding into a transformers model, where that is exact and worth it.

    `used_ids` are arrays of token ids, `always` further ids to keep (padding). None when the model has no plain
    input embedding, shares it with another part, or its texts use more than half of the rows.
    """
    full = model.get_input_embeddings()  # type: ignore[operator]
    if type(full) is not nn.Embedding or full.max_norm is not None or not full.weight.requires_grad:
        return None
    if sum(parameter is full.weight for parameter in _all_parameters(model)) != 1:
        return None
    used = np.unique(np.concatenate([*(np.unique(ids) for ids in used_ids), np.asarray(list(always))]).astype(np.int64))
    if len(used) * 2 > full.num_embeddings:
        return None
    part = CompactEmbedding(full, used)
    model.set_input_embeddings(part)  # type: ignore[operator]
    return part


def _all_parameters(model: nn.Module) -> list[nn.Parameter]:
    return [
        parameter for module in model.modules() for parameter in module._parameters.values() if parameter is not None
    ]
