"""Whatever is written reads back equal: formats of other tools, their labels, spans and conversations."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.form import Form
from desktop_llm.data.shapes.recognising import recognise
from desktop_llm.data.shapes.shape import Shape
from desktop_llm.data.tags import Stretch, stretches, tags
from desktop_llm.data.writers.writing import Format, write
from desktop_llm.errors import UserError
from tests.data.cells import JSON, NAMES, Cells, spanned, spans, texts, unhurried, written_and_read

EXTRA = st.dictionaries(st.sampled_from(["meta", "id", "note"]), JSON, max_size=2)
TEXT = texts()


def with_extra(rows: st.SearchStrategy[Cells]) -> st.SearchStrategy[Cells]:
    """Rows with other cells beside."""
    return st.tuples(rows, EXTRA).map(lambda two: {**two[1], **two[0]})


def many(row: st.SearchStrategy[Cells]) -> st.SearchStrategy[list[Cells]]:
    """Some such rows."""
    return st.lists(row, min_size=1, max_size=4)


LABEL = with_extra(st.fixed_dictionaries({"text": TEXT, "label": NAMES}))
LABELS = with_extra(st.fixed_dictionaries({"text": TEXT, "labels": st.lists(NAMES, max_size=3)}))
SPANS = with_extra(spanned())
BOTH = st.tuples(SPANS, st.lists(NAMES, max_size=2)).map(lambda two: {**two[0], "labels": two[1]})
MIXED = SPANS | with_extra(st.fixed_dictionaries({"text": TEXT}))


@unhurried
@given(rows=many(LABEL) | many(LABELS) | many(SPANS) | many(BOTH) | many(MIXED))
@pytest.mark.parametrize("form", ["doccano", "prodigy"])
def test_labelled_texts_come_back(form: Format, rows: list[Cells]) -> None:
    assert written_and_read(rows, form) == rows


@unhurried
@given(rows=many(LABEL) | many(LABELS) | many(SPANS))
def test_tasks_of_label_studio_come_back(rows: list[Cells]) -> None:
    assert written_and_read(rows, "label_studio") == rows


@unhurried
@given(rows=many(st.fixed_dictionaries({"source": TEXT, "target": TEXT}, optional={"meta": JSON})))
def test_pairs_come_back_from_doccano(rows: list[Cells]) -> None:
    assert written_and_read(rows, "doccano", shape=Shape(name="doccano_seq2seq")) == rows


CALL = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {"name": TEXT, "arguments": JSON.map(lambda value: json.dumps(value, ensure_ascii=False)) | TEXT}
        ),
    },
    optional={"id": NAMES},
)
MESSAGE = (
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT})
    | st.fixed_dictionaries({"role": st.just("tool"), "content": TEXT}, optional={"tool_call_id": NAMES})
    | st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.just("") | TEXT | st.none()}
        | {"tool_calls": st.lists(CALL, min_size=1, max_size=2)}
    )
)
CONVERSATION = with_extra(
    st.fixed_dictionaries({"messages": st.lists(MESSAGE, min_size=1, max_size=4)}, optional={"tools": TEXT})
)


@unhurried
@given(rows=many(CONVERSATION))
@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_conversations_come_back(form: Format, rows: list[Cells]) -> None:
    assert written_and_read(rows, form) == rows


@st.composite
def turns(draw: st.DrawFn) -> Cells:
    """What Alpaca holds: question and answer, again and again, perhaps told how before."""
    told = [{"role": "system", "content": "be kind"}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        told += [{"role": "user", "content": draw(TEXT)}, {"role": "assistant", "content": draw(TEXT)}]
    return {"messages": told}


@unhurried
@given(rows=many(with_extra(turns())))
def test_instructions_come_back(rows: list[Cells]) -> None:
    assert written_and_read(rows, "alpaca") == rows


SAID = TEXT | st.lists(MESSAGE, min_size=1, max_size=2)
PREFERENCE = with_extra(st.fixed_dictionaries({"chosen": SAID, "rejected": SAID}, optional={"prompt": SAID}))


@unhurried
@given(rows=many(PREFERENCE))
def test_preferences_come_back(rows: list[Cells]) -> None:
    assert written_and_read(rows, "preference") == rows


LINE = texts(breaks=False)


@unhurried
@given(row=st.data())
@pytest.mark.parametrize("form", ["conll", "conll_bioes"])
def test_tagged_texts_come_back(form: Format, row: st.DataObject) -> None:
    words = row.draw(st.lists(LINE.map(lambda text: "".join(text.split())).filter(bool), min_size=1, max_size=6))
    text = " ".join(words) if row.draw(st.booleans()) else row.draw(LINE.filter(str.strip))
    cells: Cells = {"text": text, "spans": row.draw(spans(text, apart=True))}
    rows = [cells, {"text": "one two", "spans": []}]
    told = Form(kind="conll", encoding="utf-8")
    ends = [text[place] for one in cells["spans"] for place in (one["start"], one["end"] - 1)]
    if any(sign.isspace() for sign in ends):
        with pytest.raises(UserError, match="begins or ends with white space"):
            written_and_read(rows, form, told)
        return
    # A word of CoNLL's own may be refused; what is taken comes back.
    with suppress(UserError) if "-DOCSTART-" in text else nullcontext():
        assert written_and_read(rows, form, told) == rows


@unhurried
@given(text=LINE, labels=st.lists(NAMES, max_size=3))
def test_fasttext_comes_back(text: str, labels: list[str]) -> None:
    several = {"text": "x", "labels": ["a", "b"]}
    one = {"text": "x", "label": "a"}
    told = Form(kind="fasttext", encoding="utf-8")
    text = text.replace("__label__", "")
    if text.strip() or labels:
        assert written_and_read([several, {"text": text, "labels": labels}], "fasttext", told)[1]["labels"] == labels
        assert written_and_read([one, {"text": text, "label": "é"}], "fasttext", told)[1] == {
            "text": text,
            "label": "é",
        }


@st.composite
def apart(draw: st.DrawFn) -> tuple[int, list[Stretch]]:
    """A number of tokens with spans of them."""
    count, at, found = draw(st.integers(1, 12)), 0, []
    while at < count:
        start, size = draw(st.integers(at, count)), draw(st.integers(1, 3))
        if start + size <= count:
            found.append(Stretch(start, start + size, draw(st.sampled_from(["PER", "B-X", "O", "地名"]))))
        at = start + size
    return count, found


@unhurried
@given(told=apart())
def test_every_scheme_tells_the_same_spans(told: tuple[int, list[Stretch]]) -> None:
    count, found = told
    iob2, bioes = tags(count, found, "iob2"), tags(count, found, "bioes")
    assert stretches(iob2) == stretches(bioes) == found
    swapped = {"E": "L", "S": "U"}
    assert stretches([swapped.get(tag[0], tag[0]) + tag[1:] if tag != "O" else tag for tag in bioes]) == found
    iob1 = list(iob2)
    for place, tag in enumerate(iob2):
        if tag[0] == "B" and (place == 0 or iob2[place - 1][1:] != tag[1:]):
            iob1[place] = "I" + tag[1:]
    assert stretches(iob1) == found


@pytest.mark.parametrize(
    ("tagged", "found"),
    [
        (["PER", "PER", "O", "LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),
        (["I-PER", "I-PER", "I-LOC", "O"], [(0, 2, "PER"), (2, 3, "LOC")]),
        (["I-PER", "B-PER", "I-PER"], [(0, 1, "PER"), (1, 3, "PER")]),
        (["E-PER", "S-PER", "B-PER", "I-LOC"], [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")]),
    ],
)
def test_tags_as_other_programs_write_them(tagged: list[str], found: list[tuple[int, int, str]]) -> None:
    assert stretches(tagged) == found


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "ab cd", "spans": [[0, 4, "A"], [1, 5, "B"]]}, "its spans of “A” and “B” overlap"),
        ({"text": "ab cd", "spans": [[3, 5, "A"], [0, 2, "B"]]}, "its spans are not in order"),
        ({"text": "ab cd", "spans": [[0, 3, "A"]]}, "a span begins or ends with white space"),
        ({"text": "ab cd", "spans": [[0, 2, "A B"]]}, "the label “A B” is not one word"),
        ({"text": "-DOCSTART- x", "spans": []}, "its tokens and tags would not be read back as they are"),
        ({"text": "ab", "spans": [], "id": 1}, "there is no place for the cell “id”; leave that column out"),
    ],
)
def test_a_text_that_conll_cannot_hold_is_named(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    told = [dict(zip(("start", "end", "label"), one, strict=True)) for one in row["spans"]]
    with pytest.raises(UserError) as caught:
        write(tmp_path / "a", [{**row, "spans": told}], "conll")
    assert caught.value.message == f"Row 1 cannot be written as CoNLL (IOB2): {reason}; nothing was written."


def test_rows_that_need_no_translation_have_no_shape() -> None:
    assert recognise([{"text": "a", "label": "b"}, {"text": "c", "label": ""}]) is None
    assert recognise([{"entities": [{"text": "a", "type": "b"}], "text": "a"}]) is None
    assert recognise([]) is None
