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
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import compact_embedding
from desktop_llm.nets.adapter import Adapter

EMBEDDING_SUFFIX = ".weight"


class Kept:
    """What learners share that are a model of transformers: saved, taken over again, narrowed, adapted."""

    model: PreTrainedModel

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Put both together."""
        self.model = model
        self._tokenizer = tokenizer
        self._compact: compact_embedding.CompactEmbedding | None = None
        self._adapter: Adapter | None = None
        pad = tokenizer.pad_token_id
        self._pad = int(pad) if isinstance(pad, int) else 0

    def narrow_to(self, used: Iterable[np.ndarray], always: Iterable[int] = ()) -> None:
        """Train only the word embeddings of these token ids; exact, see `nets.compact_embedding`."""
        self._compact = compact_embedding.compact(self.model, used, [self._pad, *always])

    def adapt(self, recipe: Recipe) -> None:
        """Leave the model as the recipe's folder has it, and learn matrices beside its own. Raises UserError."""
        self._adapter = Adapter(self.model, recipe)

    def save(self, folder: Path, *, part: bool = False) -> None:
        """Model (safetensors, float32), config with label names, and tokenizer in Hugging Face layout.

        With `part`, an adapted model leaves only what learns; else it is merged.
        """
        if self._adapter is not None and part:
            self._adapter.save(folder)
            self.model.config.save_pretrained(folder)
        else:
            self.model.save_pretrained(folder, state_dict=self._state())
        self._tokenizer.save_pretrained(folder)

    def save_adapter(self, folder: Path) -> None:
        """What is learned beside the model, in peft's layout."""
        assert self._adapter is not None, "there is no adapter"
        self._adapter.save(folder)
        self._tokenizer.save_pretrained(folder)

    def _state(self) -> dict[str, torch.Tensor]:
        """The whole model on the CPU, under the names that it has without our parts in it."""
        if self._adapter is not None:
            return self._adapter.merged()
        state = {name: value.detach().to("cpu") for name, value in self.model.state_dict().items()}
        if self._compact is not None:
            state[self._embedding_name()] = self._compact.expanded()
        return state

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a saved folder, word embeddings cut as they are here. Raises UserError."""
        if self._adapter is not None:
            self._adapter.adopt(folder)
            return
        try:
            state = load_file(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise UserError(f"The weights in “{folder}” cannot be read ({error}).") from error
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
