"""From a `Filter` to SQL over item ids: each kind of filter starts from the narrowest index that answers it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from desktop_llm.rows import Filter
from desktop_llm.store.class_schema import LISTED, WHOLE
from desktop_llm.store.schema import GENERATION

NEWEST = "(SELECT MAX(run) FROM predictions INDEXED BY predictions_by_item WHERE item = {0})"


_CALLED = "json_extract(?, '$.\"' || predictions.run || ':' || {0} || '\"')"
_TOLD = "json_each(labels.value) AS one"
_THIRD = "json_extract(one.value, '$[2]')"
_SPANS = "labels.value GLOB '[[][[]*' OR predictions.label GLOB '[[]{*'"
_SPAN = "json_array(json_extract({0}, '$.start'), json_extract({0}, '$.end'), json_extract({0}, '$.label'))"
_STORED = (
    "json_array(json_extract(one.value, '$[0]'), json_extract(one.value, '$[1]'), "
    + f"json_extract({_CALLED.format(_THIRD)}, '$'))"
)
DISAGREES = (
    f"CASE WHEN {WHOLE.format('labels.value')} THEN predictions.label <> {_CALLED.format('labels.value')}"
    f" WHEN {_SPANS} THEN NOT EXISTS (SELECT 1 FROM {_TOLD} WHERE {_CALLED.format(_THIRD)} IS NULL) AND"
    f" (SELECT json_group_array(span) FROM (SELECT {_STORED} AS span FROM {_TOLD} ORDER BY span))"
    f" <> (SELECT json_group_array(span) FROM (SELECT {_SPAN.format('said.value')} AS span"
    " FROM json_each(predictions.label) AS said ORDER BY span))"
    f" WHEN {LISTED.format('labels.value')} THEN"
    # names in one order on both sides; a class that the run never learned says nothing
    f" NOT EXISTS (SELECT 1 FROM {_TOLD} WHERE {_CALLED.format('one.value')} IS NULL) AND"
    " (SELECT json_group_array(name) FROM"
    f" (SELECT json_extract({_CALLED.format('one.value')}, '$') AS name FROM {_TOLD} ORDER BY name))"
    " <> (SELECT json_group_array(name) FROM"
    " (SELECT said.value AS name FROM json_each(predictions.label) AS said ORDER BY name)) END"
)
"""Whether the newest prediction is another label than the row's: one class, a set of them, or spans."""
OF_CLASS = "EXISTS (SELECT 1 FROM class_items AS has WHERE has.class = ? AND has.item = {0})"
PREDICTED = (
    "(predictions.label = ? OR predictions.label GLOB '[[]*'"
    " AND ? IN (SELECT CASE one.type WHEN 'text' THEN one.value ELSE json_extract(one.value, '$.label') END"
    " FROM json_each(predictions.label) AS one WHERE one.type IN ('text', 'object')))"
)
"""Whether a prediction is a class, has it among others, or has a span of it."""


@dataclass(frozen=True, slots=True)
class Where:
    """`SELECT {key} FROM {tables} WHERE {conditions}`; `key` is the item id in the leading table."""

    key: str
    tables: str
    conditions: tuple[str, ...]
    values: tuple[Any, ...]

    def select(self, columns: str, *more: str) -> str:
        """The statement for `columns`, with further conditions."""
        conditions = (*self.conditions, *more)
        tail = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {columns} FROM {self.tables}{tail}"

    def limited(self, condition: str, *values: Any) -> Where:
        """With one more condition."""
        return replace(self, conditions=(*self.conditions, condition), values=(*self.values, *values))


def where(told: Filter, *, uncertain: bool = False, said: str = "{}", lead: Where | None = None) -> Where:
    """The tables and conditions of a filter; `uncertain` starts from the uncertainty of unlabeled rows.

    `said` is the JSON object from “run:class” to what the run calls the class, as JSON; for disagreements. `lead` is
    what to start from, when something narrower than the filter itself is known. Tables are read in the order in which
    they stand (CROSS JOIN), as the planner knows nothing of how many rows they have.
    """
    start = lead if lead is not None else _start(told, uncertain=uncertain)
    key, tables, conditions, values = start.key, start.tables, list(start.conditions), list(start.values)
    joined = _joined(told, key)
    tables += "".join(words for words, _ in joined)
    values = [value for _, given in joined for value in given] + values
    if lead is not None or told.found:
        _also(told, key, conditions, values)
    if told.without is not None:
        conditions.append(f"NOT {OF_CLASS.format(key)}")
        values.append(told.without)
    if (told.split or told.source or told.text or told.since or told.until or told.column or told.min_length is not None
            or told.max_length is not None):  # fmt: skip
        if not tables.startswith("items") and " JOIN items " not in tables:
            tables += f" CROSS JOIN items ON items.id = {key}"
        _of_the_row(told, conditions, values)
    if told.disagrees:
        conditions.append(DISAGREES)
        values += [said] * DISAGREES.count("?")
    return Where(key, tables, tuple(conditions), tuple(values))


def _joined(told: Filter, key: str) -> list[tuple[str, list[Any]]]:
    """Further tables, with the values that their conditions need."""
    tables: list[tuple[str, list[Any]]] = []
    if told.disagrees and key != "labels.item":
        tables.append((f" CROSS JOIN labels ON labels.item = {key}", []))
    wanted = told.run is not None or told.predicted is not None or told.disagrees
    if not wanted:
        return tables
    values: list[Any] = [] if told.run is None else [told.run]
    run = NEWEST.format(key) if told.run is None else "?"
    words = f" CROSS JOIN predictions ON predictions.item = {key} AND predictions.run = {run}"
    if told.predicted is not None:
        words += f" AND {PREDICTED}"
        values += [json.dumps(told.predicted, ensure_ascii=False), told.predicted]
    return [*tables, (words, values)]


def _also(told: Filter, key: str, conditions: list[str], values: list[Any]) -> None:
    """What a filter would have started from, as conditions on rows that something else starts from."""
    if told.found and key != "found.item":
        conditions.append(f"EXISTS (SELECT 1 FROM found WHERE found.list = ? AND found.item = {key})")
        values.append(told.found)
    value = told.class_id if told.class_id is not None else told.truth
    if value is not None:
        conditions.append(OF_CLASS.format(key))
        values.append(value)
    if told.show == "labeled":
        conditions.append(f"EXISTS (SELECT 1 FROM labels AS l WHERE l.item = {key} AND l.value IS NOT NULL)")
    elif told.show == "disputed":
        conditions.append(f"EXISTS (SELECT 1 FROM disputes WHERE disputes.item = {key})")
    elif told.show == "second":
        conditions.append(f"EXISTS (SELECT 1 FROM second WHERE second.item = {key} AND second.labeler <> ?)")
        values.append(told.labeler)
    elif told.show != "all":
        skipped = int(told.show == "skipped")
        conditions.append(f"EXISTS (SELECT 1 FROM unlabeled WHERE unlabeled.item = {key} AND skipped = {skipped})")


def _of_the_row(told: Filter, conditions: list[str], values: list[Any]) -> None:
    """What is asked of the row itself."""

    def ask(condition: str, *given: Any) -> None:
        conditions.append(condition)
        values.extend(given)

    if told.split:
        ask("items.split <> '' AND items.split = ?", told.split)  # the first half opens the partial index
    if told.source:
        ask("items.source IN (SELECT id FROM sources WHERE name = ?)", told.source)
    if told.since:
        ask("items.source IN (SELECT id FROM sources WHERE at >= ?)", told.since)
    if told.until:
        # “2026-11-24” means all of that day: what is longer and begins with it comes before its “~”
        ask("items.source IN (SELECT id FROM sources WHERE at <= ? || '~')", told.until)
    if told.min_length is not None:
        ask("length(items.text) >= ?", told.min_length)
    if told.max_length is not None:
        ask("length(items.text) <= ?", told.max_length)
    if told.text:
        ask(*holds(told.text))
    if told.column:
        ask(*_cell(told))


def holds(text: str) -> tuple[str, str]:
    """The condition that the text is part of a row's text, whatever the case, and its value."""
    if text.isascii() or text.lower() == text.upper():
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return "items.text LIKE ? ESCAPE '\\'", f"%{escaped}%"
    return "holds(items.text, ?)", text.lower()  # LIKE knows the case of A to Z alone


def _cell(told: Filter) -> tuple[str, Any, Any]:
    """The condition on a further column of the row's file."""
    cell = "(SELECT CAST(atom AS TEXT) FROM json_each(items.extra) WHERE json_each.key = ?)"
    if told.compare == "contains":
        return f"holds(COALESCE({cell}, ''), ?)", told.column, told.value.lower()
    if told.compare == "is":
        return f"COALESCE({cell}, '') = ?", told.column, told.value
    sign = ">=" if told.compare == "least" else "<="
    try:
        number = float(told.value)
    except ValueError:
        return f"{cell} {sign} ?", told.column, told.value
    return f"number({cell}) {sign} ?", told.column, number


def _start(told: Filter, *, uncertain: bool) -> Where:
    if uncertain:
        conditions = (f"uncertainty.generation = {GENERATION}",)
        return Where("uncertainty.item", "uncertainty INDEXED BY uncertainty_first", conditions, ())
    if told.found:
        # rows of a list may lie in the bin by now
        there = "EXISTS (SELECT 1 FROM items AS there WHERE there.id = found.item)"
        return Where("found.item", "found", ("found.list = ?", there), (told.found,))
    value = told.class_id if told.class_id is not None else told.truth
    if value is not None:
        return Where("class_items.item", "class_items", ("class_items.class = ?",), (value,))
    if told.show == "labeled" or (told.disagrees and told.show == "all"):
        return Where("labels.item", "labels", ("labels.value IS NOT NULL",), ())
    if told.show == "disputed":
        return Where("disputes.item", "disputes", (), ())
    if told.show == "second":
        return Where("second.item", "second", ("second.labeler <> ?",), (told.labeler,))
    if told.show == "skipped":
        return Where("unlabeled.item", "unlabeled INDEXED BY unlabeled_skipped", ("unlabeled.skipped = 1",), ())
    if told.show == "unlabeled":
        return Where("unlabeled.item", "unlabeled INDEXED BY unlabeled_waiting", ("unlabeled.skipped = 0",), ())
    return Where("items.id", "items", (), ())
