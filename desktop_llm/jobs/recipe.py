"""The recipe of a run: every hyperparameter, under Hugging Face's own key, with plain words for the form.

The same keys serve `--set key=value`, the recipe file (TOML) and the tooltips of the Train page. Choices that
are left to the program ("automatic") are None.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe_pairs, recipe_places, recipe_prompt, recipe_teacher, recipe_texts, recipe_weights
from desktop_llm.jobs.recipe_weights import SCRATCH as SCRATCH
from desktop_llm.jobs.recipe_weights import hyper as _hyper


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(recipe_teacher.TeacherKeys):
    """All hyperparameters of one run.

    Metadata of a field: `title`, `help` (plain words), `group` (start, size, training, several, optimizer, adapter,
    more, or one of some tasks alone: `OWN`), and where they apply `minimum`, `maximum`, `choices` ((value, title), …),
    `decimals`, `hint`, `scratch_only`, `folder_only`, `causal_only` (of models that write), `of_classes` (of
    tasks whose labels are classes), `goes_with` (another key, and the value it must have).
    """

    model: str = _hyper(
        SCRATCH,
        "Start from",
        "A model folder in Hugging Face layout, or a new model that knows nothing yet.",
        "start",
    )
    # size, for a model from scratch
    vocab_size: int = _hyper(
        8000,
        "Vocabulary",
        "How many different word pieces the tokenizer learns from your text; 257 are single bytes.",
        "size",
        minimum=257,
        maximum=250_000,
        scratch_only=True,
    )
    hidden_size: int = _hyper(
        256,
        "Embedding width",
        "Numbers per word piece inside the model; must be divisible by the heads.",
        "size",
        minimum=8,
        maximum=8192,
        scratch_only=True,
    )
    num_hidden_layers: int = _hyper(
        4, "Layers", "How many Transformer blocks are stacked.", "size", minimum=1, maximum=96, scratch_only=True
    )
    num_attention_heads: int = _hyper(
        4,
        "Heads",
        "How many places each layer can look at in parallel.",
        "size",
        minimum=1,
        maximum=128,
        scratch_only=True,
    )
    intermediate_size: int | None = _hyper(
        None,
        "Feed-forward width",
        "Automatic: twice the embedding width, or 8/3 of it for models that write.",
        "size",
        minimum=8,
        maximum=65536,
        scratch_only=True,
    )
    hidden_dropout_prob: float | None = _hyper(
        None,
        "Dropout",
        "Share of numbers switched off at random while learning, against learning by heart. Automatic: as the "
        "model folder says; from scratch 0.1, or none for models that write.",
        "more",
        minimum=0.0,
        maximum=0.9,
        decimals=2,
    )
    max_length: int = _hyper(
        128,
        "Longest text",
        "In word pieces; what is longer is cut at the end, or goes on in another block.",
        "training",
        minimum=8,
        maximum=131_072,
    )
    # training
    num_train_epochs: float = _hyper(
        4.0,
        "Epochs",
        "How often the model sees every training text.",
        "training",
        minimum=0.01,
        maximum=10_000.0,
        decimals=2,
    )
    max_steps: int = _hyper(
        -1,
        "At most steps",
        "Ends the run after so many steps, whatever the epochs say; −1: no limit.",
        "more",
        minimum=-1,
        maximum=100_000_000,
    )
    learning_rate: float = _hyper(
        5e-4,
        "Learning rate",
        "How far each step goes. From scratch about 5e-4, for a trained model 2e-5 to 2e-4.",
        "training",
        minimum=1e-8,
        maximum=10.0,
    )
    per_device_train_batch_size: int = _hyper(
        32, "Batch size", "Texts, or blocks of text, per step.", "training", minimum=1, maximum=65_536
    )
    per_device_eval_batch_size: int = _hyper(
        64, "Batch size, evaluation", "Texts at a time when measuring.", "more", minimum=1, maximum=65_536
    )
    gradient_accumulation_steps: int = _hyper(
        1,
        "Gradient accumulation",
        "Batches added up before the model changes: a larger batch in the same memory.",
        "more",
        minimum=1,
        maximum=10_000,
    )
    lr_scheduler_type: str = _hyper(
        "linear",
        "Schedule",
        "How the learning rate falls to the end.",
        "training",
        choices=(
            ("linear", "Linear"),
            ("cosine", "Cosine"),
            ("constant", "Constant"),
            ("warmup_stable_decay", "Hold, then fall"),
        ),
    )
    warmup_ratio: float = _hyper(
        0.1,
        "Warm-up",
        "Share of the run in which the learning rate rises from zero.",
        "training",
        minimum=0.0,
        maximum=1.0,
        decimals=3,
    )
    weight_decay: float = _hyper(
        0.01,
        "Weight decay",
        "Pulls the weights towards zero a little at each step.",
        "optimizer",
        minimum=0.0,
        maximum=10.0,
        decimals=4,
    )
    max_grad_norm: float = _hyper(
        1.0,
        "Gradient clipping",
        "The longest step a batch may ask for; 0: no limit.",
        "optimizer",
        minimum=0.0,
        maximum=1000.0,
        decimals=2,
    )
    adam_beta1: float = _hyper(0.9, "Adam β₁", "Memory of the mean gradient.", "optimizer", minimum=0.0, maximum=0.9999)
    adam_beta2: float = _hyper(
        0.999, "Adam β₂", "Memory of the squared gradient.", "optimizer", minimum=0.0, maximum=0.999999
    )
    adam_epsilon: float = _hyper(
        1e-8, "Adam ε", "Keeps a division from zero.", "optimizer", minimum=1e-12, maximum=1e-2
    )
    label_smoothing_factor: float = _hyper(
        0.0,
        "Label smoothing",
        "How far the model is kept from being entirely sure.",
        "more",
        minimum=0.0,
        maximum=0.9,
        decimals=3,
    )
    group_by_length: bool = _hyper(
        True,
        "Similar lengths together",
        "Computes each batch in slices of similar length: the same step, without work wasted on padding.",
        "more",
    )
    bf16: bool | None = _hyper(
        None, "bfloat16", "Half precision with full range. Automatic: where the device is faster with it.", "more"
    )
    fp16: bool = _hyper(False, "float16", "Half precision for older NVIDIA cards; uses loss scaling.", "more")
    torch_compile: bool | None = _hyper(
        None,
        "Compile",
        "Turns the model into machine code before the first step: faster steps after a wait of a minute or so. "
        "Automatic: where the run is long enough and all its steps are of one shape.",
        "more",
    )
    device: str = _hyper(
        "auto",
        "Run on",
        "The graphics card if there is one, else the processor.",
        "training",
        choices=(("auto", "Automatic"), ("cuda", "NVIDIA GPU"), ("mps", "Apple GPU"), ("cpu", "Processor")),
    )
    # evaluation and keeping
    eval_steps: int | None = _hyper(
        None,
        "Evaluate every",
        "Steps between two measurements. Automatic: once an epoch, at least 25 steps apart.",
        "more",
        minimum=1,
    )
    save_steps: int | None = _hyper(
        None, "Save every", "Steps between two checkpoints. Automatic: at most about a minute apart.", "more", minimum=1
    )
    save_total_limit: int = _hyper(
        2,
        "Checkpoints kept",
        "How many of the newest checkpoints stay while the run goes on; at its end the last one does.",
        "more",
        minimum=1,
        maximum=10_000,
    )
    save_kept_steps: int | None = _hyper(
        None,
        "Keep for good every",
        "Steps between checkpoints that stay after the end, too. Automatic: none do.",
        "more",
        minimum=1,
    )
    save_gigabytes: float | None = _hyper(
        None,
        "Room for checkpoints",
        "At most so many GB of the disk; the oldest goes first, never the best model or the newest checkpoint. "
        "Automatic: no limit.",
        "more",
        minimum=0.01,
        maximum=1_000_000.0,
        decimals=2,
    )
    early_stopping_patience: int = _hyper(
        3,
        "Stop early after",
        "Measurements without improvement before the run ends by itself; 0: never.",
        "more",
        minimum=0,
        maximum=1000,
    )
    load_best_model_at_end: bool = _hyper(
        True, "Keep the best", "The result is the best model measured, not the last one.", "more"
    )
    metric_for_best_model: str = _hyper("", "Best by", "The measure that decides; empty: the task's own.", "more")
    balance_by: str = _hyper(
        "",
        "Balance by",
        "A column of the rows, or length, file or language: texts are drawn so often that each label is as frequent in "
        "every slice of it. Empty: all texts equally often.",
        "more",
    )
    seed: int = _hyper(42, "Seed", "The same seed gives the same run.", "more", minimum=0, maximum=2**31 - 1)


KEYS = tuple(one.name for one in fields(Recipe))
_GROUPS = (recipe_texts.GROUP, recipe_pairs.GROUP, *recipe_prompt.GROUPS, recipe_teacher.GROUP)
OWN = {one.name: one.metadata["group"] for one in fields(Recipe) if one.metadata["group"] in _GROUPS}
"""The keys that only some tasks have a use for, and their groups, see `Task.groups`."""
_METADATA = {one.name: one.metadata for one in fields(Recipe)}
_HINTS = typing.get_type_hints(Recipe)
_NONE_WORDS = {"auto", "automatic", "none", "null"}
_BOOL_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
SHORT = {
    "lr": "learning_rate",
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "optimizer": "optim",
    "scheduler": "lr_scheduler_type",
}
"""What people call some keys."""


def nearest_key(key: str) -> str:
    """The known key most like `key`: the first that contains it, else by its letters."""
    if key.lower() in SHORT:
        return SHORT[key.lower()]
    containing = [one for one in KEYS if key.strip("_") and f"_{key.strip('_').lower()}_" in f"_{one}_"]
    if containing:
        return containing[0]
    return (difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0) or [KEYS[0]])[0]


def kinds(key: str) -> tuple[type, bool]:
    """The plain type of a key and whether None ("automatic") is allowed."""
    hint = _HINTS[key]
    if isinstance(hint, types.UnionType):
        return next(one for one in typing.get_args(hint) if one is not type(None)), True
    return hint, False


def require_key(key: str) -> None:
    """Raise UserError with the nearest key where there is none of that name."""
    if key not in KEYS:
        raise UserError(f"There is no setting “{key}”; the nearest one is “{nearest_key(key)}”.")


def parse_value(key: str, text: str) -> Any:
    """The value of `key` written as `text` (from `--set`). Raises UserError for unknown keys and wrong types."""
    require_key(key)
    kind, optional = kinds(key)
    word = text.strip().lower()
    if optional and word in _NONE_WORDS:
        return None
    try:
        if kind is bool:
            return _BOOL_WORDS[word]
        return kind(text.strip())
    except (KeyError, ValueError):
        names = {int: "a whole number", float: "a number", bool: "true or false"}
        raise UserError(f"“{key}” takes {names.get(kind, 'a text')}, not “{text}”.") from None


def as_text(value: Any) -> str:
    """A value as `parse_value` reads it."""
    if value is None:
        return "auto"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fitted(key: str, value: Any) -> Any:
    kind, optional = kinds(key)
    if optional and (value is None or (isinstance(value, str) and value.lower() in _NONE_WORDS)):
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise UserError(f"“{key}” takes {names[kind]}, not “{value}”.")
    return value


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """`recipe` with `values` put in, each checked for key, type and range. Raises UserError."""
    fitted = {}
    for key, value in values.items():
        require_key(key)
        fitted[key] = _fitted(key, value)
    result = replace(recipe, **fitted)
    check(result)
    return result


def check_value(key: str, value: Any) -> None:
    """Raise UserError where a value is outside the range or the choices of its key."""
    told = {} if value is None else _METADATA[key]
    if "choices" in told and value not in [choice for choice, _ in told["choices"]]:
        offered = ", ".join(choice for choice, _ in told["choices"])
        raise UserError(f"“{key}” is one of {offered}, not “{value}”.")
    if "minimum" in told and not value >= told["minimum"]:
        raise UserError(f"“{key}” is at least {told['minimum']}, not {value}.")
    if "maximum" in told and not value <= told["maximum"]:
        raise UserError(f"“{key}” is at most {told['maximum']}, not {value}.")


def check(recipe: Recipe) -> None:
    """Raise UserError for the first value outside its range or choices, or that does not fit another."""
    for key in KEYS:
        check_value(key, getattr(recipe, key))
    # rotary positions turn the numbers of a head in pairs
    if recipe.model == SCRATCH and recipe.hidden_size % (2 * recipe.num_attention_heads):
        raise UserError(
            f"The embedding width ({recipe.hidden_size}) must be divisible by twice the heads "
            f"(2 × {recipe.num_attention_heads}); try {recipe.num_attention_heads * 64}."
        )
    if recipe.max_steps == 0:
        raise UserError("“max_steps” is −1 (no limit) or at least 1, not 0.")
    if recipe.bf16 and recipe.fp16:
        raise UserError("“bf16” and “fp16” exclude each other; choose one.")
    recipe_weights.check(recipe, recipe.model)
    recipe_texts.check(recipe)
    recipe_teacher.check(recipe)
    recipe_places.check(recipe, compiled=recipe.torch_compile, fp16=recipe.fp16)


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a JSON object, every key written out."""
    return asdict(recipe)


def from_json(values: Mapping[str, Any]) -> Recipe:
    """A recipe from JSON; keys of newer versions are left out, missing ones take their default."""
    return changed(Recipe(), {key: value for key, value in values.items() if key in KEYS})
