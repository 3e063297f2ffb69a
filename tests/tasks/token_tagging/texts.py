"""Texts that are hard to count in, projects with such, and what they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from desktop_llm.data.writers.writing import Format
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing

TASK = TASKS["token_tagging"]
CLASSES = ("person", "place", "地点", "émoji 😀")
FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv", "tsv", "excel", "parquet", "arrow", "doccano", "prodigy",
                               "label_studio")  # fmt: skip
PIECES = (
    "Berlin", "a", " ", "  ", "\n", "\r\n", "\t", ". ", "😀", "👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "e\u0301", "ṇ̀", "नि",
    "北京大学", "，", "東京", "שלום", "مرحبا بالعالم", "العربية", "(", "\u200f", "한국", "각", "A1-b", "'s", "ﬁ", "𝒳",
)  # fmt: skip
MARKED = re.compile(r"\[(\w+):([^]]+)\]")
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=18).map("".join).filter(lambda text: bool(text.strip()))


def span(start: int, end: int, label: str) -> dict[str, Any]:
    """A span in names."""
    return {"start": start, "end": end, "label": label}


def marked(told: str) -> tuple[str, list[dict[str, Any]]]:
    """A text and its spans from one with the spans in brackets: [food:面包]."""
    text, spans, at = "", [], 0
    for found in MARKED.finditer(told):
        text += told[at : found.start()]
        spans.append(span(len(text), len(text) + len(found[2]), found[1]))
        text, at = text + found[2], found.end()
    return text + told[at:], spans


def make(path: Path, rows: Iterable[tuple[str, Sequence[Mapping[str, Any]] | None]]) -> Project:
    """A project with these texts and spans (None: not labeled), as if they had come from a file."""
    project = Project.create(path, TASK.name)
    project.classes.ensure(CLASSES)
    items = [NewItem(content={"text": text}, label=None if spans is None else list(spans)) for text, spans in rows]
    project.items.insert("made.jsonl", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    return project


def held(project: Project) -> dict[str, list[dict[str, Any]] | None]:
    """The spans in names by text."""
    names = project.classes.names()
    return {
        item.content["text"]: None if item.value is None else TASK.labels.to_named(item.value, names)
        for item in project.items.page(Filter(), 0, 10_000)
    }


def imported(folder: Path, file: Path) -> dict[str, list[dict[str, Any]] | None]:
    """What a new project holds after importing a file; nothing may be rejected."""
    with closing(Project.create(folder, TASK.name)) as project:
        report = importing.run(project, importing.plan(TASK, file))
        assert report.rejected_count == 0, report.rejected[:1]
        return held(project)


def normal(text: str) -> str:
    """As an import brings it in."""
    return text.replace("\r\n", "\n").strip()


def graphemes(text: str) -> list[str]:
    """What a person sees as one character, by the rules of Unicode."""
    import regex

    found: list[str] = regex.findall(r"\X", text)
    return found


assert all(unicodedata.is_normalized("NFC", name) for name in CLASSES)
