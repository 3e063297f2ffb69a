"""The rows that the loop looks at, as vectors, with what is computed of them once."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import features


class Pool:
    """`x` float32 [n, d] as `features.standard` makes it; rows are known by their place in it."""

    def __init__(self, raw: np.ndarray) -> None:
        """`raw` [n, d] as an encoder or `features.of_texts` gave it."""
        self.middle, self.spread = features.measures(raw)
        self.x = self.place(raw)
        self.unit = features.directions(self.x)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.x)

    def place(self, raw: np.ndarray) -> np.ndarray:
        """Other rows as this pool's rows are made, float32 [m, d]."""
        return features.standard(raw, self.middle, self.spread)
