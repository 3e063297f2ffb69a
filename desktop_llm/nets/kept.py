"""A model with its tokenizer as it is kept in a folder of Hugging Face layout, word embeddings cut while it learns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm.errors import UserError
from desktop_llm.nets import compact_embedding

EMBEDDING_SUFFIX = ".weight"


class Kept:
    """What learners share that are a model of transformers: saved, taken over again, narrowed."""

    model: PreTrainedModel

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Put both together."""
        self.model = model
        self._tokenizer = tokenizer
        self._compact: compact_embedding.CompactEmbedding | None = None
        pad = tokenizer.pad_token_id
        self._pad = int(pad) if isinstance(pad, int) else 0

    def narrow_to(self, used: Iterable[np.ndarray], always: Iterable[int] = ()) -> None:
        """Train only the word embeddings of these token ids; exact, see `nets.compact_embedding`."""
        self._compact = compact_embedding.compact(self.model, used, [self._pad, *always])

    def save(self, folder: Path) -> None:
        """Model (safetensors, float32), config with label names, and tokenizer in Hugging Face layout."""
        copies: dict[int, torch.Tensor] = {}  # what parts share is one tensor there, too, and is written once
        state = {
            name: copies.setdefault(value.data_ptr(), value.detach().to("cpu"))
            for name, value in self.model.state_dict().items()
        }
        if self._compact is not None:
            state[self._embedding_name()] = self._compact.expanded()
        self.model.save_pretrained(folder, state_dict=state)
        self._tokenizer.save_pretrained(folder)

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a saved folder, word embeddings cut as they are here. Raises UserError."""
        try:
            state = load_file(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise UserError(f"The weights in “{folder}” cannot be read ({error}).") from error
        there = {value.data_ptr(): name for name, value in self.model.state_dict().items() if name in state}
        for name, value in self.model.state_dict().items():
            if name not in state and value.data_ptr() in there:
                state[name] = state[there[value.data_ptr()]]  # shared, and so written once
        if self._compact is not None:
            whole = state[self._embedding_name()]
            self._compact.whole = whole.clone()
            state[self._embedding_name()] = whole[self._compact.used]
        try:
            self.model.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(f"The weights in “{folder}” do not fit the model of this run.") from error

    def _embedding_name(self) -> str:
        for name, module in self.model.named_modules():
            if module is self._compact:
                return str(name) + EMBEDDING_SUFFIX
        raise RuntimeError("the compact embedding is not part of the model")
