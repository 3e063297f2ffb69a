"""Multi-label classification: several labels a text, or none of them (topics, complaints, emotions)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.tasks.multilabel_classification.labels import RULES
from desktop_llm.tasks.task import Loop, Metric, Preset, RowField, Score, TallyMaker, Task

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.multilabel_classification.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.multilabel_classification.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.multilabel_classification import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.multilabel_classification import screen

    return screen


TASK = Task(
    name="multilabel_classification",
    title="Multi-label classification",
    description="Give each text all labels that apply: topics, complaints, emotions.",
    needs="a text; its labels where they are known",
    fields=(
        RowField(
            name="text",
            title="Text",
            required=True,
            guesses=("text", "sentence", "review", "content", "message", "body", "question", "utterance", "input"),
        ),
        RowField(
            name="label",
            title="Labels",
            required=False,
            guesses=("labels", "label", "tags", "categories", "topics", "classes", "emotions", "genres", "category",
                     "tag", "target", "y"),
        ),
    ),
    groups=(TEACHER,),
    recipe=Recipe(learning_rate=1e-3, num_train_epochs=10.0, max_length=128, early_stopping_patience=4),
    folder_recipe=Recipe(learning_rate=2e-4, num_train_epochs=8.0, max_length=128),
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
        Metric(name="micro_f1", title="Micro F1", higher_is_better=True, percent=False),
        Metric(name="macro_f1", title="Macro F1", higher_is_better=True, percent=False),
        Metric(name="subset_accuracy", title="All right", higher_is_better=True, percent=True),
        Metric(name="hamming_loss", title="Hamming loss", higher_is_better=False, percent=False),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    explains=True,
    loop=Loop(many=True, named=list),
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    cell="labels",
    least_classes=1,
    several=True,
    usage=(
        'chances = {one["label"]: one["score"] for one in model("your text", top_k=None)}',
        "config = model.model.config",
        "print([name for place, name in config.id2label.items() if chances[name] >= config.thresholds[place]])",
    ),
)  # fmt: skip
