"""Prodigy's and spaCy's JSONL: `text`, `spans` in code points, `label`, `accept` for choices, and an `answer`.

Only what was answered with “accept” (or not answered at all, as in files made for import) is a label; what was rejected
or ignored stays beside the row under `unaccepted`. https://prodi.gy/docs/api-interfaces
"""

from __future__ import annotations

from collections.abc import Mapping

from desktop_llm.data.shapes.offsets import CODE_POINTS, OutOfPlace, Places, span
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape, names_of, text_of

ANSWERS = ("accept", "reject", "ignore")
KNOWN = ("start", "end", "label")


def fits(row: Row) -> bool:
    """Text with spans of their own start and end, a choice, or an answer."""
    spans = row.get("spans")
    told = isinstance(spans, list) and all(isinstance(one, Mapping) and "start" in one for one in spans)
    return isinstance(row.get("text"), str) and (
        told or isinstance(row.get("accept"), list) or row.get("answer") in ANSWERS
    )


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="prodigy")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    text = text_of(row, "text")
    cells = dict(row)
    answer = cells.get("answer", "accept")
    if answer not in ANSWERS:
        raise Misfit("its “answer” is none of accept, reject and ignore")
    told: Cells = {}
    if "spans" in cells:
        told["spans"] = _spans(text, cells.pop("spans"))
    if "accept" in cells:
        told["labels"] = _chosen(names_of(cells.pop("accept"), "accept"), cells.get("options"))
    elif "label" in cells:
        told["label"] = cells.pop("label")
    if answer == "accept":
        cells.pop("answer", None)
        return {**cells, **told}
    return {**cells, "unaccepted": told} if told else cells


def write(cells: Row) -> Cells:
    """A task for Prodigy. Raises Misfit."""
    text_of(cells, "text")
    if "label" in cells and "labels" in cells:
        raise Misfit("it has both a label and labels")
    row = dict(cells)
    if "labels" in row:
        row["accept"] = row.pop("labels")
    if any(name in row for name in ("spans", "accept", "label")):
        row.setdefault("answer", "accept")
    return row


def _spans(text: str, told: object) -> list[dict[str, object]]:
    if not isinstance(told, list):
        raise Misfit("its spans are not a list")
    places = Places(text, CODE_POINTS)
    try:
        return [
            span(
                *places.points(one.get("start"), one.get("end")),
                one.get("label"),
                {name: value for name, value in one.items() if name not in KNOWN},
            )
            for one in told
        ]
    except OutOfPlace as error:
        raise Misfit(str(error)) from error
    except AttributeError as error:
        raise Misfit("a span is not an object") from error


def _chosen(ids: list[str], options: object) -> list[str]:
    """Choices by what a person saw of them, where their ids are bare numbers."""
    texts: dict[str, str] = {}
    for option in options if isinstance(options, list) else ():
        if isinstance(option, Mapping) and isinstance(option.get("id"), int) and isinstance(option.get("text"), str):
            texts[str(option["id"])] = option["text"]
    return [texts.get(one, one) for one in ids]
