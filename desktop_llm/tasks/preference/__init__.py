"""Preference: which of two answers to a prompt is better; or neither, as both are as good, or both are bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.tasks.preference.labels import RULES, file_cells, in_line, label_of
from desktop_llm.tasks.task import RowField, Task

if TYPE_CHECKING:
    from desktop_llm.widgets.screen import ScreenRoom


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.preference import screen

    return screen


TASK = Task(
    name="preference",
    title="Preference",
    description="Choose the better of two answers to a prompt, side by side, without knowing whose they are.",
    needs="a prompt and two answers; which one is better where that is known",
    fields=(
        RowField(
            name="prompt",
            title="Prompt",
            required=True,
            guesses=("prompt", "question", "instruction", "query", "input"),
        ),
        RowField(
            name="a",
            title="Answer A",
            required=True,
            guesses=(
                "a", "answer_a", "response_a", "output_a", "completion_a", "answer1", "response1", "output1",
                "response_0", "answer_0", "chosen",
            ),
        ),
        RowField(
            name="b",
            title="Answer B",
            required=True,
            guesses=(
                "b", "answer_b", "response_b", "output_b", "completion_b", "answer2", "response2", "output2",
                "response_1", "answer_1", "rejected",
            ),
        ),
        RowField(
            name="label",
            title="Better",
            required=False,
            guesses=("label", "preference", "winner", "better", "choice", "chosen"),
            shared=True,
        ),
    ),
    labels=RULES,
    open_screen=_open_screen,
    classes=False,
    label_of=label_of,
    in_line=in_line,
    file_cells=file_cells,
    formats=("preference", "jsonl", "csv", "excel", "parquet", "json"),
)  # fmt: skip
