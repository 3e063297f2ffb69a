"""The results in an annotation or prediction of Label Studio: spans of text, choices, and whatever else was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desktop_llm.data.shapes.offsets import OutOfPlace, Places, checked, span
from desktop_llm.data.shapes.shape import Cells, Misfit, Shape, names_of

SPAN_TYPES = ("labels", "hypertextlabels")
OWN = ("label", "labels")


def covered(result: Mapping[str, object]) -> Mapping[str, object] | None:
    """The value of a result that labels a stretch of text, its offsets as numbers; None for other results."""
    value = result.get("value")
    if result.get("type") not in SPAN_TYPES or not isinstance(value, Mapping):
        return None
    told = value.get("globalOffsets")
    offsets = told if isinstance(told, Mapping) else value
    start, end = _number(offsets.get("start")), _number(offsets.get("end"))
    return {**value, "start": start, "end": end}


def read_results(text: str | None, made: Mapping[str, object], shape: Shape, *, annotated: bool) -> Cells:
    """The label, labels and spans of an annotation, and other answers under the names they were asked by."""
    told = made.get("result")
    results = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    spans: list[dict[str, object]] = []
    cells: Cells = {}
    relations: list[object] = []
    for result in results:
        value = covered(result)
        if value is not None:
            spans += _spans(text, result, value, shape)
        elif result.get("type") == "choices":
            _choose(cells, result, shape)
        elif result.get("type") == "relation":
            relations.append({name: one for name, one in result.items() if name != "type"})
        else:
            name = str(result.get("from_name", result.get("type", "result")))
            cells[f"answer.{name}" if name in ("text", "spans", *OWN) else name] = result.get("value")
    if relations:
        cells["relations"] = relations
    if annotated and not cells and shape.several and not shape.spans:
        cells["labels"] = []  # asked for choices, somebody made none
    elif spans or (annotated and (shape.spans or not cells)):
        cells["spans"] = spans
    return cells


def write_results(text: str, cells: Mapping[str, object]) -> list[Cells]:
    """Results that say this label, these labels and these spans. Raises Misfit."""
    results: list[Cells] = []
    for name in OWN:
        if name in cells:
            chosen = names_of(cells[name], name)
            results.append({"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": chosen}})
    try:
        told = checked(text, cells.get("spans", []))
    except OutOfPlace as error:
        raise Misfit(str(error)) from error
    for one in told:
        start, end = int(str(one["start"])), int(str(one["end"]))
        value = {"start": start, "end": end, "text": text[start:end], "labels": [one["label"]]}
        more = {name: kept for name, kept in one.items() if name not in ("start", "end", "label")}
        if set(more) - {"id"}:
            raise Misfit(f"the span {start}–{end} has more to it than its label")
        mark = {"id": more["id"]} if more else {}
        results.append({**mark, "from_name": "spans", "to_name": "text", "type": "labels", "value": value})
    return results


def _spans(
    text: str | None, result: Mapping[str, object], value: Mapping[str, object], shape: Shape
) -> Sequence[dict[str, object]]:
    """A span for each of a result's labels. Raises Misfit."""
    if text is None:
        raise Misfit("it has spans but no text")
    names = names_of(value.get(str(result.get("type"))) or value.get("labels"), "labels")
    more = {"id": result["id"]} if "id" in result else {}
    try:
        start, end = Places(text, shape.units).points(value["start"], value["end"])
        shown = value.get("text")
        if isinstance(shown, str) and shown.split() != text[start:end].split():
            raise OutOfPlace(f"the span {value['start']}–{value['end']} is not the “{shown[:40]}” that it was drawn on")
        return [span(start, end, name, more) for name in names]
    except OutOfPlace as error:
        raise Misfit(str(error)) from error


def _choose(cells: Cells, result: Mapping[str, object], shape: Shape) -> None:
    """Put a choice among the cells: the first question is the label, others go by their names."""
    value = result.get("value")
    chosen = names_of(value.get("choices") if isinstance(value, Mapping) else None, "choices")
    asked = str(result.get("from_name", ""))
    answer: object
    if asked == "labels" or (asked != "label" and shape.several) or len(chosen) != 1:
        name, answer = "labels", chosen
    else:
        name, answer = "label", chosen[0]
    if any(own in cells for own in OWN) and asked not in OWN:
        name = asked or "choices"
    cells[name] = answer


def _number(told: object) -> object:
    """Offsets are numbers; old versions wrote them as text."""
    return int(told) if isinstance(told, str) and told.isdecimal() else told
