"""Vectors of texts from a model folder, loaded once and asked often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from desktop_llm.engine import device as devices
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets.embedder import Embedder


class Encoder:
    """A model folder ready to embed."""

    def __init__(self, folder: Path) -> None:
        """Load it on the device that there is. Raises UserError."""
        self.folder = folder
        self._device = devices.choose(Recipe(bf16=False))
        with devices.memory_sentences():
            self._embedder = Embedder(folder)
            self._device.take(self._embedder.model)

    def embed(self, texts: Sequence[str], on_batch: Callable[[int], None] = lambda done: None) -> np.ndarray:
        """Vectors float32 [n, width] of length one, in the texts' order."""
        with devices.memory_sentences():
            return self._embedder.embed(texts, self._device.torch, on_batch)
