"""What made a result, in hashes: the program's own source files, and the weights of a model folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import desktop_llm
from desktop_llm import atomic

WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"


@cache
def code() -> str:
    """The SHA-256 over names and bytes of the program's source files, in the order of their names."""
    root, digest = Path(desktop_llm.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda one: one.relative_to(root).as_posix()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def weights(folder: Path) -> str:
    """The SHA-256 of a model folder's weights; '' where there are none. Raises OSError.

    What the folder's manifest says is believed: whoever loads such a folder has it checked. Of weights in several
    files it is the hash of their hashes, in the order of their names.
    """
    files = sorted(_files(folder))
    if not files:
        return ""
    told = _told(folder)
    hashes = [told.get(path.name) or atomic.sha256(path) for path in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    if (folder / WEIGHTS).is_file():
        yield folder / WEIGHTS
    elif (folder / SHARDS).is_file():
        yield from folder.glob("model-*.safetensors")


def _told(folder: Path) -> dict[str, str]:
    try:
        files = json.loads((folder / atomic.MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): str(one["sha256"]) for name, one in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
