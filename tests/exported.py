"""A run's model handed on in Hugging Face layout, for tests of what others make of it."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.engine.export import Order, export
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS, Compared


def handed_on(run: RunFolder, to: Path) -> Compared:
    """Write it into a new folder; what was found on reading it back."""
    return export(run, Order(format=FORMATS["huggingface"], to=to, describe=lambda told: {}))
