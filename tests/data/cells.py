"""What the tests of formats share: texts that break programs, rows of every kind, and a write followed by a read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from desktop_llm.data.form import Form
from desktop_llm.data.readers.opening import RawRow, open_reader
from desktop_llm.data.shapes.recognising import canonical
from desktop_llm.data.shapes.shape import Shape
from desktop_llm.data.sniff import sniff
from desktop_llm.data.writers.writing import FORMATS, Format, write

Cells = dict[str, Any]
# The first file of a kind loads its library, and disks take the time they take.
unhurried = settings(deadline=None)

ODD = (
    "😀",
    "👨🏻‍🚒",
    "e\u0301",
    "\u0b95\u0bcd\u0bb7",
    "שלום",
    "\u202eabc\u202c",
    "𝔘𝔫",
    "中文",
    "\ufeff",
    "\u2028",
    "_x2028_",
    "\xa0",
    "\x85",
    "\x0b",
    "\x1c",
    "\x7f",
    "\x01",
    '"',
    "'",
    "a,b",
    "=1+1",
    "#N/A",
    "_x000D_",
    "__label__",
    "-DOCSTART-",
    "# text = ",
    "O",
    "B-",
    "\\",
    "\\n",
    "{}",
    "[1]",
    "0",
    " ",
    "  ",
    "\t",
    "word",
)
BREAKS = ("\n", "\r\n", "\r", "\n\n")
# U+FFFE and U+FFFF are no characters, and workbooks cannot hold them.
SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff")
INLINE = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\ufffe\uffff")


def texts(*, breaks: bool = True, least: int = 0) -> st.SearchStrategy[str]:
    """Texts of odd pieces."""
    pieces = st.sampled_from(ODD + BREAKS if breaks else ODD) | st.text(SIGNS if breaks else INLINE, max_size=4)
    return st.lists(pieces, min_size=least, max_size=6).map("".join)


NAMES = st.text(st.characters(categories=["L", "N", "S"]), min_size=1, max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(breaks=False), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spans(draw: st.DrawFn, text: str, *, apart: bool = False) -> list[Cells]:
    """Spans of a text in order, in code points; `apart` they do not overlap."""
    found: list[Cells] = []
    at = 0
    for _ in range(draw(st.integers(0, 3))):
        if at >= len(text):
            break
        start = draw(st.integers(at if apart else 0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        found.append({"start": start, "end": end, "label": draw(NAMES)})
        at = end
    return found


@st.composite
def spanned(draw: st.DrawFn) -> Cells:
    """A text with its spans."""
    text = draw(texts())
    return {"text": text, "spans": draw(spans(text))}


def written_and_read(
    rows: Sequence[Cells], form: Format, told: Form | None = None, shape: Shape | None = None
) -> list[Any]:
    """The rows after they were written and read, found out without being told unless they are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{FORMATS[form].ending}"
        assert write(path, rows, form) == len(rows)
        assert [one.name for one in Path(folder).iterdir()] == [path.name]
        reader = open_reader(path, told or sniff(path))
        back = list(canonical(reader.rows(lambda: False), shape))
        assert reader.fraction() == 1.0
    return [row.cells if isinstance(row, RawRow) else row for row in back]
