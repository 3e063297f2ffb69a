"""Rewriting: a text becomes another one, which a person writes or mends: an answer, a translation, a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.tasks.rewriting.labels import RULES, file_cells, in_line
from desktop_llm.tasks.task import RowField, Task

if TYPE_CHECKING:
    from desktop_llm.widgets.screen import ScreenRoom


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.rewriting import screen

    return screen


TASK = Task(
    name="rewriting",
    title="Writing",
    description="Write what a text is to become: an answer, a translation, a summary, a better wording.",
    needs="a text to start from; what it is to become where that is known",
    fields=(
        RowField(
            name="source",
            title="Text",
            required=True,
            guesses=("source", "src", "text", "document", "article", "question", "prompt", "instruction", "input"),
        ),
        RowField(
            name="context",
            title="Instruction or context",
            required=False,
            guesses=("context", "input", "instruction", "prompt"),
        ),
        RowField(
            name="draft",
            title="Draft",
            required=False,
            guesses=("draft", "hypothesis", "prediction", "generated", "mt", "suggestion"),
        ),
        RowField(
            name="label",
            title="Becomes",
            required=False,
            guesses=(
                "label", "labels", "target", "tgt", "output", "response", "answer", "reply", "summary", "translation",
                "completion", "reference", "highlights",
            ),
        ),
    ),
    labels=RULES,
    open_screen=_open_screen,
    classes=False,
    in_line=in_line,
    file_cells=file_cells,
    formats=("jsonl", "csv", "excel", "parquet", "json", "alpaca", "sharegpt", "messages", "doccano"),
)  # fmt: skip
