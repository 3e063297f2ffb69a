"""Text scoring: one level of an ordered scale a text, such as one to five stars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.tasks.task import Loop, Metric, Preset, RowField, Score, TallyMaker, Task
from desktop_llm.tasks.text_scoring.labels import RULES

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.text_scoring.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.text_scoring.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.text_scoring import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.text_scoring import screen

    return screen


TASK = Task(
    name="text_scoring",
    title="Text scoring",
    description="Give each text a level of a scale: one to five stars, urgency.",
    needs="a text; a level where it is known",
    fields=(
        RowField(
            name="text",
            title="Text",
            required=True,
            guesses=("text", "sentence", "review", "content", "message", "body", "question", "utterance", "input"),
        ),
        RowField(
            name="label",
            title="Level",
            required=False,
            guesses=("score", "rating", "stars", "level", "grade", "overall", "label", "priority", "urgency",
                     "severity", "quality", "class", "target", "y"),
        ),
    ),
    groups=(TEACHER,),
    recipe=Recipe(learning_rate=1e-3, num_train_epochs=8.0, max_length=128, early_stopping_patience=4),
    folder_recipe=Recipe(learning_rate=2e-4, num_train_epochs=6.0, max_length=128),
    presets=(
        Preset(
            title="Tiny",
            help="Learns in seconds; for a few hundred short texts.",
            values={"vocab_size": 4000, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
        ),
        Preset(
            title="Small",
            help="A good start for some thousand texts.",
            values={"vocab_size": 8000, "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4},
        ),
        Preset(
            title="Medium",
            help="For a hundred thousand texts and more; wants a graphics card.",
            values={"vocab_size": 16000, "hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 8},
        ),
    ),
    metrics=(
        Metric(name="mae", title="Mean error", higher_is_better=False, percent=False),
        Metric(name="quadratic_kappa", title="Weighted kappa", higher_is_better=True, percent=False),
        Metric(name="spearman", title="Spearman", higher_is_better=True, percent=False),
        Metric(name="accuracy", title="Accuracy", higher_is_better=True, percent=True),
        Metric(name="within_one", title="Within one", higher_is_better=True, percent=True),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    explains=True,
    loop=Loop(many=False, named=lambda classes: classes[0]),
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    ordered=True,
)  # fmt: skip
