"""Ask for the file that rows are to be saved in, and for its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

if TYPE_CHECKING:
    from desktop_llm.data.writers.writing import Format

OFFERED: tuple[Format, ...] = (
    "jsonl",
    "csv",
    "excel",
    "parquet",
    "json",
    "doccano",
    "prodigy",
    "label_studio",
    "fasttext",
)


def ask_where(
    parent: QWidget, title: str, name: str = "", *, formats: Sequence[str] = ()
) -> tuple[Path, Format] | None:
    """The file and its format; None when the person thought better of it.

    `name` is proposed; `formats` are those that suit the task best, none: the usual ones.
    """
    from desktop_llm.data.writers.writing import FORMATS

    wanted = [form for name in formats or OFFERED for form in FORMATS if form == name]
    ways = {f"{FORMATS[form].title} (*{FORMATS[form].ending})": (form, FORMATS[form].ending) for form in wanted}
    text, kind = QFileDialog.getSaveFileName(parent, title, name, ";;".join(ways))
    if not text:
        return None
    form, ending = ways.get(kind) or next(iter(ways.values()))
    path = Path(text)
    return path if path.suffix else path.with_name(path.name + ending), form
