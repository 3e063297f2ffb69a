"""Safetensors files looked at without loading them: whether they are whole, and how many numbers they hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEAD_BYTES = 8
LONGEST_HEAD = 100_000_000
"""The safetensors library takes no longer one."""


def files(folder: Path) -> list[Path]:
    """The files of weights in a model folder, those that its index names, too, where they are not there."""
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    if not (folder / INDEX).is_file():
        return []
    try:
        named = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        return [folder / Path(name).name for name in sorted(set(named.values()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"“{folder / INDEX}” cannot be read ({type(error).__name__}); fetch the model again."
        ) from error


def parameters(folder: Path) -> int:
    """How many numbers the weights of a folder are. Raises UserError for files that are missing or damaged."""
    return sum(_count(path) for path in files(folder))


def tensors(path: Path) -> dict[str, Any]:
    """What a file says of its tensors, by name. Raises OSError, ValueError."""
    return {name: told for name, told in _head(path)[0].items() if name != "__metadata__"}


def _count(path: Path) -> int:
    try:
        return _counted(path)
    except FileNotFoundError:
        raise UserError(
            f"A file of the weights, “{path}”, is missing; copy it there or fetch the model again."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, (OSError, DamagedError)) else "its list of tensors makes no sense"
        raise UserError(f"The weights “{path}” are damaged ({why}); fetch the model again.") from error


class DamagedError(ValueError):
    """A file that is not what it should be, told in words."""


def _counted(path: Path) -> int:
    told, begin = _head(path)
    shapes = [one for name, one in told.items() if name != "__metadata__"]
    end, size = begin + max((int(one["data_offsets"][1]) for one in shapes), default=0), path.stat().st_size
    if end != size:
        raise DamagedError(f"it has {size:,} bytes instead of {end:,}")
    return sum(math.prod(one["shape"]) for one in shapes)


def _head(path: Path) -> tuple[dict[str, Any], int]:
    """What stands before the numbers, and where they begin."""
    with path.open("rb") as file:
        size = path.stat().st_size
        length = int.from_bytes(file.read(HEAD_BYTES), "little")
        if size < HEAD_BYTES or not 2 <= length <= min(LONGEST_HEAD, size - HEAD_BYTES):
            raise DamagedError("it does not begin as safetensors do")
        told = json.loads(file.read(length))
    if not isinstance(told, dict):
        raise DamagedError("its list of tensors makes no sense")
    return told, HEAD_BYTES + length
