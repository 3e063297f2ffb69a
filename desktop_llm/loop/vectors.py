"""Vectors of texts on disk: made once for each text and encoder, found by what the text says.

A folder with `vectors.f16` (one row a text, float16) and `keys.u64` (one key a row, the first 8 bytes of BLAKE2b of the
text). Both only grow; what a power cut left half written is cut off. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error

VECTORS, KEYS, ABOUT = "vectors.f16", "keys.u64", "about.json"


def key_of(text: str) -> int:
    """The key of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def keys_of(texts: Sequence[str]) -> np.ndarray:
    """The keys of texts, uint64 [n]."""
    return np.fromiter((key_of(text) for text in texts), dtype=np.uint64, count=len(texts))


class Vectors:
    """The vectors of one encoder."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; nothing is made before `add`. Raises UserError."""
        self.folder = folder
        try:
            self.width = int(json.loads((folder / ABOUT).read_text(encoding="utf-8"))["width"])
            self._keys = np.fromfile(folder / KEYS, dtype="<u8")
            rows = min(len(self._keys), (folder / VECTORS).stat().st_size // (2 * self.width))
        except (FileNotFoundError, ValueError, KeyError, TypeError, ZeroDivisionError):
            self.width, self._keys, rows = 0, np.zeros(0, dtype=np.uint64), 0
        except OSError as error:
            raise from_os_error(error, "read the embeddings", folder) from error
        self._keys = self._keys[:rows]
        self._order = np.argsort(self._keys, kind="stable")

    def __len__(self) -> int:
        """How many texts have a vector."""
        return len(self._keys)

    def places(self, keys: np.ndarray) -> np.ndarray:
        """Where the vector of each key lies, int64 [n]; −1 where there is none."""
        if not len(self._keys):
            return np.full(len(keys), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self._keys, keys, sorter=self._order), len(self._keys) - 1)
        places = self._order[found]
        return np.where(self._keys[places] == keys, places, -1).astype(np.int64)

    def get(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vectors float32 [m, width] of the keys that have one, and which these are, bool [n]."""
        places = self.places(keys)
        there = places >= 0
        if not there.any():
            return np.zeros((0, max(1, self.width)), dtype=np.float32), there
        mapped = np.memmap(self.folder / VECTORS, dtype="<f2", mode="r", shape=(len(self._keys), self.width))
        return np.asarray(mapped[places[there]], dtype=np.float32), there

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Keep vectors float [n, width] of new keys. Raises UserError."""
        if not len(keys):
            return
        try:
            self._begin(vectors.shape[1])
            # the vectors first: a key without its vector would give a row another one's
            for name, told in ((VECTORS, vectors.astype("<f2")), (KEYS, keys.astype("<u8"))):
                with (self.folder / name).open("r+b") as file:
                    file.seek(len(self._keys) * told.itemsize * (self.width if name == VECTORS else 1))
                    file.write(told.tobytes())
                    file.truncate()
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise from_os_error(error, "keep the embeddings", self.folder) from error
        self._keys = np.concatenate([self._keys, keys.astype(np.uint64)])
        self._order = np.argsort(self._keys, kind="stable")

    def _begin(self, width: int) -> None:
        if self.width and self.width != width:
            raise UserError(f"“{self.folder}” holds vectors of another size; delete it, it is made anew.")
        if self.width:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (VECTORS, KEYS):
            (self.folder / name).write_bytes(b"")
        atomic.write_text(self.folder / ABOUT, json.dumps({"width": width}))
        self.width = width
