"""Encodings told from bytes alone, and an odd byte told from an old encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_llm.data.encodings import detected
from desktop_llm.data.sniff import sniff
from tests.data.reading import cells, written

CHINESE = "评论,评价\n这个酒店的服务真的很好，房间也很干净。,正面\n早餐太差了，不会再来。,负面\n"
TAIWANESE = "評論,評價\n這個飯店的服務真的很好，房間也很乾淨。,正面\n早餐太差了，不會再來。,負面\n"
JAPANESE = "レビュー,評価\nこの映画は本当に面白かったです。,良い\n部屋が狭くて残念でした。,悪い\n"
KOREAN = "리뷰,평가\n이 영화는 정말 재미있었습니다.,좋음\n방이 너무 좁아서 실망했어요.,나쁨\n"
FRENCH = "texte,étiquette\nLe café était très bon, à refaire,positif\nC’était pas terrible,négatif\n"
GERMAN = "text,label\nDas Frühstück war schön und größer,gut\nNie wieder,schlecht\n"
RUSSIAN = "текст,метка\nЭтот отель очень хороший и чистый,хорошо\nЗавтрак был плохой и холодный,плохо\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb18030"),
        (TAIWANESE, "gb18030"),
        (TAIWANESE, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (FRENCH, "cp1252"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        *[(text, "utf-8") for text in (CHINESE, JAPANESE, KOREAN, FRENCH, RUSSIAN, "a,b\n")],
        *[(text, "utf-16-le") for text in (CHINESE, JAPANESE, KOREAN, FRENCH, "text,label\nsome,words\n")],
        *[(text, "utf-16-be") for text in (CHINESE, RUSSIAN, "text,label\nsome,words\n")],
        *[(text, "utf-32-le") for text in (CHINESE, FRENCH)],
    ],
)
def test_an_encoding_is_told_from_a_few_lines(text: str, encoding: str) -> None:
    assert detected(text.encode(encoding)) == encoding


def test_an_extended_encoding_is_taken_where_the_plain_one_lacks_a_character() -> None:
    assert detected((JAPANESE * 100 + "①とても良い,良い\n").encode("cp932")) == "cp932"


def test_a_long_text_of_one_line_is_told_too(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.json", ("[" + '{"text": "服务真的很好"}, ' * 60_000 + '{"text": "好"}]').encode("gb18030")
    )
    assert sniff(path).encoding == "gb18030"
    assert len(cells(path)) == 60_001


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides_and_is_no_part_of_the_text(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "a.csv", CHINESE.encode(encoding))
    assert cells(path)[1] == ["早餐太差了，不会再来。", "负面"]
    assert sniff(path, encoding=encoding).encoding == sniff(path).encoding


def test_a_character_with_a_zero_byte_does_not_hide_utf16() -> None:
    # U+4E00 is one of the most frequent characters; half of it is a NUL.
    assert detected(("评论,评价\n" + "一一一一一,一\n" * 50).encode("utf-16-le")) == "utf-16-le"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"text,label\nhello \xff there,a\nfine,b\n", "utf-8"),
        (b"text,label\nhel\x80lo there,a\nfine,b\n", "utf-8"),
        (b"text,label\nhel\xc3lo there,a\nfine,b\n", "utf-8"),
        (b"text,label\nA caf\xe9 there,a\nfine,b\n", "cp1252"),
        (b"text,label\n" + b"plain words,a\n" * 2000 + b"A caf\xe9 there,a\n", "utf-8"),
        (CHINESE.encode() + b"\xff\n", "utf-8"),
        (CHINESE.encode("gb18030") * 100 + b"\xff\xff\n", "gb18030"),
    ],
)
def test_an_odd_byte_is_told_from_an_old_encoding(data: bytes, encoding: str) -> None:
    assert detected(data) == encoding


def test_single_nuls_do_not_make_wide_text() -> None:
    assert detected(b"text,label\nhel\0lo,a\nfine\0,b\n") == "utf-8"
    assert detected("text,label\n很好\0,a\n".encode() + b"b\xff,c\n") == "utf-8"


def test_characters_late_in_a_large_file_are_seen(tmp_path: Path) -> None:
    plain = "1,only plain words in this line\n" * 600_000
    path = written(tmp_path, "a.csv", ("label,review\n" + plain + CHINESE * 20_000).encode("gb18030"))
    assert path.stat().st_size > 16 << 20
    assert sniff(path).encoding == "gb18030"
