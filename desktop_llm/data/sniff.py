"""Finds out how a foreign file is laid out: binary or text, encoding, kind, delimiter, header."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from desktop_llm.data import encodings, header
from desktop_llm.data.containers import contained
from desktop_llm.data.form import Form, Kind, Unit
from desktop_llm.data.readers import conll
from desktop_llm.data.readers.delimited import Record, Records
from desktop_llm.data.readers.fasttext import has_labels_later, is_fasttext
from desktop_llm.data.readers.folder import folder_kind
from desktop_llm.data.readers.lines import Lines, bom_length, opened
from desktop_llm.errors import UserError

WHOLE = 16 << 20
WINDOW = 1 << 20
WINDOWS = 16
RECORDS = 200
DELIMITERS = (",", "\t", ";", "|")
WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"Rar!", "a RAR archive"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"FEA1", "an old Feather table"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"RIFF", "a sound, image or video"),
    (b"ID3", "a sound"),
    (b"OggS", "a sound"),
    (b"fLaC", "a sound"),
)
PICKLE = re.compile(rb"\x80[\x02-\x05]")
TABLES = (".csv", ".tsv", ".tab")
SAVE_AS = "save the data as CSV, TSV, JSON or JSON Lines and choose that file"


def sniff(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    sheet: str | None = None,
    kind: Literal["text", "conll", "fasttext"] | None = None,
    unit: Unit | None = None,
) -> Form:
    """The form of a file or folder; what is told is taken, the rest detected. Raises UserError.

    `encoding` is a codec name, `delimiter` one character (or 'tab'), `header` whether the first row names columns,
    `sheet` one of a workbook. `kind` takes a text file for what it does not look like: plain text is never detected,
    as each line of it may be a row of a table with one column. `unit` is what makes a row of plain text.
    """
    parting = _told(delimiter)
    if path.is_dir():
        form = folder_kind(path)
        return replace(form, unit=unit) if unit and form.kind == "folder" else form
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        raise UserError(f"“{path}” is not an ordinary file; choose a file with rows in it.")
    with opened(path) as file:
        head = file.read(WINDOW)
        if not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
            raise UserError(f"“{path.name}” is empty; choose a file with rows.")
        container = contained(path, head, sheet=sheet, header=header)
        if container is not None:
            return replace(container, unit=unit) if unit and container.kind == "zip" else container
        _refuse_binary(path.name, head)
        sample = _sample(file, head)
        name = encodings.named(encoding, sample) if encoding else _detected(path.name, sample)
        found = kind or _kind(path, head, name, told=parting is not None)
        if found == "csv" and parting is None and header is None:
            found = _tagged(path, head, name)
        if found != "csv":
            return Form(kind=found, encoding=name, unit=unit or "line")
        return _delimited(path, file, name, parting, header)


def _told(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    sign = WORDS.get(delimiter.casefold(), delimiter)
    if len(sign) != 1 or sign in '"\r\n':
        raise UserError(f"“{delimiter}” cannot part cells; choose one character such as a comma or a tab.")
    return sign


def _refuse_binary(name: str, head: bytes) -> None:
    what = next((what for magic, what in MAGIC if head.startswith(magic)), "")
    if what and head[:4].isascii() and not head.startswith(b"%PDF") and not encodings.controls(head[:512]):
        # A table may begin with the letters of a magic number: “ID3,score”.
        what = ""
    if PICKLE.match(head):
        what = "a Python pickle"
    if not what and head[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        what = "a web page or XML document"
    if what:
        raise UserError(f"“{name}” is {what}, not a table of rows as text; {SAVE_AS}.")


def _detected(name: str, sample: bytes) -> str:
    refusal = UserError(f"“{name}” is a binary file, not text; {SAVE_AS}.")
    try:
        found = encodings.detected(sample)
    except UserError:
        if encodings.controls(sample) * 50 > len(sample):
            raise refusal from None
        raise
    if found.startswith(("utf-16", "utf-32")):
        return found
    if encodings.controls(sample) > max(4, len(sample) // 50):
        raise refusal
    return found


def _sample(file: BinaryIO, head: bytes) -> bytes:
    """The whole of a file of usual size, else whole lines from its start and from places all over it."""
    size = file.seek(0, 2)
    file.seek(0)
    if size <= WHOLE:
        return file.read()
    if b"\0" in head:
        # Perhaps a wide encoding, whose lines cannot be cut at a byte.
        return head
    parts = [head[: head.rfind(b"\n") + 1] or head]
    for window in range(1, WINDOWS):
        file.seek((size - WINDOW) * window // (WINDOWS - 1))
        part = file.read(WINDOW)
        parts.append(part[part.find(b"\n") + 1 : part.rfind(b"\n") + 1])
    return b"".join(parts)


def _kind(path: Path, head: bytes, encoding: str, *, told: bool) -> Kind:
    """By what the text starts with; the file's ending decides where that leaves a doubt."""
    text = head[bom_length(head, encoding) :].decode(encoding, "ignore").lstrip()
    ending = path.suffix.casefold()
    if ending in (".jsonl", ".ndjson", ".jsonlines") and text[:1] != "[":
        return "jsonl"
    if told or text[:1] not in ("{", "["):
        if ending == ".json" and not told:
            raise UserError(f"“{path.name}” is not JSON: it starts with “{text[:1]}”; mend it or rename it.")
        return "csv"
    first = text.split("\n", 1)
    whole = _is_object(first[0])
    if whole and (ending != ".json" or (len(first) > 1 and first[1].lstrip().startswith("{"))):
        return "jsonl"
    if ending == ".json" or re.match(r"\[\s*[{\[\"\]]|\{\s*\"", text):
        return "json"
    return "csv"


def _tagged(path: Path, head: bytes, encoding: str) -> Kind:
    """Whether a text is not a table but CoNLL or fastText, which often have no ending of their own."""
    if path.suffix.casefold() in TABLES:
        return "csv"
    text = head[bom_length(head, encoding) :].decode(encoding, "replace")
    # the last line of a long file is cut where the head ends
    every = text.removesuffix("\n").split("\n")
    lines = [line.rstrip("\r") for line in every[:RECORDS]]
    if is_fasttext(lines):
        return "fasttext"
    if conll.is_conll(lines, named=path.suffix.casefold() in conll.ENDINGS):
        return "conll"
    return "fasttext" if has_labels_later(every if len(head) < WINDOW else every[:-1]) else "csv"


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text.encode("utf-8", "replace")), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _delimited(path: Path, file: BinaryIO, encoding: str, parting: str | None, has_header: bool | None) -> Form:
    tried = {sign: _records(file, encoding, sign) for sign in ([parting] if parting else [*DELIMITERS, ""])}
    sign = parting if parting else _best_delimiter(tried, tabs_first=path.suffix.casefold() in (".tsv", ".tab"))
    records = tried[sign]
    rows = [record.cells for record in records if record.cells]
    named = header.is_header(rows) if has_header is None else has_header
    if named and len(records) < 2:
        raise UserError(f"“{path.name}” has a header but no rows; choose a file with rows.")
    return Form(kind="csv", encoding=encoding, delimiter=sign, header=named)


def _records(file: BinaryIO, encoding: str, delimiter: str) -> list[Record]:
    """The first records, read with this delimiter."""
    file.seek(0)
    lines = Lines(file, encoding)
    reader = Records(lines, delimiter)
    records: list[Record] = []
    while len(records) < RECORDS and (lines.position < 4 * WINDOW or len(records) < 2):
        record = reader.next()
        if record is None:
            break
        records.append(record)
    return records


def _best_delimiter(tried: dict[str, list[Record]], *, tabs_first: bool) -> str:
    """The delimiter by which most rows have as many cells as the first; '' when each line is one cell."""
    best, best_share = "", 0.0
    for sign in sorted(DELIMITERS, key=lambda one: tabs_first and one != "\t"):
        rows = [record.cells for record in tried[sign] if record.cells]
        if not rows or len(rows[0]) < 2:
            continue
        share = sum(len(cells) == len(rows[0]) for cells in rows[1:]) / max(1, len(rows) - 1)
        if share < 0.4 and not all(header.is_name(cell) for cell in rows[0]):
            continue
        if share > best_share or not best:
            best, best_share = sign, share
    return best
