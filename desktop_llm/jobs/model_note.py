"""The note beside a model that this program wrote: of which task it is."""

from __future__ import annotations

import json
from pathlib import Path

from desktop_llm.errors import UserError

NOTE = "desktop_llm.json"
ELSEWHERE = {
    "model.gguf": "a GGUF export, which llama.cpp, Ollama and the like run",
    "adapter_model.safetensors": "an adapter, not a whole model",
}
"""Exports that only other programs load, by a file of theirs."""


def task_of(folder: Path) -> str:
    """The task of a model folder that this program wrote. Raises UserError."""
    if not folder.is_dir():
        raise UserError(f"There is no folder “{folder}”; choose a project or an export.")
    try:
        return str(json.loads((folder / NOTE).read_text(encoding="utf-8"))["task"])
    except FileNotFoundError:
        for name, what in ELSEWHERE.items():
            if (folder / name).is_file():
                raise UserError(
                    f"“{folder}” is {what}; to ask it here, export the run as a Hugging Face folder or as ONNX."
                ) from None
        raise UserError(
            f"“{folder}” is not a model that this program trained ({NOTE} is missing); choose a run or an export."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"“{folder / NOTE}” cannot be read ({error}); export the model again.") from error
