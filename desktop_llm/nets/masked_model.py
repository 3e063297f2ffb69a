"""Where a model that fills gaps comes from: from scratch, an encoder's folder, or a folder that was saved.

Where in a model its head is, is tried on a few tokens, not looked up by its name: so only the tokens that are hidden go
through it, and not all logits exist together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets import attention, model_folder, sequence_model
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Report
from desktop_llm.paths import expanded

AUTO: Any = AutoModelForMaskedLM
UNLIMITED = 1_000_000
USUAL = 512
SAME = 1e-3
"""How far numbers that are to be equal may lie apart, relative to the largest of them."""
KIND = "ForMaskedLM"
"""How the names of such models end."""

Head = Callable[[Any, torch.Tensor], torch.Tensor]
HEADS: tuple[Head, ...] = (
    lambda model, hidden: model.decoder(model.head(hidden)),
    lambda model, hidden: model.cls(hidden),
    lambda model, hidden: model.lm_head(hidden),
)


@dataclass(frozen=True, slots=True)
class MaskedParts:
    """A model and its tokenizer; the tokens around a text and for a gap; how many tokens are read at once.

    `head` makes logits of last hidden states, None where only the model as a whole does.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    before: int
    after: int
    mask: int
    max_length: int
    head: Head | None


def start(job: Job, texts: Callable[[], Iterable[str]], source: Path | None, report: Report) -> MaskedParts:
    """The parts at their start: from scratch with a tokenizer made of `texts`, from the recipe's folder, or as in
    `source`."""
    model_folder.quiet()
    recipe = job.recipe
    if source is not None:
        config = model_folder.config(source)
        config.dtype = torch.float32
        tokenizer = model_folder.tokenizer(source)
        model: PreTrainedModel = AUTO.from_config(config)
    elif recipe.model == SCRATCH:
        report("Learning the vocabulary", 0, 0)
        tokenizer = tokenizers.train(tokenizers.sampled(texts), recipe.vocab_size, recipe.max_length)
        model = ModernBertForMaskedLM(_shape(recipe, tokenizer))
    else:
        folder = expanded(recipe.model)
        report("Loading the model folder", 0, 0)
        model_folder.check_whole(folder)
        config = sequence_model.with_dropout(model_folder.config(folder), recipe)
        tokenizer = model_folder.tokenizer(folder)
        model_folder.check_vocabulary(folder, tokenizer, config)
        model = _from_folder(folder, config, new_head=True)
    length = model_folder.longest(model.config, recipe.max_length)
    tokenizer.model_max_length = length  # saved along, so that whoever measures later cuts texts where training did
    return _parts(model, tokenizer, length, source or Path(recipe.model))


def finished(folder: Path) -> MaskedParts:
    """The parts of a finished model. Raises UserError."""
    model_folder.quiet()
    config = model_folder.config(folder)
    tokenizer = model_folder.tokenizer(folder)
    model_folder.check_vocabulary(folder, tokenizer, config)
    limit = tokenizer.model_max_length if tokenizer.model_max_length < UNLIMITED else USUAL
    model = _from_folder(folder, config, new_head=False)
    model.train(False)
    return _parts(model, tokenizer, model_folder.longest(config, limit), folder)


def fills(folder: Path) -> bool:
    """Whether a folder's config says that its model fills gaps. Raises UserError."""
    names = getattr(model_folder.config(folder), "architectures", None) or ()
    return any(str(name).endswith(KIND) for name in names)


def check_writes(folder: Path) -> None:
    """Raise UserError for a folder whose model fills gaps where one is wanted that writes."""
    config = model_folder.config(folder)
    encoder = type(config) in AUTO._model_mapping and not config.is_encoder_decoder
    if fills(folder) or (encoder and model_folder.tokenizer(folder).mask_token_id is not None):
        raise UserError(
            f"The model in “{folder}” is of the type “{config.model_type}”, which fills gaps and does not write; set "
            "“objective” to masked, or choose a model such as GPT-2, Llama or Qwen."
        )


def hidden_of(model: PreTrainedModel, **inputs: torch.Tensor) -> torch.Tensor:
    """The last hidden states, [b, t, width]."""
    attention.use_fitting(model, inputs["input_ids"])
    told: torch.Tensor = model.base_model(**inputs).last_hidden_state
    return told


def _shape(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> ModernBertConfig:
    # who learns from very many tokens needs no dropout; ModernBERT was trained without
    plain = recipe if recipe.hidden_dropout_prob is not None else replace(recipe, hidden_dropout_prob=0.0)
    return sequence_model.encoder(plain, tokenizer)


def _from_folder(folder: Path, config: PretrainedConfig, *, new_head: bool) -> PreTrainedModel:
    if config.is_encoder_decoder or type(config) not in AUTO._model_mapping:
        raise UserError(
            f"The model in “{folder}” is of the type “{config.model_type}”, which does not fill gaps; choose an "
            "encoder such as BERT, RoBERTa or ModernBERT, or set “objective” to causal."
        )
    return model_folder.load(AUTO, folder, config, new_head=new_head)


def _parts(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int, folder: Path) -> MaskedParts:
    before = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    after = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    mask = tokenizer.mask_token_id
    if mask is None or before is None or after is None:
        raise UserError(
            f"The tokenizer in “{folder}” has no tokens for a gap and the ends of a text, as encoders have; choose a "
            "model such as BERT, RoBERTa or ModernBERT."
        )
    return MaskedParts(model, tokenizer, int(before), int(after), int(mask), length, _head(model))


def _head(model: PreTrainedModel) -> Head | None:
    was = model.training
    model.train(False)
    ids = torch.arange(1, 9)[None] % model.config.vocab_size
    try:
        with torch.no_grad():
            wanted = model(input_ids=ids).logits
            hidden = hidden_of(model, input_ids=ids)
            return next((head for head in HEADS if _same(head, model, hidden, wanted)), None)
    finally:
        model.train(was)


def _same(head: Head, model: PreTrainedModel, hidden: torch.Tensor, wanted: torch.Tensor) -> bool:
    try:
        told = head(model, hidden)
    except (AttributeError, TypeError, RuntimeError):
        return False
    return told.shape == wanted.shape and bool((told - wanted).abs().max() <= SAME * wanted.abs().max().clamp(min=1e-6))
