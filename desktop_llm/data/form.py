"""How a file is laid out, as far as reading it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desktop_llm.data.shapes.shape import Shape

Kind = Literal[
    "csv", "jsonl", "json", "excel", "parquet", "arrow", "text", "conll", "fasttext", "folder", "zip", "dataset"
]
Unit = Literal["line", "paragraph", "file"]
TITLES: Mapping[Kind, str] = {
    "csv": "table of text",
    "jsonl": "JSON Lines",
    "json": "JSON",
    "excel": "Excel",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "text": "text",
    "conll": "CoNLL",
    "fasttext": "fastText",
    "folder": "folder",
    "zip": "ZIP",
    "dataset": "Hugging Face dataset",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What `sniff` found and `open_reader` follows.

    `encoding` is a codec name; `delimiter` parts the cells of 'csv' ('' when the file has one column);
    `header` says whether the first row of 'csv' and 'excel' names the columns; `sheet` is the one of 'excel' to read.
    `unit` is what makes a row of 'text', and of the plain texts in a 'folder' or 'zip'. `shape` is what another tool's
    rows are to be translated from; None leaves them as they stand.
    """

    kind: Kind
    encoding: str = ""
    delimiter: str = ""
    header: bool = True
    sheet: str = ""
    unit: Unit = "line"
    shape: Shape | None = None
