"""What a file is, without being told; and one clear sentence for what is no file of rows."""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from pathlib import Path

import pytest

from desktop_llm.data.form import Form
from desktop_llm.data.sniff import sniff
from desktop_llm.errors import UserError
from tests.data.reading import cells, opened, read, written

ROWS = "text,label\nThe room was clean,good\nThe room was loud,bad\n"


def refusal(path: Path, **told: str) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        sniff(path, **told)  # type: ignore[arg-type]
    return caught.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    assert refusal(path) == f"Could not read “{path}”: it does not exist; check the path."


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"“{tmp_path}” is a folder; choose a file with rows in it."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not an ordinary file" in refusal(tmp_path / "pipe")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="every file can be read here")
def test_a_file_one_may_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ROWS)
    path.chmod(0)
    assert refusal(path).endswith("access is denied; check the permissions.")


@pytest.mark.parametrize("data", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf", "\ufeff\n".encode("utf-16-le")])
def test_an_empty_file(tmp_path: Path, data: bytes) -> None:
    assert refusal(written(tmp_path, "a.csv", data)) == "“a.csv” is empty; choose a file with rows."


@pytest.mark.parametrize("text", ["text,label", "text,label\n\n", "review\n"])
def test_a_header_and_no_rows(tmp_path: Path, text: str) -> None:
    assert refusal(written(tmp_path, "a.csv", text)) == "“a.csv” has a header but no rows; choose a file with rows."


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.png", _png(), "is a PNG image"),
        ("a.xlsx", b"PK\x03\x04\x14\0\x06\0" + bytes(100), "is a ZIP archive or an Office document"),
        ("a.pkl", pickle.dumps({"text": ["a"] * 100}), "is a Python pickle"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "is a PDF document"),
        ("a.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0", "is a gzip archive"),
        ("a.parquet", b"PAR1\x15\x04\x15\0", "is a Parquet table"),
        ("a.db", b"SQLite format 3\0\x10\0", "is a SQLite database"),
        ("a.html", b"<!DOCTYPE html>\n<html><body>a,b</body></html>", "is a web page or XML document"),
        ("a.csv", bytes(range(256)) * 40, "is a binary file, not text"),
        ("a.bin", bytes(1) + b"abc\0\0\0\x07" * 500, "is a binary file, not text"),
    ],
)
def test_a_binary_file_is_named_as_what_it_is(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    message = refusal(written(tmp_path, name, data))
    assert message.startswith(f"“{name}” {what}")
    assert message.endswith("save the data as CSV, TSV, JSON or JSON Lines and choose that file.")


def test_a_table_may_begin_like_a_binary_file(tmp_path: Path) -> None:
    assert cells(written(tmp_path, "a.csv", "ID3,label\nfirst song,good\nsecond song,bad\n"))[0][0] == "first song"


def test_an_encoding_that_does_not_exist(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ROWS)
    for name in ("utf-9", "base64", "idna", "utf-7"):
        assert refusal(path, encoding=name).startswith(f"There is no text encoding “{name}”; choose one such as")


def test_an_encoding_that_does_not_fit(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "评论,评价\n服务真的很好,正面\n早餐太差了,负面\n".encode("gb18030"))
    assert refusal(path, encoding="utf-8") == (
        "The file is not utf-8 text: 3 of the 4 lines looked at cannot be read so; "
        "choose another encoding or leave it to be detected."
    )
    assert sniff(path, encoding="GBK").encoding == "gbk"


def test_a_told_encoding_with_one_bad_byte_costs_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b"text,label\n" + b"a nice room,good\n" * 10 + b"caf\xe9,bad\n")
    assert sniff(path, encoding="utf-8").encoding == "utf-8"


def test_a_delimiter_that_cannot_be_one(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ROWS)
    for sign in ("::", '"', ""):
        assert refusal(path, delimiter=sign).startswith(f"“{sign}” cannot part cells; choose one character")
    assert sniff(path, delimiter="tab").delimiter == "\t"


def test_json_by_name_only(tmp_path: Path) -> None:
    assert (
        refusal(written(tmp_path, "a.json", ROWS)) == "“a.json” is not JSON: it starts with “t”; mend it or rename it."
    )


@pytest.mark.parametrize(
    ("name", "text", "delimiter"),
    [
        ("a.csv", "text;score\nOne, two, three;1,5\nFour, five;2,5\n", ";"),
        ("a.csv", "text\tlabel\nOne, two, three\ta\nFour, five, six\tb\n", "\t"),
        ("a.tsv", "text,more\tlabel,more\none,a\tx,y\ntwo,b\tx,y\n", "\t"),
        ("a.txt", "text|label\nOne, two|a\nFour|b\n", "|"),
        ("a.csv", 'text,label\n"semi;colon",a\nb;c,d\n', ","),
        ("a.csv", "text\nHello, how are you?\nFine\nWell, well, well\n", ""),
        ("a.txt", "Hello, how are you?\nI am fine.\nWell, well, well\n", ""),
        ("a.csv", "text,label\nno cells\nnone here either\n", ","),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, name: str, text: str, delimiter: str) -> None:
    assert sniff(written(tmp_path, name, text)).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("text,label\na,b\nc,d\n", True),
        ("Frage,Antwort\na,b\nc,d\n", True),
        ("a,b,c\n1,2,3\n", True),
        (",text\n0,one\n1,two\n", True),
        ("0,1\none,a\ntwo,b\n", True),
        ("评论,评价\n很好,正面\n太差,负面\n", True),
        ("good,lovely place\nbad,noisy place\ngood,quiet place\n", False),
        ("I have lost my card and need a new one soon,card_lost\nWhere is it,card_arrival\n", False),
        ("I lost my card,lost\nWhere is my money,money\nI want it back,refund\n", False),
        ("What the guest wrote,verdict\nThe room was clean and the people were friendly,good\n", True),
        ("1,lovely\n0,noisy\n", False),
        ("comment,Lovely place.\nquestion,Where is it?\ncomment,Fine.\n", False),
        ("What a lovely place\nHow noisy\n", False),
        ("review\nWhat a lovely place\nHow noisy\n", True),
    ],
)
def test_a_header_is_told_from_data(tmp_path: Path, text: str, header: bool) -> None:
    path = written(tmp_path, "a.csv", text)
    assert sniff(path).header is header
    assert len(read(path)) == text.count("\n") - header


def test_the_header_can_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\na,b\n")
    assert sniff(path, header=False).header is False
    assert sniff(written(tmp_path, "b.csv", "1,lovely\n0,noisy\n"), header=True).header is True


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.jsonl", '{"text": "a"}\n', "jsonl"),
        ("a.txt", '{"text": "a"}\n{"text": "b"}\n', "jsonl"),
        ("a.json", '{"text": "a"}\n{"text": "b"}\n', "jsonl"),
        ("a.json", '[{"text": "a"}]', "json"),
        ("a.txt", '  [\n{"text": "a"}]', "json"),
        ("a.jsonl", '[{"text": "a"}]', "json"),
        ("a.json", '{"data": [{"text": "a"}]}', "json"),
        ("a.csv", "[a],{b}\n1,2\n", "csv"),
    ],
)
def test_the_kind_follows_the_content(tmp_path: Path, name: str, text: str, kind: str) -> None:
    path = written(tmp_path, name, text)
    assert sniff(path).kind == kind
    assert all(opened(path).columns)


SENTENCES = "EU\tB-ORG\nsaid\tO\n\nBonn\tB-LOC\n\n"
RAGGED = "EU B-ORG\nsaid O\n\nBonn B-LOC\nis\n\nRome B-LOC\n\n"
"""One of five lines has lost its tag."""


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.conll", SENTENCES, "conll"),
        ("a.txt", SENTENCES.replace("\t", " "), "conll"),
        ("a", "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nsaid VBD I-VP O\n\n", "conll"),
        ("a.bio", "# id = 1\n# text = EU said\n" + SENTENCES, "conll"),
        ("a.conll", RAGGED, "conll"),
        ("a.iob2", RAGGED, "conll"),
        ("a.txt", RAGGED, "csv"),
        ("a.conll", "EU said\nno more\n\nBonn\n", "csv"),
        ("a.tsv", SENTENCES, "csv"),
        ("a.csv", SENTENCES, "csv"),
        ("a.txt", "good\tO\nbad\tO\n\nfine\tO\n", "csv"),
        ("a.txt", "EU\tB-ORG\nsaid\tO\n", "csv"),
        ("a.txt", "text\tclass\nEU\tB-1\nsaid\tA\n\nBonn\tC\n", "csv"),
        ("a.txt", "__label__good fine\n__label__bad __label__sad poor\nnone\n", "fasttext"),
        ("a.train", "\n__label__good , fine\n", "fasttext"),
        ("a.csv", "__label__good , fine\n__label__good , fine\n", "csv"),
        ("a.txt", "first\n__label__good fine\n", "csv"),
    ],
)
def test_tagged_text_is_told_from_tables(tmp_path: Path, name: str, text: str, kind: str) -> None:
    assert sniff(written(tmp_path, name, text)).kind == kind


def test_what_is_told_goes_before_what_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", SENTENCES)
    assert sniff(path, delimiter="tab").kind == "csv"
    assert sniff(path, header=True).kind == "csv"
    assert sniff(path, kind="text", unit="paragraph") == Form(kind="text", encoding="utf-8", unit="paragraph")
    assert sniff(written(tmp_path, "b.txt", "a PER\nb O\n"), kind="conll").kind == "conll"


def test_what_begins_like_a_container_may_be_a_table(tmp_path: Path) -> None:
    assert sniff(written(tmp_path, "a.csv", "PAR1,label\na,b\nc,d\n")).kind == "csv"
    assert sniff(written(tmp_path, "b.csv", "ARROW1,label\na,b\nc,d\n")).kind == "csv"


def test_a_form_says_all_that_reading_needs(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ("\ufeff" + ROWS).encode("utf-16-be"))
    assert sniff(path) == Form(kind="csv", encoding="utf-16-be", delimiter=",", header=True)
    assert opened(path).columns == ("text", "label")


@pytest.mark.parametrize("count", [50, 500])
def test_fasttext_is_known_where_the_first_rows_have_no_label(tmp_path: Path, count: int) -> None:
    file = tmp_path / "rows.txt"
    file.write_text("".join(("" if row < count else "__label__x ") + f"row, {row}\n" for row in range(count + 50)))
    assert sniff(file).kind == "fasttext"


@pytest.mark.parametrize("sign", [",", "\t", ";"])
def test_a_table_with_such_labels_is_a_table(tmp_path: Path, sign: str) -> None:
    file = tmp_path / "rows.txt"
    file.write_text(f"label{sign}text\n" + "".join(f"__label__x{sign}row {row}\n" for row in range(50)))
    assert sniff(file).kind == "csv"
