"""Language modelling: a model of one's own texts that foretells the next token, from scratch or a model folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.jobs.recipe_texts import CAUSAL, CHARACTERS, GROUP, MASKED, PIECES
from desktop_llm.tasks.language_modelling.labels import RULES
from desktop_llm.tasks.task import Metric, Other, Preset, RowField, Score, TallyMaker, Task, sizes

if TYPE_CHECKING:
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


def _open_score() -> Score:
    from desktop_llm.tasks.language_modelling.score import score

    return score


def _open_tally() -> TallyMaker:
    from desktop_llm.tasks.language_modelling.score import tally

    return tally


def _open_learn() -> LearnRoom:
    from desktop_llm.tasks.language_modelling import learn

    return learn


def _open_screen() -> ScreenRoom:
    from desktop_llm.tasks.language_modelling import screen

    return screen


def _answer_words(told: Prediction) -> str:
    """How odd a text is, and what would come next."""
    if "right" in told.label:
        hidden, right = told.label["tokens"], told.label["right"]
        return f"pseudo-perplexity {1 / max(told.probability, 1e-12):.4g}, {right:,} of {hidden:,} hidden tokens found"
    coming = ", ".join(f"{name} {100 * chance:.0f} %" for name, chance in told.top[:3])
    odd = f"perplexity {1 / max(told.probability, 1e-12):.4g} of {told.label['tokens']:,} tokens"
    return f"{odd}, next {coming}" if coming else odd


def _other(recipe: Recipe) -> Other | None:
    """Models that fill gaps are measured and asked in their own way."""
    if recipe.objective != MASKED:
        return None
    usage = ('print(model(f"Once upon a {model.tokenizer.mask_token}."))',)
    return Other(metric="pseudo_perplexity", pipeline="fill-mask", usage=usage)


WRITES, FILLS = ("objective", CAUSAL), ("objective", MASKED)
PIECED = {"tokenizer_type": PIECES}
PLAIN = Recipe(
    num_train_epochs=1.0,
    lr_scheduler_type="cosine",
    warmup_ratio=0.05,
    weight_decay=0.1,
    adam_beta2=0.95,
    eval_steps=250,
)
TASK = Task(
    name="language_modelling",
    title="Language model",
    description="Learn to write like a body of texts: a language model of your own, or one that is taught further.",
    needs="a text; nothing is labeled",
    fields=(
        RowField(
            name="text",
            title="Text",
            required=True,
            guesses=("text", "content", "document", "article", "body", "story", "passage", "sentence", "message",
                     "code", "raw_content"),
        ),
    ),
    groups=(GROUP, TEACHER),
    recipe=changed(PLAIN, {**sizes(4096, 256, 6, 4, 256), "learning_rate": 1e-3, "per_device_train_batch_size": 32}),
    folder_recipe=changed(PLAIN, {"max_length": 512, "learning_rate": 5e-5, "per_device_train_batch_size": 16}),
    presets=(
        Preset(
            title="Characters",
            help="Each character is a token. Learns from a single book in minutes.",
            values={**sizes(4096, 128, 4, 4, 64), "tokenizer_type": CHARACTERS},
        ),
        Preset(
            title="Bytes",
            help="Knows bytes, no word pieces. Learns from a single book in minutes, in whatever script.",
            values={**sizes(257, 128, 4, 4, 128), **PIECED},
        ),
        Preset(
            title="Small",
            help="For a few megabytes of text; some minutes to an hour on a processor.",
            values={**sizes(4096, 256, 6, 4, 256), **PIECED},
        ),
        Preset(
            title="Medium",
            help="For tens of megabytes; hours on a processor.",
            values={**sizes(8192, 384, 6, 6, 256), **PIECED},
        ),
        Preset(
            title="Large",
            help="For hundreds of megabytes; wants a graphics card.",
            values={**sizes(16_384, 512, 8, 8, 512), **PIECED},
        ),
        Preset(
            title="As GPT-2",
            help="For gigabytes; wants a large graphics card and days.",
            values={**sizes(50_304, 768, 12, 12, 1024), **PIECED},
        ),
    ),
    metrics=(
        Metric(
            name="perplexity", title="Perplexity", higher_is_better=False, percent=False, goes_with=WRITES
        ),
        Metric(
            name="bits_per_byte", title="Bits per byte", higher_is_better=False, percent=False, goes_with=WRITES
        ),
        Metric(
            name="nats_per_character",
            title="Nats per character",
            higher_is_better=False,
            percent=False,
            goes_with=WRITES,
        ),
        Metric(
            name="pseudo_perplexity", title="Pseudo-perplexity", higher_is_better=False, percent=False, goes_with=FILLS
        ),
        Metric(
            name="masked_accuracy", title="Hidden tokens found", higher_is_better=True, percent=True, goes_with=FILLS
        ),
        Metric(name="loss", title="Loss", higher_is_better=False, percent=False),
    ),
    labels=RULES,
    open_score=_open_score,
    open_tally=_open_tally,
    open_learn=_open_learn,
    open_screen=_open_screen,
    classes=False,
    unsupervised=True,
    writes=True,
    feed_forward=8 / 3,
    tokens_a_parameter=20.0,
    sizing_source="Hoffmann et al. 2022",
    least_classes=0,
    pipeline="text-generation",
    starts=("CAUSAL_LM", "MASKED_LM"),
    other=_other,
    usage=('print(model("Once upon a time", max_new_tokens=40))',),
    formats=("text", "jsonl", "parquet", "csv"),
    answer_words=_answer_words,
)  # fmt: skip
