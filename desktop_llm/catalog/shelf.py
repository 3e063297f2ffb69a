"""The list of model folders that a person keeps, and how more of them are found. It names folders and never owns them.

Kept as JSON in the program's data folder, written whole or not at all; an unreadable list is set aside, not lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from desktop_llm import atomic, log, paths
from desktop_llm.catalog import folder as folders
from desktop_llm.errors import Cancelled, UserError, from_os_error

DEPTH = 6
MOST = 500
"""Folders that one search adds at most."""
MIDWAY = ("trainer_state.json", "optimizer.pt", "optimizer.safetensors")
"""What lies beside weights that a training has not finished with, by transformers' Trainer or by this program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A folder on the list; `source` and `revision` say where it was downloaded from, '' where it was not."""

    path: Path
    source: str = ""
    revision: str = ""


def models_dir() -> Path:
    """Where downloaded models go; not created here."""
    return paths.data_dir() / "models"


def list_file() -> Path:
    """Where the list is kept."""
    return paths.data_dir() / "models.json"


def entries() -> list[Entry]:
    """The folders on the list, in the order in which they came."""
    try:
        told = json.loads(list_file().read_text(encoding="utf-8"))["models"]
        return [
            Entry(path=Path(str(one["path"])), source=str(one["source"]), revision=str(one["revision"])) for one in told
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.logger("models").info("the list of models is unreadable: %s", error)
        with suppress(OSError):
            os.replace(list_file(), list_file().with_suffix(".damaged.json"))
        return []


def add(folder: Path, source: str = "", revision: str = "") -> Entry:
    """Put a folder on the list, once. Raises UserError where it is no model folder at all."""
    path = folder.absolute()
    folders.told(path)
    made = Entry(path=path, source=source, revision=revision)
    _write([*(one for one in entries() if one.path != path), made])
    return made


def remove(folder: Path) -> None:
    """Take a folder from the list; its files stay. Raises UserError where it is not on it."""
    path = folder.absolute()
    kept = [one for one in entries() if one.path != path]
    if len(kept) == len(entries()):
        raise UserError(f"“{path}” is not on the list of models.")
    _write(kept)


def find(below: Path, should_stop: Callable[[], bool] = lambda: False) -> list[Path]:
    """The model folders in a folder and below it; hidden ones and checkpoints of trainings are left out.

    Raises UserError, Cancelled.
    """
    if not below.is_dir():
        raise UserError(f"There is no folder “{below}”; choose one in which model folders are.")
    found = []
    for path in _walk(below.absolute(), DEPTH):
        if should_stop():
            raise Cancelled
        if (path / folders.CONFIG).is_file() and _looks_like_one(path):
            found.append(path)
            if len(found) == MOST:
                break
    return found


def _walk(path: Path, depth: int) -> Iterator[Path]:
    yield path
    if not depth:
        return
    try:
        inside = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError:
        return
    for one in inside:
        yield from _walk(one, depth - 1)


def _looks_like_one(path: Path) -> bool:
    """Whether a folder with a config.json has weights in any form; other programs call their settings so, too."""
    if any((path / name).is_file() for name in MIDWAY):
        return False
    names = (*folders.WEIGHTS, *folders.PICKLES)
    return any((path / name).is_file() for name in names)


def _write(some: list[Entry]) -> None:
    told = {"models": [{**asdict(one), "path": str(one.path)} for one in some]}
    try:
        list_file().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(list_file(), told)
    except OSError as error:
        raise from_os_error(error, "write the list of models", list_file()) from error
