"""The part of a recipe that says how a language model is asked, and what it answers by."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.jobs.recipe_pairs import PairKeys
from desktop_llm.jobs.recipe_weights import hyper

GROUPS = GROUP, CHOICE = "prompt", "answers"
HEAD, BY_PROMPT = "SEQ_CLS", "CAUSAL_LM"
SILENT_TEACHER = (
    "The teacher does not write: it chooses by a head of its own, or fills gaps. A model that writes, or is asked by a "
    "prompt, learns word by word from one that does; choose such a run, or leave “teacher” empty."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptKeys(PairKeys):
    """Metadata as in `Recipe`, whose keys these are. `task_type` is what peft calls it."""

    task_type: str = hyper(
        HEAD,
        "Answers by",
        "A new head above the language model that chooses among the labels, or a prompt: the model is asked in words, "
        "and each label is as likely as it finds its name for an answer. A prompt needs fewer examples and more work.",
        CHOICE,
        choices=((HEAD, "A new head"), (BY_PROMPT, "A prompt")),
        folder_only=True,
        causal_only=True,
    )
    instruction: str = hyper(
        "",
        "Prompt",
        "What the language model is told before each text. {text} puts the text at another place, {labels} names all "
        "labels. The finished model keeps it.",
        GROUP,
        folder_only=True,
        causal_only=True,
        goes_with=("task_type", BY_PROMPT),
    )
