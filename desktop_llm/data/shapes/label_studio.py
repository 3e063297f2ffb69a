"""Label Studio's JSON: tasks with `data`, `annotations` and `predictions`. https://labelstud.io/guide/task_format

Its offsets count code points since its frontend was mended for emoji (pull request 308), UTF-16 units before, and CR LF
as one where a browser did so; the text that it keeps beside each span tells which. Of several annotations the ground
truth counts, else the first that was not cancelled; a task with none but cancelled ones has no label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from desktop_llm.data.shapes.label_studio_results import covered, read_results, write_results
from desktop_llm.data.shapes.offsets import ALL, CODE_POINTS, OutOfPlace, Places
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape, text_of

LABELLED = ("label", "labels", "spans")
ANNOTATIONS = ("annotations", "completions")


def fits(row: Row) -> bool:
    """A task has an object of data, and lists of what was made of it."""
    return isinstance(row.get("data"), Mapping) and any(
        isinstance(row.get(name), list) for name in (*ANNOTATIONS, "predictions")
    )


def look(rows: list[Row]) -> Shape:
    """How offsets count, and whether tasks have spans or several labels, from all their results."""
    results = [(_text(row), result) for row in rows for result in _all_results(row)]
    spans = [(text, value) for text, one in results if text and (value := covered(one)) is not None]
    units = next(
        (units for units in ALL if all(_agrees(text, value, Places(text, units)) for text, value in spans)), None
    )
    choices = [answer.get("choices") for _, one in results if isinstance(answer := one.get("value"), Mapping)]
    return Shape(
        name="label_studio",
        units=units or CODE_POINTS,
        spans=bool(spans),
        several=any(isinstance(chosen, list) and len(chosen) > 1 for chosen in choices),
    )


def read(row: Row, shape: Shape) -> Cells:
    """The task in canonical cells. Raises Misfit."""
    data = row.get("data")
    if not isinstance(data, Mapping):
        raise Misfit("it has no object “data”")
    cells = dict(data)
    text = _text(row)
    if text is not None:
        key = _text_key(data)
        cells = {("text" if name == key else name): value for name, value in cells.items()}
    for name, value in row.items():
        if name not in ("data", "predictions", *ANNOTATIONS):
            cells[f"task.{name}" if name in cells else name] = value
    if row.get("annotations"):
        cells = {(f"data.{name}" if name in LABELLED else name): value for name, value in cells.items()}
    made = [one for name in ANNOTATIONS for one in _mappings(row.get(name))]
    valid = sorted((one for one in made if not one.get("was_cancelled")), key=lambda one: not one.get("ground_truth"))
    if valid:
        cells |= read_results(text, valid[0], shape, annotated=True)
    elif made:
        cells["cancelled"] = True
    if len(valid) > 1:
        cells["other_annotations"] = [read_results(text, one, shape, annotated=True) for one in valid[1:]]
    predictions = [_prediction(text, one, shape) for one in _mappings(row.get("predictions"))]
    return {**cells, "predictions": predictions} if predictions else cells


def write(cells: Row) -> Cells:
    """A task for Label Studio. Raises Misfit."""
    text = text_of(cells, "text")
    data = {name: value for name, value in cells.items() if name not in (*LABELLED, "predictions")}
    row: Cells = {"data": data, "annotations": []}
    told = {name: cells[name] for name in LABELLED if name in cells}
    if told:
        row["annotations"] = [{"result": write_results(text, told)}]
    if "predictions" in cells:
        made = cells["predictions"]
        if not isinstance(made, list) or not made or not all(isinstance(one, Mapping) for one in made):
            raise Misfit("its predictions are not a list of objects")
        row["predictions"] = [
            {
                **{name: value for name, value in one.items() if name not in LABELLED},
                "result": write_results(text, {name: one[name] for name in LABELLED if name in one}),
            }
            for one in made
        ]
    return row


def _prediction(text: str | None, one: Mapping[str, object], shape: Shape) -> Cells:
    rest = {name: value for name, value in one.items() if name != "result"}
    return {**rest, **read_results(text, one, shape, annotated=False)}


def _text_key(data: Mapping[str, object]) -> str | None:
    """The data's text: what is called so, else its longest."""
    if isinstance(data.get("text"), str):
        return "text"
    texts = {name: len(value) for name, value in data.items() if isinstance(value, str) and name != "text"}
    return None if "text" in data else max(texts, key=lambda name: texts[name], default=None)


def _text(row: Row) -> str | None:
    data = row.get("data")
    key = _text_key(data) if isinstance(data, Mapping) else None
    return str(data[key]) if key is not None and isinstance(data, Mapping) else None


def _all_results(row: Row) -> Iterator[Mapping[str, object]]:
    for name in (*ANNOTATIONS, "predictions"):
        for one in _mappings(row.get(name)):
            yield from _mappings(one.get("result"))


def _mappings(told: object) -> Sequence[Mapping[str, object]]:
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []


def _agrees(text: str, value: Mapping[str, object], places: Places) -> bool:
    """Whether a span is, in these units, what its tool showed; white space may have been squeezed."""
    try:
        start, end = places.points(value["start"], value["end"])
    except OutOfPlace:
        return False
    shown = value.get("text")
    return not isinstance(shown, str) or shown.split() == text[start:end].split()
