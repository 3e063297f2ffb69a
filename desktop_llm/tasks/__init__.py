"""The one list of tasks. Adding a task is one folder beside this file and one line below."""

from __future__ import annotations

from desktop_llm.errors import UserError
from desktop_llm.tasks.dialogue import TASK as DIALOGUE
from desktop_llm.tasks.language_modelling import TASK as LANGUAGE_MODELLING
from desktop_llm.tasks.multilabel_classification import TASK as MULTILABEL_CLASSIFICATION
from desktop_llm.tasks.preference import TASK as PREFERENCE
from desktop_llm.tasks.rewriting import TASK as REWRITING
from desktop_llm.tasks.task import Task
from desktop_llm.tasks.text_classification import TASK as TEXT_CLASSIFICATION
from desktop_llm.tasks.text_scoring import TASK as TEXT_SCORING
from desktop_llm.tasks.token_tagging import TASK as TOKEN_TAGGING

TASKS: dict[str, Task] = {
    one.name: one
    for one in (
        TEXT_CLASSIFICATION,
        MULTILABEL_CLASSIFICATION,
        TEXT_SCORING,
        TOKEN_TAGGING,
        REWRITING,
        DIALOGUE,
        PREFERENCE,
        LANGUAGE_MODELLING,
    )
}


def task(name: str) -> Task:
    """The task of that name. Raises UserError that lists those there are."""
    if name not in TASKS:
        raise UserError(f"There is no task “{name}”; choose one of {', '.join(TASKS)}.")
    return TASKS[name]
