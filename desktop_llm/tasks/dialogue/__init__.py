"""Dialogue: a conversation of several turns as it should be, mended turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.tasks.dialogue.labels import RULES, asks, file_cells, in_line, label_of
from desktop_llm.tasks.task import Metric, Preset, RowField, Score, TallyMaker, Task, sizes

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.dialogue.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.dialogue.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.dialogue import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.dialogue import screen

    return screen


PLAIN = Recipe(
    num_train_epochs=3.0,
    lr_scheduler_type="cosine",
    warmup_ratio=0.03,
    weight_decay=0.0,
    adam_beta2=0.99,
    eval_steps=100,
    per_device_eval_batch_size=16,
)
TASK = Task(
    name="dialogue",
    title="Dialogue",
    description="Teach a model to answer: conversations, mended turn by turn, from which only the answers are learned.",
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
    groups=(TEACHER,),
    recipe=changed(PLAIN, {**sizes(4096, 256, 6, 4, 512), "learning_rate": 1e-3, "per_device_train_batch_size": 16}),
    folder_recipe=changed(PLAIN, {"max_length": 1024, "learning_rate": 5e-5, "per_device_train_batch_size": 4}),
    presets=(
        Preset(
            title="Small",
            help="Learns the manner of a few thousand short conversations; knows nothing else of the world.",
            values=sizes(4096, 256, 6, 4, 512),
        ),
        Preset(
            title="Medium",
            help="For tens of thousands of conversations; hours on a processor.",
            values=sizes(8192, 384, 6, 6, 512),
        ),
        Preset(
            title="Large",
            help="For hundreds of thousands of conversations; wants a graphics card.",
            values=sizes(16_384, 512, 8, 8, 1024),
        ),
    ),
    metrics=(
        Metric(name="perplexity", title="Perplexity", higher_is_better=False, percent=False),
        Metric(name="token_f1", title="Words in common", higher_is_better=True, percent=True),
        Metric(name="exact_match", title="Same answer", higher_is_better=True, percent=True),
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
    feed_forward=8 / 3,
    tokens_a_parameter=20.0,
    sizing_source="Hoffmann et al. 2022",
    least_classes=0,
    pipeline="text-generation",
    usage=('print(model([{"role": "user", "content": "Hello"}], max_new_tokens=100))',),
    label_of=label_of,
    in_line=in_line,
    file_cells=file_cells,
    formats=("messages", "sharegpt", "alpaca", "jsonl", "json", "parquet", "csv", "excel"),
)
