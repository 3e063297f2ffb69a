"""Token ids that are made once and kept on the disk: numpy files, mapped into memory by whoever learns from them.

    SHELF/0f3a…-9b2c…/train/  ids.npy uint16 or uint32 [tokens]  begins.npy int64 [texts + 1]  MANIFEST.json

The name is the beginning of the data's hash and a hash of the tokenizer and how texts stand in a row; the manifest has
the size and the hash of each file. A folder is written beside and renamed, so what is there is whole; it may be removed
at any time, and is then made again. Several processes of a run may make the same at once: the first one done counts.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from desktop_llm import atomic
from desktop_llm.errors import from_os_error

IDS, BEGINS = "ids.npy", "begins.npy"
FORMAT = 1
KEPT = 3
"""So many data sets with their tokenizers are kept, those used last."""
PART = ".part"
ABANDONED_SECONDS = 86_400.0
"""What has not been written to for so long is of a process that was killed."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where tokens are kept, what hash the data has that they are made of, and the part of it, such as a split."""

    folder: Path
    data: str
    part: str

    def place(self, made_by: str) -> Path:
        """The folder of the tokens that `made_by`, whatever tells a tokenizer and its ways, makes of the data."""
        name = hashlib.sha256("\0".join((str(FORMAT), self.data, made_by)).encode()).hexdigest()[:16]
        return self.folder / f"{self.data[:16]}-{name}" / self.part


class Growing:
    """A numpy file of one dimension that grows at its end."""

    def __init__(self, file: IO[bytes], kind: Any) -> None:
        """Begin it in an empty file."""
        self._file, self._kind, self.length = file, np.dtype(kind), 0
        self._write_head()

    def add(self, values: np.ndarray) -> None:
        """Put values behind what is there. Raises OSError."""
        self._file.write(np.ascontiguousarray(values, dtype=self._kind).data)
        self.length += len(values)

    def end(self) -> None:
        """Say at the beginning how many they are. Raises OSError."""
        self._file.seek(0)
        self._write_head()  # numpy leaves room in it for a length that grows

    def _write_head(self) -> None:
        told = {"descr": np.lib.format.dtype_to_descr(self._kind), "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, told)


def kept(place: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The ids and where texts begin in them, mapped into memory; None where they are not there, or damaged."""
    _sweep(place.parent)
    if not place.is_dir():
        return None
    if atomic.damage(place):
        shutil.rmtree(place, ignore_errors=True)
        return None
    with suppress(OSError):
        os.utime(place.parent)
    return _mapped(place / IDS), np.array(_mapped(place / BEGINS))


@contextmanager
def filling(place: Path, kind: Any) -> Iterator[tuple[Growing, Growing]]:
    """Ids and beginnings to be written; on a clean exit they are at `place`. Raises UserError if the disk refuses."""
    made = place.with_name(f".{place.name}.{secrets.token_hex(8)}{PART}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with (
            atomic.new_folder(made) as folder,
            (folder / IDS).open("wb") as ids,
            (folder / BEGINS).open("wb") as begins,
        ):
            both = Growing(ids, kind), Growing(begins, np.int64)
            yield both
            for one in both:
                one.end()
        _put(made, place)
        _tidy(place.parent)
    except OSError as error:
        raise from_os_error(error, "keep the tokens of the texts in", place.parent) from error


def _mapped(path: Path) -> np.ndarray:
    told: np.ndarray
    try:
        told = np.load(path, mmap_mode="r")
    except ValueError:  # nothing cannot be mapped
        told = np.load(path)
    return told


def _put(made: Path, place: Path) -> None:
    """Let what was made be at `place`, unless another process was quicker. Raises OSError."""
    try:
        os.rename(made, place)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not place.is_dir() or atomic.damage(place):
            raise


def _sweep(folder: Path) -> None:
    """Remove what killed processes left; what others may still be filling stays."""
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError):
            if time.time() - max(one.stat().st_mtime for one in (part, *part.iterdir())) > ABANDONED_SECONDS:
                shutil.rmtree(part, ignore_errors=True)


def _tidy(newest: Path) -> None:
    """Remove what was not used for the longest time."""
    others = [one for one in newest.parent.iterdir() if one.is_dir() and one != newest]
    for one in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(one, ignore_errors=True)
