"""doccano's JSON and JSONL: `text` with `label` as a list of names, of [start, end, name], or entities and relations.

Offsets of spans drawn in doccano count UTF-16 units (its issue 2290), CR LF as two; a file in which they cannot do so,
because one would cut a character in two, was made by a program that counts code points.
Text to text looks like classification there: `doccano_seq2seq` must be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desktop_llm.data.shapes.offsets import CODE_POINTS, UTF16, OutOfPlace, Places, Units, checked, span
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape, names_of, text_of

LISTS = ("label", "labels", "entities", "cats")
KNOWN = ("start_offset", "end_offset", "label")


def fits(row: Row) -> bool:
    """Text, or a row that lost it, with one of doccano's lists."""
    return any(_is_told(row.get(name)) for name in LISTS) and isinstance(row.get("text", ""), str)


def look(rows: list[Row]) -> Shape:
    """Whether the lists hold spans, and in which units."""
    told = [(row, spans) for row in rows if (spans := _triples(row)) is not None]
    units: Units = UTF16
    for row, spans in told:
        text = row.get("text", row.get("data"))
        if isinstance(text, str) and not _fit(text, spans, UTF16) and _fit(text, spans, CODE_POINTS):
            units = CODE_POINTS
    return Shape(name="doccano", units=units, spans=any(spans for _, spans in told))


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    cells = dict(row)
    if "text" not in cells and isinstance(cells.get("data"), str):
        cells["text"] = cells.pop("data")
    text = text_of(cells, "text")
    if shape.name == "doccano_seq2seq":
        return _pair(cells, text)
    spans = _triples(cells)
    place = next((name for name in ("entities", "label", "labels") if isinstance(cells.get(name), list)), None)
    if spans is not None and (spans or shape.spans or place == "entities"):
        cells.pop(place or "")
        cells["spans"] = _converted(text, spans, shape.units)
    if "cats" in cells:
        cells["labels"] = names_of(cells.pop("cats"), "cats")
    for name in ("label", "labels"):
        if isinstance(cells.get(name), list):
            cells["labels"] = names_of(cells.pop(name), name)
    return cells


def write(cells: Row) -> Cells:
    """A row for doccano. Raises Misfit."""
    row = dict(cells)
    if "source" in row:
        if "text" in row or "label" in row:
            raise Misfit("it has a text or a label besides its source and target")
        source, target = text_of(row, "source"), row.pop("target", None)
        del row["source"]
        return {**row, "text": source, "label": [] if target is None else [target]}
    text = text_of(row, "text")
    spans = _foreign(text, row.pop("spans")) if "spans" in row else None
    labels = row.pop("labels", None)
    if spans is None and labels is not None:
        row["label"] = labels
    elif spans is not None and labels is None and spans and all(len(one) == len(KNOWN) for one in spans):
        row["label"] = [[one["start_offset"], one["end_offset"], one["label"]] for one in spans]
    elif spans is not None:
        row["entities"] = spans
        if labels is not None:
            row["cats"] = labels
    return row


def _pair(cells: Cells, text: str) -> Cells:
    targets = names_of(cells.pop("label", cells.pop("labels", [])), "label")
    del cells["text"]
    if len(targets) > 1:
        raise Misfit("it has several texts to become; only one can be learnt")
    return {**cells, "source": text, **({"target": targets[0]} if targets else {})}


def _triples(row: Row) -> list[Mapping[str, object]] | None:
    """The spans of a row as objects; None when its lists hold something else."""
    for name in ("entities", "label", "labels"):
        told = row.get(name)
        if isinstance(told, list):
            spans = [_object(one) for one in told]
            return None if None in spans else [one for one in spans if one is not None]
    return None


def _is_told(value: object) -> bool:
    """Whether a list holds names or spans, as far as its first element tells."""
    return isinstance(value, list) and (not value or isinstance(value[0], str | int) or _object(value[0]) is not None)


def _object(one: object) -> Mapping[str, object] | None:
    if isinstance(one, Mapping) and "start_offset" in one:
        return one
    return dict(zip(KNOWN, one, strict=True)) if isinstance(one, list) and len(one) == len(KNOWN) else None


def _fit(text: str, spans: Sequence[Mapping[str, object]], units: Units) -> bool:
    try:
        _converted(text, spans, units)
    except Misfit:
        return False
    return True


def _converted(text: str, spans: Sequence[Mapping[str, object]], units: Units) -> list[dict[str, object]]:
    places = Places(text, units)
    try:
        return [
            span(
                *places.points(one.get("start_offset"), one.get("end_offset")),
                one.get("label"),
                {name: value for name, value in one.items() if name not in KNOWN},
            )
            for one in spans
        ]
    except OutOfPlace as error:
        raise Misfit(str(error)) from error


def _foreign(text: str, told: object) -> list[Cells]:
    try:
        spans = checked(text, told)
    except OutOfPlace as error:
        raise Misfit(str(error)) from error
    places = Places(text, UTF16)
    return [
        {
            "start_offset": places.foreign(int(str(one["start"]))),
            "end_offset": places.foreign(int(str(one["end"]))),
            "label": one["label"],
            **{name: value for name, value in one.items() if name not in ("start", "end", "label")},
        }
        for one in spans
    ]
