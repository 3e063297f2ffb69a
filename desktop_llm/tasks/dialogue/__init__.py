"""Dialogue: a conversation of several turns as it should be, mended turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.tasks.dialogue.labels import RULES, file_cells, in_line, label_of
from desktop_llm.tasks.task import RowField, Task

if TYPE_CHECKING:
    from desktop_llm.widgets.screen import ScreenRoom


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.dialogue import screen

    return screen


TASK = Task(
    name="dialogue",
    title="Dialogue",
    description="Mend conversations turn by turn: what each side says, who says it, and the answer that is missing.",
    needs="a conversation: messages with role and content",
    fields=(
        RowField(
            name="messages",
            title="Conversation",
            required=True,
            guesses=("messages", "conversation", "conversations", "dialogue", "dialog", "chat"),
            structured=True,
        ),
        RowField(
            name="label",
            title="As it should be",
            required=False,
            guesses=("label", "corrected", "messages"),
            shared=True,
        ),
    ),
    labels=RULES,
    open_screen=_open_screen,
    classes=False,
    label_of=label_of,
    in_line=in_line,
    file_cells=file_cells,
    formats=("messages", "sharegpt", "alpaca", "jsonl", "json", "parquet", "csv", "excel"),
)
