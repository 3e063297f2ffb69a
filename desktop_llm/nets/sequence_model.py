"""Where an encoder with a head comes from: from scratch, a model folder, or a folder that was saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoModelForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets import head_rows, model_folder, onnx_model
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Report, Row
from desktop_llm.paths import expanded

Problem = Literal["single_label_classification", "multi_label_classification"]
"""What transformers calls it; its pipelines turn the outputs into chances by it."""
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "embedding_dropout",
    "attention_dropout",
    "mlp_dropout",
    "classifier_dropout",
)
"""The keys under which the encoders of transformers keep their dropout."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the encoder, in the words of transformers; `what` it is trained to do, for a person.

    `apart`: its own tokenizer takes letters of scripts that do not part words one by one.
    """

    auto: Any
    scratch: type[PreTrainedModel]
    what: str
    apart: bool = False


WHOLE_TEXTS = Head(AutoModelForSequenceClassification, ModernBertForSequenceClassification, "to classify")


@dataclass(frozen=True, slots=True)
class Parts:
    """An encoder with a head, its tokenizer, label names by output, and the longest text in tokens."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    classes: tuple[str, ...]
    max_length: int


def start(
    job: Job,
    rows: Callable[[str], Iterable[Row]],
    source: Path | None,
    report: Report,
    problem: Problem | None = "single_label_classification",
    *,
    head: Head = WHOLE_TEXTS,
    outputs: Sequence[str] | None = None,
) -> Parts:
    """The parts at their start: from scratch, from the recipe's model folder, or in the shape of `source`.

    `outputs` names the model's outputs where they are not the job's classes.
    """
    model_folder.quiet()
    recipe, classes = job.recipe, list(outputs or job.schema["classes"])
    if source is not None and not recipe.lora_r:  # an adapter's checkpoint stands upon the recipe's folder
        config = _with_classes(model_folder.config(source), classes, recipe, problem)
        tokenizer = model_folder.tokenizer(source)
        model = _from_config(config, source, head)
    elif recipe.model == SCRATCH:
        report("Learning the vocabulary", 0, 0)
        texts = (str(row["text"]) for row in rows("train"))
        tokenizer = tokenizers.train(texts, recipe.vocab_size, recipe.max_length, apart=head.apart)
        shape = encoder(recipe, tokenizer)
        config = _with_classes(shape, classes, recipe, problem)
        model = head.scratch(shape)
    else:
        folder = expanded(recipe.model)
        report("Loading the model folder", 0, 0)
        model_folder.check_whole(folder)
        config = model_folder.config(folder)
        before = head_rows.names(config.id2label)
        config = _with_classes(config, classes, recipe, problem)
        tokenizer = model_folder.tokenizer(folder)
        model_folder.check_vocabulary(folder, tokenizer, config)
        model = _from_folder(folder, config, head, new_head=True)
        head_rows.take_over(model, folder, before, classes)
    if config.pad_token_id is None:
        config.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    length = model_folder.longest(config, recipe.max_length)
    tokenizer.model_max_length = length  # saved along, so that whoever answers later cuts texts where training did
    return Parts(model, tokenizer, tuple(classes), length)


def finished(folder: Path, head: Head = WHOLE_TEXTS) -> Parts:
    """The parts of a finished model, for prediction; label names come from its config. Raises UserError."""
    model_folder.quiet()
    by_onnx = onnx_model.is_one(folder)
    config = model_folder.config(folder, part=by_onnx)
    tokenizer = model_folder.tokenizer(folder)
    model_folder.check_vocabulary(folder, tokenizer, config)
    model: Any = onnx_model.OnnxModel(folder, config) if by_onnx else _from_folder(folder, config, head, new_head=False)
    model.train(False)
    names = {int(place): str(name) for place, name in (config.id2label or {}).items()}
    classes = tuple(names.get(place, f"LABEL_{place}") for place in range(config.num_labels or 0))
    limit = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else 512
    return Parts(model, tokenizer, classes, model_folder.longest(config, limit))


def encoder(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> ModernBertConfig:
    """ModernBERT (Warner et al. 2024) with the mean of all tokens as the text's vector and full attention throughout.

    Norms before the blocks, rotary positions and the mean make it learn from little data where BERT's first token
    learns slowly or, with long texts, nothing.
    """
    dropout = 0.1 if recipe.hidden_dropout_prob is None else recipe.hidden_dropout_prob
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.num_hidden_layers,
        num_attention_heads=recipe.num_attention_heads,
        intermediate_size=recipe.intermediate_size or 2 * recipe.hidden_size,
        layer_types=["full_attention"] * recipe.num_hidden_layers,
        max_position_embeddings=recipe.max_length,
        classifier_pooling="mean",
        embedding_dropout=dropout,
        attention_dropout=dropout,
        mlp_dropout=dropout,
        classifier_dropout=dropout,
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        bos_token_id=None,
        eos_token_id=None,
    )


def _with_classes(
    config: PretrainedConfig, classes: Sequence[str], recipe: Recipe, problem: Problem | None
) -> PretrainedConfig:
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: place for place, name in enumerate(classes)}
    config.problem_type = problem
    return with_dropout(config, recipe)


def with_dropout(config: PretrainedConfig, recipe: Recipe) -> PretrainedConfig:
    """A folder's config, to be loaded in float32 and with the recipe's dropout, where it has one."""
    config.dtype = torch.float32
    if recipe.hidden_dropout_prob is not None:
        for key in DROPOUTS:
            if hasattr(config, key):
                setattr(config, key, recipe.hidden_dropout_prob)
    return config


def _check_kind(config: PretrainedConfig, folder: Path, head: Head) -> None:
    try:
        head.auto._model_mapping[type(config)]
        known = not config.is_encoder_decoder
    except KeyError:
        known = False
    if not known:
        raise UserError(
            f"The model in “{folder}” is of the type “{config.model_type}”, which cannot be trained {head.what} here; "
            "choose an encoder such as BERT, RoBERTa or ModernBERT."
        )


def _from_config(config: PretrainedConfig, folder: Path, head: Head) -> PreTrainedModel:
    _check_kind(config, folder, head)
    made: PreTrainedModel = head.auto.from_config(config)
    return made


def _from_folder(folder: Path, config: PretrainedConfig, head: Head, *, new_head: bool) -> PreTrainedModel:
    _check_kind(config, folder, head)
    return model_folder.load(head.auto, folder, config, new_head=new_head, other_sizes=True)
