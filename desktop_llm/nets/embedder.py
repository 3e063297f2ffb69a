"""Texts as vectors of a frozen model: the mean of its last hidden states, from any folder with a model of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModel, PreTrainedModel

from desktop_llm.errors import UserError, first_line
from desktop_llm.nets import buckets, model_folder, tokens

LONGEST = 256
"""Tokens of a text that are read: what it is about stands there, and long ones cost with their square."""
BATCH = 64
CHECK = 512
"""Texts between two questions whether to stop."""


class Embedder:
    """A model's body without whatever stood above it."""

    def __init__(self, folder: Path) -> None:
        """Load it on the processor. Raises UserError."""
        model_folder.quiet()
        config = model_folder.config(folder)
        self._tokenizer = model_folder.tokenizer(folder)
        model_folder.check_vocabulary(folder, self._tokenizer, config)
        self.model = _body(folder)
        self.model.train(False)
        self._length = model_folder.longest(config, LONGEST)
        pad = self._tokenizer.pad_token_id
        self._pad = int(pad) if isinstance(pad, int) else 0

    def embed(
        self, texts: Sequence[str], device: torch.device, on_batch: Callable[[int], None] = lambda done: None
    ) -> np.ndarray:
        """Vectors float32 [n, width] of the texts, in their order, each of length one.

        `on_batch(done)` is called after every batch and may raise Cancelled.
        """
        rows = tokens.encode(self._tokenizer, ((text, -1) for text in texts), self._length, lambda *_: None)
        made: np.ndarray | None = None
        done = 0
        for places in buckets.evaluation_batches(rows.lengths, BATCH):
            batch = tokens.pad(rows, places.tolist(), self._pad)
            part = self._vectors({name: value.to(device) for name, value in batch.items()})
            made = np.zeros((len(texts), part.shape[1]), dtype=np.float32) if made is None else made
            made[places] = part
            done += len(places)
            on_batch(done)
        return np.zeros((0, 1), dtype=np.float32) if made is None else made

    @torch.inference_mode()
    def _vectors(self, batch: dict[str, torch.Tensor]) -> np.ndarray:
        given = {name: batch[name] for name in ("input_ids", "attention_mask") if name in batch}
        states = self.model(**given).last_hidden_state.float()
        mask = batch.get("attention_mask")
        if mask is None:
            mean = states.mean(dim=1)
        else:
            real = mask.unsqueeze(-1).to(states.dtype)
            mean = (states * real).sum(dim=1) / real.sum(dim=1).clamp(min=1.0)
        return np.asarray(torch.nn.functional.normalize(mean, dim=1).cpu().numpy(), dtype=np.float32)


def _body(folder: Path) -> PreTrainedModel:
    try:
        made, told = AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        why = first_line(error)
        raise UserError(f"The model in “{folder}” cannot be loaded ({why}); choose a model of texts.") from error
    absent = {
        str(one[0] if isinstance(one, tuple) else one) for key in model_folder.ABSENT for one in told.get(key, ())
    }
    if any("pooler." not in name for name in absent):
        raise UserError(
            f"The weights in “{folder}” do not fit its config.json ({len(absent):,} of them are missing or of another "
            "size); the files belong to different models, fetch them again."
        )
    model: PreTrainedModel = made
    if model.config.is_encoder_decoder:
        raise UserError(f"The model in “{folder}” reads and writes texts; choose one that only reads them.")
    return model
