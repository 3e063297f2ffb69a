"""The part of a recipe that says from which other model a run learns beside the labels, and how much (distillation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe_prompt import BY_PROMPT, HEAD, PromptKeys
from desktop_llm.jobs.recipe_texts import MASKED
from desktop_llm.jobs.recipe_weights import hyper

GROUP = "teacher"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherKeys(PromptKeys):
    """Metadata as in `Recipe`, whose keys these are. Temperature and weight are those of Hinton et al. 2015."""

    teacher: str = hyper(
        "",
        "Teacher",
        "A larger model of the same task, as the number of a run or a model folder: the run learns what that says of "
        "each text beside the labels, and so a small model keeps most of what the large one can. Empty: none.",
        GROUP,
        hint="none; a run's number, or a folder",
    )
    distillation_temperature: float = hyper(
        2.0,
        "Temperature",
        "How much of the teacher's second and third thoughts is learned: above 1 they count more. 1 to 5.",
        GROUP,
        minimum=0.1,
        maximum=100.0,
        decimals=2,
    )
    distillation_weight: float = hyper(
        0.9,
        "Teacher's weight",
        "How much the teacher counts against the labels: 1 the teacher alone, 0 the labels alone.",
        GROUP,
        minimum=0.0,
        maximum=1.0,
        decimals=3,
    )
    distillation_unlabeled: bool = hyper(
        False,
        "Texts without a label, too",
        "The teacher speaks of them as well: what it says stands where a label would. Costs time, not labeling.",
        GROUP,
        of_classes=True,
        goes_with=("task_type", HEAD),
    )


def check(keys: TeacherKeys) -> None:
    """Raise UserError where values do not fit each other."""
    if keys.teacher and keys.objective == MASKED:
        raise UserError("A model that fills gaps learns without a teacher; leave “teacher” empty.")
    if keys.distillation_unlabeled and keys.task_type == BY_PROMPT:
        raise UserError("A model that is asked by a prompt learns from labels; leave “distillation_unlabeled” off.")
    if keys.teacher and keys.fsdp:
        raise UserError("A run with a teacher is not shared out; leave “fsdp” off.")


def columns(mine: Sequence[str], theirs: Sequence[str], what: str = "label") -> list[int]:
    """Where the teacher has each of the learner's classes. Raises UserError for one that it does not know."""
    places = {name: place for place, name in enumerate(theirs)}
    missing = [name for name in mine if name not in places]
    if missing:
        raise UserError(
            f"The teacher does not know {len(missing):,} of the {len(mine):,} {what}s, such as “{missing[0]}”; choose "
            "one that was trained with these, or leave “teacher” empty."
        )
    return [places[name] for name in mine]
