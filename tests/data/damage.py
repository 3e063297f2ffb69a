"""Good small files of every format, and the ways in which files get damaged; the same ones each time."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from desktop_llm.data.writers.writing import FORMATS, Format, write

TEXTS = ("It broke, sadly", "Lovely 😀 “thing”", "好评，物流很快", "naïve\tcafé", "a;b|c", "x" * 300)
SPANS: list[Format] = ["conll", "conll_bioes"]
ENCODINGS = ("utf-16", "gb18030", "big5", "shift_jis", "cp1252", "utf-8-sig")


def rows(form: Format) -> list[dict[str, object]]:
    """Rows that a format can hold."""
    texts = TEXTS * 3
    if form in ("text", "paragraphs"):
        return [{"text": text} for text in texts]
    if form == "fasttext":
        return [{"text": text, "label": "abc"[place % 3]} for place, text in enumerate(texts)]
    if form in SPANS:
        return [{"text": "Ann lives in Bonn .", "spans": [{"start": 0, "end": 3, "label": "PER"}]} for _ in texts]
    if form in ("alpaca", "sharegpt", "messages"):
        turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello 😀"}]
        return [{"messages": turns} for _ in texts]
    if form == "preference":
        return [{"prompt": text, "chosen": "yes", "rejected": "no"} for text in texts]
    labels = "labels" if form in ("doccano", "prodigy") else "label"
    return [
        {"text": f"{text} {place}", labels: [name] if labels == "labels" else name}
        for place, text in enumerate(texts)
        for name in ("ab"[place % 2],)
    ]


def good_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of a good file of each format, of tables in other encodings, and of an archive."""
    made: dict[str, bytes] = {}
    for form, way in FORMATS.items():
        path = folder / f"{form}{way.ending}"
        write(path, rows(form), form)
        made[path.name] = path.read_bytes()
        path.unlink()
    table = "text,label\n" + "".join(f'"Text {place}, quoted",{"ab"[place % 2]}\n' for place in range(30))
    for encoding in ENCODINGS:
        made[f"{encoding}.csv"] = table.encode(encoding)
    made["all.zip"] = zipped({"train/rows.csv": made["csv.csv"], "test/rows.jsonl": made["jsonl.jsonl"]})
    yield from made.items()


def zipped(files: dict[str, bytes]) -> bytes:
    """An archive of files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _flip(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 3, 30))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, draw: random.Random) -> bytes:
    start, size = draw.randrange(len(data)), draw.randrange(1, 200)
    return data[:start] + draw.randbytes(size) + data[start + size :]


def _drop(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data))
    return data[:start] + data[start + draw.randrange(1, 100) :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data))
    return data[:start] + data[start : start + draw.randrange(1, 300)] * draw.randrange(2, 50) + data[start:]


def _insert(data: bytes, draw: random.Random) -> bytes:
    odd = [b"\0", b"\xff\xfe", b'"', b"\r", b"\x1a", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n" * 500]
    odd += [b"[" * 3000, b'{"a":' * 2000]
    start = draw.randrange(len(data))
    return data[:start] + draw.choice(odd) + data[start:]


def _recode(data: bytes, draw: random.Random) -> bytes:
    return data.decode("latin-1").encode(draw.choice(("utf-16-le", "utf-32", "utf-7", "utf-8", "utf-16-be")))


def _swap(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data))
    return data[start:] + data[:start]


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _flip, _overwrite, _drop, _repeat, _insert, _recode, _swap,
)  # fmt: skip


def damaged(data: bytes, seed: int) -> bytes:
    """The file with one or two things wrong with it."""
    draw = random.Random(seed)
    for _ in range(draw.choice((1, 1, 2))):
        data = draw.choice(WAYS)(data, draw) or b"\0"
    return data


def traps() -> Iterator[tuple[str, bytes]]:
    """Files made to do harm."""
    line = b"text,label\nfine,a\n"
    yield "bomb.zip", zipped({"rows.csv": line + b"0" * 300_000_000})
    yield "many.zip", zipped({f"{place}.csv": line for place in range(4_000)})
    yield "nested.zip", zipped({"inner.zip": zipped({"rows.csv": line + b"0" * 50_000_000})})
    for name in ("../../outside.csv", "/etc/outside.csv", "C:\\outside.csv", "a/../../outside.csv", "..\\outside.csv"):
        yield f"path{len(name)}.zip", zipped({name: line, "inside.csv": line})
    yield "lies.zip", zipped({"rows.csv": line}).replace(b"PK\x05\x06", b"PK\x05\x07")
    sheet = b'<?xml version="1.0"?><worksheet><sheetData>' + b" " * 300_000_000 + b"</sheetData></worksheet>"
    yield (
        "bomb.xlsx",
        zipped(
            {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": sheet}
        ),
    )
    laughs = (
        b'<!DOCTYPE l [<!ENTITY a "ha">'
        + b"".join(f'<!ENTITY {chr(98 + place)} "{f"&{chr(97 + place)};" * 10}">'.encode() for place in range(12))
        + b"]><workbook>&m;</workbook>"
    )
    yield "laughs.xlsx", zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": laughs})
    yield "deep.json", b"[" * 200_000
    yield "deeper.json", b"[" * 100_000 + b"]" * 100_000
    yield "deep.jsonl", b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n" + b'{"text": "fine"}\n'
    yield "objects.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "giant.csv", b'text,label\n"' + b"a" * 50_000_000 + b'",b\nfine,a\n'
    yield "giant.jsonl", b'{"text": "' + b"a" * 50_000_000 + b'"}\n{"text": "fine"}\n'
    yield "giant.json", b'[{"text": "' + b"a" * 50_000_000 + b'"}, {"text": "fine"}]'
    yield "open.csv", b'text,label\n"' + b"never closed\n" * 200_000
    yield "wide.csv", b",".join(b"c%d" % place for place in range(100_000)) + b"\n" + b"1," * 99_999 + b"1\n"
    yield "one line.txt", b"a" * 60_000_000
    yield "number.json", b'[{"text": ' + b"9" * 1_000_000 + b"}]"
    yield "keys.json", json.dumps([{f"k{place}": 1 for place in range(50_000)}]).encode()
