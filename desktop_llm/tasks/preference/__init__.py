"""Preference: which of two answers to a prompt is better; or neither, as both are as good, or both are bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.tasks.preference.labels import RULES, asks, compared, file_cells, in_line, label_of
from desktop_llm.tasks.task import Metric, Preset, RowField, Score, TallyMaker, Task, sizes

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.preference.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.preference.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.preference import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.preference import screen

    return screen


def _answer_words(told: Prediction) -> str:
    return RULES.text(told.label, {})


PLAIN = Recipe(
    num_train_epochs=2.0,
    lr_scheduler_type="cosine",
    warmup_ratio=0.1,
    weight_decay=0.0,
    per_device_train_batch_size=8,
    per_device_eval_batch_size=8,
    metric_for_best_model="loss",
)
"""The best model is that of the lowest loss: margins grow on when answers are long told apart."""
TASK = Task(
    name="preference",
    title="Preference",
    description="Choose the better of two answers without knowing whose they are, and teach a model to prefer such.",
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
    recipe=changed(PLAIN, {**sizes(4096, 256, 6, 4, 512), "learning_rate": 3e-4}),
    folder_recipe=changed(PLAIN, {"max_length": 1024, "learning_rate": 5e-6}),
    groups=("pairs",),
    presets=(
        Preset(
            title="Small",
            help="Knows nothing of language: better begin with a model folder that answers already.",
            values=sizes(4096, 256, 6, 4, 512),
        ),
    ),
    metrics=(
        Metric(name="reward_accuracy", title="Accuracy", higher_is_better=True, percent=True),
        Metric(name="reward_margin", title="Margin", higher_is_better=True, percent=False),
        Metric(name="chosen_logps", title="Log p, better", higher_is_better=True, percent=False),
        Metric(name="rejected_logps", title="Log p, worse", higher_is_better=False, percent=False),
        Metric(name="drift", title="Drift", higher_is_better=False, percent=False),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    classes=False,
    writes=True,
    asks=asks,
    compared=compared,
    feed_forward=8 / 3,
    tokens_a_parameter=20.0,
    sizing_source="Hoffmann et al. 2022",
    least_classes=0,
    pipeline="text-generation",
    usage=('print(model([{"role": "user", "content": "Hello"}], max_new_tokens=100))',),
    answer_words=_answer_words,
    label_of=label_of,
    in_line=in_line,
    file_cells=file_cells,
    formats=("preference", "jsonl", "csv", "excel", "parquet", "json"),
)  # fmt: skip
