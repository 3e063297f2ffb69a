"""What a server says of its model to whoever wants to work with it: its task, labels, and a hash of its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop_llm import atomic

WEIGHTS = (".safetensors", ".onnx", ".onnx.data")
SHORT = 12
"""Digits of a hash that a person is shown."""
LONGEST, MOST = 1000, 100_000
"""Characters of a name or label that is believed, and how many labels or fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A served model: name, task and its title, the fields of a row, the label names, and the SHA-256 of its weights.

    `writes`: it goes on from texts instead of answering about rows.
    """

    name: str
    task: str
    title: str
    fields: tuple[str, ...]
    labels: tuple[str, ...] = ()
    digest: str = ""
    writes: bool = False


def to_json(about: About) -> dict[str, Any]:
    """As a JSON object."""
    return asdict(about)


def from_json(told: Mapping[str, Any]) -> About:
    """From its JSON object. Raises KeyError, TypeError or ValueError when it is none, or longer than a model's is."""
    return About(
        name=_short(told["name"]),
        task=_short(told["task"]),
        title=_short(told["title"]),
        fields=_few(told["fields"]),
        labels=_few(told["labels"]),
        digest=_short(told["digest"]),
        writes=bool(told["writes"]),
    )


def _few(told: Any) -> tuple[str, ...]:
    if len(told) > MOST:
        raise ValueError(f"more than {MOST:,}")
    return tuple(_short(one) for one in told)


def _short(told: Any) -> str:
    text = str(told)
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters")
    return text


def digest_of(folder: Path) -> str:
    """The SHA-256 of a model's weights; of several files, that of their names and hashes. '' where there are none."""
    known = _known(folder)
    found = {
        path.name: known.get(path.name) or atomic.sha256(path)
        for path in sorted(folder.iterdir())
        if path.name.endswith(WEIGHTS)
    }
    if len(found) == 1:
        return next(iter(found.values()))
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest() if found else ""


def _known(folder: Path) -> dict[str, str]:
    """What was written beside the files when they were; large ones are not read again for it."""
    try:
        files = json.loads((folder / atomic.MANIFEST).read_text(encoding="utf-8"))["files"]
        return {
            str(name): str(told["sha256"])
            for name, told in files.items()
            if (folder / name).stat().st_size == told["bytes"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
