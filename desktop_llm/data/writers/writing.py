"""Writes rows in a format of choice: the whole file or none of it, and no row with a loss.

write(path, rows, "doccano", without=("id",))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

from desktop_llm import atomic
from desktop_llm.data.shapes.recognising import ROOMS
from desktop_llm.data.shapes.shape import ShapeName
from desktop_llm.data.writers.columnar import write_arrow, write_parquet
from desktop_llm.data.writers.conll import write_conll
from desktop_llm.data.writers.delimited import write_delimited
from desktop_llm.data.writers.excel import write_excel
from desktop_llm.data.writers.fasttext import write_fasttext
from desktop_llm.data.writers.json_files import write_json, write_json_lines
from desktop_llm.data.writers.row import Cells, Numbered, Rows, Unwritable, checked
from desktop_llm.data.writers.shaped import shaped
from desktop_llm.data.writers.text import write_lines, write_paragraphs
from desktop_llm.errors import Cancelled, UserError, from_os_error

Format = Literal[
    "csv",
    "tsv",
    "json",
    "jsonl",
    "excel",
    "parquet",
    "arrow",
    "text",
    "paragraphs",
    "conll",
    "conll_bioes",
    "fasttext",
    "doccano",
    "prodigy",
    "label_studio",
    "alpaca",
    "sharegpt",
    "messages",
    "preference",
]


@dataclass(frozen=True, slots=True)
class Way:
    """How a format is written: its name for people, its usual ending, the rows' shape, and the file's writer."""

    title: str
    ending: str
    write: Callable[[BinaryIO, Rows], None]
    shape: ShapeName | None = None


FORMATS: Mapping[Format, Way] = {
    "csv": Way("CSV", ".csv", write_delimited(","), "flat"),
    "tsv": Way("TSV", ".tsv", write_delimited("\t"), "flat"),
    "json": Way("JSON", ".json", write_json),
    "jsonl": Way("JSON Lines", ".jsonl", write_json_lines),
    "excel": Way("Excel", ".xlsx", write_excel, "flat"),
    "parquet": Way("Parquet", ".parquet", write_parquet),
    "arrow": Way("Arrow", ".arrow", write_arrow),
    "text": Way("text by lines", ".txt", write_lines),
    "paragraphs": Way("text by paragraphs", ".txt", write_paragraphs),
    "conll": Way("CoNLL (IOB2)", ".conll", write_conll("iob2")),
    "conll_bioes": Way("CoNLL (BIOES)", ".conll", write_conll("bioes")),
    "fasttext": Way("fastText", ".txt", write_fasttext),
    "doccano": Way("doccano", ".jsonl", write_json_lines, "doccano"),
    "prodigy": Way("Prodigy", ".jsonl", write_json_lines, "prodigy"),
    "label_studio": Way("Label Studio", ".json", write_json, "label_studio"),
    "alpaca": Way("Alpaca", ".json", write_json, "alpaca"),
    "sharegpt": Way("ShareGPT", ".json", write_json, "sharegpt"),
    "messages": Way("OpenAI messages", ".jsonl", write_json_lines, "messages"),
    "preference": Way("preferences", ".jsonl", write_json_lines, "preference"),
}


def write(
    path: Path,
    rows: Iterable[Cells],
    form: Format,
    *,
    without: Collection[str] = (),
    raw: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Write rows of canonical cells to `path`, which appears whole or not at all; says how many.

    `without` names cells to leave out. In tables of text (CSV, TSV, Excel) lists and objects become JSON, and in CSV
    and TSV numbers their text and nothing an empty cell, as these know no types. `raw` writes any cells as they are,
    though the file may not be read back as these. Raises UserError when a row does not
    fit the format (it is named) or the file cannot be written, Cancelled once `should_stop` says so.
    """
    way = FORMATS[form]
    count = 0

    def numbered() -> Iterator[Numbered]:
        nonlocal count
        for number, cells in enumerate(rows, 1):
            if should_stop():
                raise Cancelled("writing was stopped")
            kept = {name: value for name, value in cells.items() if name not in without}
            row = checked(Numbered(number, kept))
            yield row if raw or way.shape is None else shaped(row, ROOMS[way.shape], way.shape)
            count = number

    try:
        some = numbered()
        first = next(some, None)
        if first is None:
            raise UserError(f"There are no rows to write to “{path.name}”.")
        with atomic.new_file(path) as file:
            way.write(file, chain((first,), some))
    except Unwritable as error:
        raise UserError(
            f"Row {error.number:,} cannot be written as {way.title}: {error.reason}; nothing was written."
        ) from error
    except OSError as error:
        raise from_os_error(error, "write", path) from error
    return count
