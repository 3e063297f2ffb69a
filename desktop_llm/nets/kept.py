"""A model with its tokenizer as it is kept in a folder of Hugging Face layout, word embeddings cut while it learns."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import compact_embedding
from desktop_llm.nets.adapter import Adapter, is_halved
from desktop_llm.nets.learner import Captured

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

    def as_kept(self) -> AbstractContextManager[object]:
        """Within this it computes in the precision of its weights.

        Token by token is slow where they are turned into another at each of them.
        """
        kind = self.model.device.type
        if is_halved(self.model):
            return torch.autocast(kind, dtype=torch.bfloat16)
        return torch.autocast(kind, enabled=False)

    def captured(self) -> Captured:
        """What model and config are now; of an adapted model, what learns."""
        # what is decided beside the weights is kept in the config, and may be decided anew while this is written
        config = copy.deepcopy(self.model.config)
        if self._adapter is not None:
            return Captured(self._adapter.learned(), lambda folder, told: self._write_part(folder, told, config))
        places: dict[int, str] = {}  # what parts share is kept once, by its first name
        state = self.model.state_dict()
        tensors = {
            name: value.detach() for name, value in state.items() if places.setdefault(value.data_ptr(), name) == name
        }
        return Captured(tensors, lambda folder, told: self._write(folder, told, config))

    def save(self, folder: Path) -> None:
        """Model (safetensors, float32), config with label names, and tokenizer in Hugging Face layout.

        What an adapted model has learned is merged in.
        """
        if self._adapter is not None:
            self._write(folder, self._adapter.merged(), copy.deepcopy(self.model.config))
            return
        captured = self.captured()
        captured.write(folder, {name: value.to("cpu") for name, value in captured.tensors.items()})

    def save_adapter(self, folder: Path) -> None:
        """What is learned beside the model, in peft's layout."""
        assert self._adapter is not None, "there is no adapter"
        self._adapter.write(folder, {name: value.to("cpu") for name, value in self._adapter.learned().items()})
        self._tokenizer.save_pretrained(folder)

    def _write_part(self, folder: Path, tensors: Mapping[str, torch.Tensor], config: PretrainedConfig) -> None:
        assert self._adapter is not None, "there is no adapter"
        self._adapter.write(folder, tensors)
        config.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    def _write(self, folder: Path, tensors: Mapping[str, torch.Tensor], config: PretrainedConfig) -> None:
        state = dict(tensors)
        if self._compact is not None:
            name = self._embedding_name()
            state[name] = self._compact.expanded(state[name])
        self.model.save_pretrained(folder, state_dict=state)
        config.dtype, config.architectures = self.model.config.dtype, self.model.config.architectures
        config.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a saved folder, word embeddings cut as they are here. Raises UserError."""
        if self._adapter is not None:
            self._adapter.adopt(folder)
            return
        try:
            state = load_file(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise UserError(f"The weights in “{folder}” cannot be read ({error}).") from error
        there = {value.data_ptr(): name for name, value in self.model.state_dict().items() if name in state}
        reckoned = set(self.model._keys_to_ignore_on_save or ())
        for name, value in self.model.state_dict().items():
            if name not in state and value.data_ptr() in there:
                state[name] = state[there[value.data_ptr()]]  # shared, and so written once
            elif name not in state and name in reckoned:
                state[name] = value  # such as the sines of positions, which no file holds
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
