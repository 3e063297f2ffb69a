"""Tagging: spans of a text, each with a label (names, places, products, terms)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.tasks.task import Metric, Preset, RowField, Score, Switch, TallyMaker, Task
from desktop_llm.tasks.token_tagging.labels import RULES, move

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.token_tagging.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.token_tagging.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.token_tagging import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.token_tagging import screen

    return screen


TASK = Task(
    name="token_tagging",
    title="Tagging",
    description="Mark spans in texts: names, places, products, terms.",
    needs="a text; spans where they are known",
    fields=(
        RowField(
            name="text",
            title="Text",
            required=True,
            guesses=("text", "sentence", "content", "message", "body", "document", "paragraph", "review", "input"),
        ),
        RowField(
            name="label",
            title="Spans",
            required=False,
            guesses=("spans", "entities", "label", "labels", "annotations"),
        ),
    ),
    groups=(TEACHER,),
    recipe=Recipe(learning_rate=1e-3, num_train_epochs=12.0, max_length=256, early_stopping_patience=4),
    # a head that begins from nothing learns from the first step: a longer rise cost 4 points of F1 in one epoch
    folder_recipe=Recipe(learning_rate=2e-4, num_train_epochs=6.0, max_length=256, warmup_ratio=0.03),
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
        Metric(name="f1", title="Span F1", higher_is_better=True, percent=False),
        Metric(name="precision", title="Precision", higher_is_better=True, percent=False),
        Metric(name="recall", title="Recall", higher_is_better=True, percent=False),
        Metric(name="macro_f1", title="Macro F1", higher_is_better=True, percent=False),
        Metric(name="exact", title="Texts all right", higher_is_better=True, percent=True),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    switches=(
        Switch(
            name="overlapping",
            title="Spans may overlap",
            help="A piece of text can have several labels. A model learns the longest of spans that overlap.",
            default=False,
        ),
    ),
    cell="spans",
    formats=(
        *("jsonl", "conll", "conll_bioes", "doccano", "prodigy", "label_studio"),
        *("csv", "excel", "parquet", "json"),
    ),
    move_label=move,
    least_classes=1,
    pipeline="token-classification",
    usage=(
        "# each token is judged by itself here; desktop_llm also takes for one word what its texts never part,",
        "# and gives neighbouring words labels that agree: its figures can be a little higher",
        'print(model("your text", aggregation_strategy="first"))',
    ),
)
