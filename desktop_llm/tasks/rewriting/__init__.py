"""Rewriting: a text becomes another one, which a person writes or mends: an answer, a translation, a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.jobs.recipe_prompt import BY_PROMPT, GROUP
from desktop_llm.tasks.rewriting.labels import RULES, SAMPLING, file_cells, in_line
from desktop_llm.tasks.task import Metric, Preset, RowField, Score, TallyMaker, Task, sizes

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.rewriting.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.rewriting.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.rewriting import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.rewriting import screen

    return screen


PLAIN = Recipe(
    lr_scheduler_type="linear",
    warmup_ratio=0.05,
    adam_beta2=0.98,
    label_smoothing_factor=0.1,
    metric_for_best_model="chrf",
    early_stopping_patience=5,
    per_device_eval_batch_size=32,
)
SMALL = sizes(8000, 320, 3, 5, 256)
TASK = Task(
    name="rewriting",
    title="Writing",
    description="Write what a text is to become: an answer, a translation, a summary, a better wording.",
    needs="a text to start from; what it is to become where that is known",
    fields=(
        RowField(
            name="source",
            title="Text",
            required=True,
            guesses=("source", "src", "text", "document", "article", "question", "prompt", "instruction", "input"),
        ),
        RowField(
            name="context",
            title="Instruction or context",
            required=False,
            guesses=("context", "input", "instruction", "prompt"),
        ),
        RowField(
            name="draft",
            title="Draft",
            required=False,
            guesses=("draft", "hypothesis", "prediction", "generated", "mt", "suggestion"),
        ),
        RowField(
            name="label",
            title="Becomes",
            required=False,
            guesses=(
                "label", "labels", "target", "tgt", "output", "response", "answer", "reply", "summary", "translation",
                "completion", "reference", "highlights",
            ),
        ),
    ),
    recipe=changed(
        PLAIN, {**SMALL, "num_train_epochs": 30.0, "learning_rate": 1e-3, "per_device_train_batch_size": 64}
    ),
    folder_recipe=changed(
        PLAIN,
        {
            "max_length": 256, "num_train_epochs": 3.0, "learning_rate": 5e-5, "per_device_train_batch_size": 16,
            "task_type": BY_PROMPT, "instruction": "Rewrite the text.",
        },
    ),
    groups=(GROUP,),
    presets=(
        Preset(
            title="Tiny",
            help="For some thousand pairs of short texts; minutes on a processor.",
            values=sizes(4000, 128, 2, 4, 128),
        ),
        Preset(
            title="Small",
            help="For ten thousand pairs and more; about an hour on a processor.",
            values=SMALL,
        ),
        Preset(
            title="Medium",
            help="For a hundred thousand pairs; wants a graphics card, or a night.",
            values=sizes(16_000, 384, 6, 6, 256),
        ),
        Preset(
            title="Base",
            help="As in “Attention is all you need”; for millions of pairs and a graphics card.",
            values=sizes(37_000, 512, 6, 8, 512),
        ),
        Preset(
            title="Big",
            help="The larger one of that paper; for tens of millions of pairs and a large graphics card.",
            values=sizes(37_000, 1024, 6, 16, 512),
        ),
    ),
    metrics=(
        Metric(name="bleu", title="BLEU", higher_is_better=True, percent=False),
        Metric(name="chrf", title="chrF", higher_is_better=True, percent=False),
        Metric(name="rouge_1", title="ROUGE-1", higher_is_better=True, percent=True),
        Metric(name="rouge_2", title="ROUGE-2", higher_is_better=True, percent=True),
        Metric(name="rouge_l", title="ROUGE-L", higher_is_better=True, percent=True),
        Metric(name="exact_match", title="Same text", higher_is_better=True, percent=True),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    classes=False,
    writes=True,
    sampling=SAMPLING,
    feed_forward=4.0,
    reads_and_writes=True,
    least_classes=0,
    pipeline="text2text-generation",
    starts=("SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM"),
    auto_model="AutoModelForSeq2SeqLM",
    usage=(
        'tokens = tokenizer("your text", return_tensors="pt")',
        "print(tokenizer.decode(model.generate(**tokens)[0], skip_special_tokens=True))",
    ),
    in_line=in_line,
    file_cells=file_cells,
    formats=("jsonl", "csv", "excel", "parquet", "json", "alpaca", "sharegpt", "messages", "doccano"),
)  # fmt: skip
