"""Opens the reader that fits a file's form."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.data.form import Form
from desktop_llm.data.readers.delimited import DelimitedReader
from desktop_llm.data.readers.json_array import JsonArrayReader
from desktop_llm.data.readers.json_lines import JsonLinesReader
from desktop_llm.data.readers.reader import RawRow, Reader

__all__ = ["RawRow", "Reader", "open_reader"]


def open_reader(path: Path, form: Form) -> Reader:
    """A reader of `path`. Raises UserError when it cannot be read in this form."""
    if form.kind == "jsonl":
        return JsonLinesReader(path, form)
    if form.kind == "json":
        return JsonArrayReader(path, form)
    return DelimitedReader(path, form)
