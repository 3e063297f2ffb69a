"""From a `Filter` to SQL over item ids: each kind of filter starts from the narrowest index that answers it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from desktop_llm.rows import Filter
from desktop_llm.store.schema import GENERATION, VISIBLE


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


def where(told: Filter, *, uncertain: bool = False) -> Where:
    """The tables and conditions of a filter; `uncertain` starts from the uncertainty of unlabeled rows."""
    key, tables, conditions, values = _start(told, uncertain=uncertain)
    if told.split or told.source or told.text:
        if not tables.startswith("items"):
            tables += f" JOIN items ON items.id = {key}"
        if told.split:
            conditions.append("items.split <> '' AND items.split = ?")  # the first half opens the partial index
            values.append(told.split)
        if told.source:
            conditions.append("items.source IN (SELECT id FROM sources WHERE name = ?)")
            values.append(told.source)
        if told.text:
            conditions.append("items.text LIKE ? ESCAPE '\\'")
            values.append(f"%{_escaped(told.text)}%")
    if told.run is not None:
        tables += f" JOIN predictions ON predictions.item = {key} AND predictions.run = ?"
        values.insert(0, told.run)
        if told.predicted is not None:
            conditions.append("predictions.label = ?")
            values.append(json.dumps(told.predicted, ensure_ascii=False))
    if not uncertain:
        conditions.append(f"{key} <= {VISIBLE}")
    return Where(key, tables, tuple(conditions), tuple(values))


def _start(told: Filter, *, uncertain: bool) -> tuple[str, str, list[str], list[Any]]:
    if uncertain:
        tables = "uncertainty INDEXED BY uncertainty_first"
        return "uncertainty.item", tables, [f"uncertainty.generation = {GENERATION}"], []
    value = told.class_id if told.class_id is not None else told.truth
    if value is not None:
        return "class_items.item", "class_items", ["class_items.class = ?"], [value]
    if told.show == "labeled":
        return "labels.item", "labels", ["labels.value IS NOT NULL"], []
    if told.show == "skipped":
        return "unlabeled.item", "unlabeled INDEXED BY unlabeled_skipped", ["unlabeled.skipped = 1"], []
    if told.show == "unlabeled":
        return "unlabeled.item", "unlabeled INDEXED BY unlabeled_waiting", ["unlabeled.skipped = 0"], []
    return "items.id", "items", [], []


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
