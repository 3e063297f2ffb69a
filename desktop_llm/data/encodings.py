"""Which encoding a text file is in, judged from its bytes: marks, NUL patterns, strict UTF-8, then plausible text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from desktop_llm.errors import UserError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
# Characters that make up a good half of the running text of their language (for Japanese: its syllables).
SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去"
    "法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点正"
    "业外将两高间由问很最重并物手应向头文体美相见被利什二等或新己制身果加回信表老给位次度门任常先教儿原东声及比员水名真走各入几口认气"
    "题更别打女变四神总何电数安少报才反受太量再感做接必场件价房店住酒服务宾馆早餐差错干净便宜,，。！？、；：“”（）"
)
TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去"
    "法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日者意無力它與長把機十民第公此已工使情明性知全三又關點正"
    "業外將兩高間由問很最重並物手應向頭文體美相見被利什二等或新己制身果加回信表老給位次度門任常先教兒原東聲及比員水名真走各入幾口認氣"
    "題更別打女變四神總何電數安少報才反受太量再感做接必場件價房店住酒服務早餐差錯乾淨便宜，。！？、；：「」（）"
)
SYLLABLES = frozenset(
    "이다는에의가을하고지로은기한도사리를자아시나서어대인그으라만들해있일것수정제스부보전여주안니었게면없요거장성원과년조화문비상오우생"
    "동국공무신세미드적마했러때습금위말내데트경개관구치진중소와유모더너까야무차물방좋네였할"
)
KANA = frozenset(chr(code) for code in (*range(0x3041, 0x3094), *range(0x30A1, 0x30FB), 0x30FC, 0x3001, 0x3002))
LETTERS = frozenset("àâäáãåæçèéêëìíîïñòóôõöøùúûüýßœšžÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽ")
SIGNS = frozenset("‘’“”–—…«»¿¡£€°§©®™·•\xa0")
OTHERS = ("cp1251", "koi8_r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp866")
# Codecs of programs, not of files; some of them yield halves of characters.
NOT_OF_FILES = (
    "utf-7",
    "unicode-escape",
    "unicode_escape",
    "raw-unicode-escape",
    "raw_unicode_escape",
    "idna",
    "punycode",
)
PLAUSIBLE = 0.25
HIGH = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
LOOKED_AT = 1 << 20
CONTROLS = bytes({*range(9), 11, *range(14, 27), *range(28, 32)})


def _share(common: frozenset[str]) -> Callable[[str], float]:
    def share(text: str) -> float:
        high = [sign for sign in text if sign > "\x7f"]
        return sum(sign in common for sign in high) / len(high) if high else 0.0

    return share


def _western(text: str) -> float:
    """How much of the text beyond ASCII are letters inside words and usual signs; 0 when most letters are such."""
    high = sum(sign > "\x7f" for sign in text)
    letters = sum(sign.isalpha() for sign in text)
    if not high or sum(sign in LETTERS for sign in text) > 0.4 * letters:
        return 0.0
    spots = re.finditer(r"[^\x00-\x7f]", text)
    fitting = sum(_fits(text, spot.start()) for spot in spots)
    return 0.9 * fitting / high


def _fits(text: str, at: int) -> bool:
    """Whether a character stands where it would in a text: a letter at letters, a sign not inside a word."""
    sign, before, after = text[at], text[max(0, at - 1) : at], text[at + 1 : at + 2]
    if sign in SIGNS:
        return sign in "’‘–—·" or not (before.isalpha() and after.isalpha())
    if sign not in LETTERS or (sign.isupper() and before.islower()):
        return False
    return before.isalpha() or after.isalpha() or sign in "àèéÀÈÉ"


# Of the codec of a row that decodes the text best, how likely is what comes out? 0 to 1.
LEGACY: tuple[tuple[tuple[str, ...], Callable[[str], float]], ...] = (
    (("gb18030",), _share(SIMPLIFIED)),
    (("big5", "cp950", "big5hkscs"), _share(TRADITIONAL)),
    (("shift_jis", "cp932"), _share(KANA)),
    (("euc_jp",), _share(KANA)),
    (("euc_kr", "cp949"), _share(SYLLABLES)),
    (("cp1252",), _western),
)


def named(encoding: str, sample: bytes) -> str:
    """The codec a person means by `encoding`, checked against a sample. Raises UserError."""
    try:
        codec = codecs.lookup(encoding.strip())
        if codec.name in NOT_OF_FILES:
            raise LookupError(codec.name)
        "a,\n".encode(codec.name)
    except (LookupError, ValueError, TypeError, UnicodeError) as error:
        raise UserError(
            f"There is no text encoding “{encoding}”; choose one such as utf-8, gb18030, big5, shift_jis or cp1252."
        ) from error
    marked = next((name for mark, name in MARKS if sample.startswith(mark)), None)
    if codec.name in ("utf-16", "utf-32"):
        told = marked if marked and marked.startswith(codec.name) else f"{codec.name}-le"
    else:
        told = (
            "utf-8"
            if codec.name == "utf-8-sig"
            else codec.name.replace("_", "-")
            if "utf" in codec.name
            else codec.name
        )
    text, bad = _decoded(sample, told)
    lines = text.count("\n") + 1
    if bad * 4 > lines or (bad > 1 and bad * 20 > lines):
        raise UserError(
            f"The file is not {encoding} text: {bad:,} of the {lines:,} lines looked at cannot be read so; "
            "choose another encoding or leave it to be detected."
        )
    return told


def detected(sample: bytes) -> str:
    """The encoding of a sample of whole lines. Raises UserError when nothing fits."""
    marked = next((name for mark, name in MARKS if sample.startswith(mark)), None)
    if marked:
        return marked
    if b"\0" in sample and (wide := _wide(sample)):
        return wide
    doubt = _utf8_doubt(sample)
    if doubt == 0:
        return "utf-8"
    high = b"".join(HIGH.findall(sample))[:LOOKED_AT]
    high = high[: high.rfind(b"\n") + 1] or high
    best, likely = _legacy(high)
    if doubt < 1 and likely < 0.85:
        return "utf-8"
    if likely >= PLAUSIBLE:
        return best
    return _guessed_elsewhere(high) or best or _unknown()


def controls(sample: bytes) -> int:
    """How many bytes are of the kind that text does not use: control characters and NULs."""
    return len(sample) - len(sample.translate(None, CONTROLS))


def _wide(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the NULs are."""
    if _is_utf8(sample) and controls(sample) * 5 < len(sample):
        # UTF-8 with a NUL here and there; in wide text that is valid UTF-8 too, every other byte is such a one.
        return None
    for name in WIDE:
        width = 4 if "32" in name else 2
        try:
            text = sample[: len(sample) // width * width].decode(name)
        except UnicodeDecodeError:
            continue
        strange = sum(sign < " " and sign not in "\t\r\n" for sign in text)
        if text.count("\n") * 4 < sample.count(b"\n") or strange * 100 > len(text):
            continue
        # Hardly anything but UTF-32 decodes as such. For UTF-16 many NULs must be halves of ASCII characters;
        # the others belong to characters such as U+4E00.
        if width == 4 or 4 * sum(sign < "\x80" for sign in text) >= sample.count(0):
            return name
    return None


def _utf8_doubt(sample: bytes) -> float:
    """0: UTF-8, perhaps with a few damaged places; 1: something else; between: ASCII with an odd byte."""
    if _is_utf8(sample):
        return 0
    broken = len(re.findall("\ufffd+", sample.decode("utf-8", "replace")))
    whole = len(re.findall(r"[^\x00-\x7f]", sample.decode("utf-8", "ignore")))
    if (whole > 4 and whole >= 4 * broken) or (broken <= 3 and broken * 10_000 <= len(sample)):
        return 0
    return 0.5 if broken == 1 else 1


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _legacy(high: bytes) -> tuple[str, float]:
    """The most plausible of the older encodings and how plausible it is; ('', 0) when none decodes."""
    found = ("", 0.0)
    for names, plausible in LEGACY:
        texts = {name: high.decode(name, "replace") for name in names}
        name = min(names, key=lambda one: texts[one].count("\ufffd"))
        beyond_ascii = sum(sign > "\x7f" for sign in texts[name])
        if texts[name].count("\ufffd") * 200 <= beyond_ascii:
            likely = plausible(texts[name])
            if likely > found[1] or not found[0]:
                found = (name, likely)
    return found


def _decoded(data: bytes, encoding: str) -> tuple[str, int]:
    """The text, and how many lines of it hold what this encoding cannot read."""
    try:
        return data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        return text, sum("\ufffd" in line for line in text.split("\n"))


def _guessed_elsewhere(high: bytes) -> str | None:
    """What charset-normalizer says of the alphabets not judged here."""
    from charset_normalizer import from_bytes

    best = from_bytes(high[: 1 << 16], cp_isolation=list(OTHERS)).best()
    return best.encoding if best is not None and _decoded(high, best.encoding)[1] == 0 else None


def _unknown() -> str:
    raise UserError("The text's encoding could not be told; choose it, for example utf-8, gb18030 or cp1252.")
