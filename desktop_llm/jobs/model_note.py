"""The note beside a model that this program wrote: of which task it is."""

from __future__ import annotations

import json
from pathlib import Path

from desktop_llm.errors import UserError

NOTE = "desktop_llm.json"


def task_of(folder: Path) -> str:
    """The task of a model folder that this program wrote. Raises UserError."""
    if not folder.is_dir():
        raise UserError(f"There is no folder “{folder}”; choose a project or an export.")
    try:
        return str(json.loads((folder / NOTE).read_text(encoding="utf-8"))["task"])
    except FileNotFoundError:
        raise UserError(
            f"“{folder}” is not a model that this program trained ({NOTE} is missing); choose a run or an export."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"“{folder / NOTE}” cannot be read ({error}); export the model again.") from error
