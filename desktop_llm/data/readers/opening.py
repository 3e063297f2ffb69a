"""Opens the reader that fits a file's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from desktop_llm.data.form import Form, Kind
from desktop_llm.data.readers.columnar import ColumnarReader
from desktop_llm.data.readers.conll import ConllReader
from desktop_llm.data.readers.delimited import DelimitedReader
from desktop_llm.data.readers.excel import ExcelReader
from desktop_llm.data.readers.fasttext import FastTextReader
from desktop_llm.data.readers.folder import dataset_reader, folder_reader, zip_reader
from desktop_llm.data.readers.json_array import JsonArrayReader
from desktop_llm.data.readers.json_lines import JsonLinesReader
from desktop_llm.data.readers.reader import RawRow, Reader
from desktop_llm.data.readers.shaped import ShapedReader
from desktop_llm.data.readers.text import TextReader

__all__ = ["RawRow", "Reader", "open_reader"]

READERS: Mapping[Kind, Callable[[Path, Form], Reader]] = {
    "csv": DelimitedReader,
    "jsonl": JsonLinesReader,
    "json": JsonArrayReader,
    "excel": ExcelReader,
    "parquet": ColumnarReader,
    "arrow": ColumnarReader,
    "text": TextReader,
    "conll": ConllReader,
    "fasttext": FastTextReader,
    "folder": folder_reader,
    "zip": zip_reader,
    "dataset": dataset_reader,
}


def open_reader(path: Path, form: Form) -> Reader:
    """A reader of `path`. Raises UserError when it cannot be read in this form."""
    reader = READERS[form.kind](path, form)
    return reader if form.shape is None else ShapedReader(reader, form.shape)
