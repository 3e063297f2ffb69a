"""Which encoder the loop uses, and the vectors that it needs of a project's rows, made once and kept in the project."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.paths import expanded
from desktop_llm.verbs import loop_rows
from desktop_llm.verbs.evaluating import finished_folder

if TYPE_CHECKING:
    import numpy as np

    from desktop_llm.loop.vectors import Vectors
    from desktop_llm.store.project import Project

FOLDER = "embeddings"
BATCH = 256
ENDS = 1 << 20
"""Bytes at both ends of a weights file by which it is known: to read all of it would take longer than the loop does."""
WORDS = ""
"""The encoder of a project that has chosen none: the words of the texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of the vectors that are missing are there, and the seconds left."""

    done: int
    total: int
    left: float | None


def encoder(project: Project, told: str) -> Path:
    """The model folder that is meant: a folder, or the number of a run of the project. Raises UserError."""
    if told.isdecimal():
        return finished_folder(project, int(told)).model
    folder = expanded(told).absolute()
    if not (folder / "config.json").is_file():
        raise UserError(f"“{folder}” is not a model folder: config.json is missing; choose another one or a run.")
    return folder


def kept(project: Project, folder: Path) -> Vectors:
    """Where the vectors of that encoder are kept in the project. Raises UserError."""
    from desktop_llm.loop.vectors import Vectors

    return Vectors(project.path / FOLDER / mark(folder))


def mark(folder: Path) -> str:
    """What an encoder is known by: its files' sizes, its configuration, and both ends of its weights."""
    digest = hashlib.blake2b(digest_size=8)
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".json", ".txt", ".safetensors", ".model"):
                continue
            size = path.stat().st_size
            digest.update(f"{path.name}:{size}:".encode())
            with path.open("rb") as file:
                digest.update(file.read(ENDS))
                if size > 2 * ENDS:
                    file.seek(size - ENDS)
                    digest.update(file.read(ENDS))
    except OSError as error:
        raise UserError(f"“{folder}” cannot be read ({error.strerror}); choose another model folder.") from error
    return digest.hexdigest()


def fill(
    project: Project,
    folder: Path,
    embed: Callable[[Sequence[str]], np.ndarray],
    *,
    on_progress: Callable[[Progress], None] = lambda told: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Make the vectors that the loop misses; how many were made. What is made stays when it is stopped.

    Labeled rows come first, as there is nothing to learn without them. Raises Cancelled, UserError.
    """
    from desktop_llm.loop import vectors

    told = {row.item: row.text for row in loop_rows.known(project)}
    told |= loop_rows.texts(project, loop_rows.waiting(project), should_stop)
    if should_stop():
        raise Cancelled
    there = kept(project, folder)
    every = list(dict.fromkeys(told.values()))
    keys = vectors.keys_of(every)
    missing = [place for place, found in enumerate(there.places(keys)) if found < 0]
    began = time.monotonic()
    for start in range(0, len(missing), BATCH):
        if should_stop():
            raise Cancelled
        part = missing[start : start + BATCH]
        there.add(keys[part], embed([every[place] for place in part]))
        done = start + len(part)
        left = (time.monotonic() - began) / done * (len(missing) - done)
        on_progress(Progress(done=done, total=len(missing), left=left))
    return len(missing)
