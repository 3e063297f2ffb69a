"""Where a model that foretells the next token comes from: from scratch, a model folder, or a folder that was saved.

What a model of a folder can do is tried on a few tokens, not looked up by its name: whether it looks ahead (then it is
refused), keeps texts of one block apart, and has a plain head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.jobs.recipe_texts import CHARACTERS
from desktop_llm.nets import attention, model_folder, varlen
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Report
from desktop_llm.paths import expanded

AUTO: Any = AutoModelForCausalLM
DROPOUTS = ("attention_dropout", "hidden_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "dropout")
"""The keys under which the models of transformers that write keep their dropout."""
WIDER = 32
"""The feed-forward width is a multiple of it: matrices of such sizes multiply faster."""
UNLIMITED = 1_000_000
SAME = 1e-3
"""How far numbers that are to be equal may lie apart, relative to the largest of them."""


@dataclass(frozen=True, slots=True)
class CausalParts:
    """A model and its tokenizer; the tokens before and behind a text; how many tokens are read at once.

    `apart`: it can keep the texts of a block apart, `by_starts`: when it is told where they begin; `plain_head`: its
    logits are the last hidden states times the head.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    before: int
    after: int
    max_length: int
    apart: bool
    by_starts: bool
    plain_head: bool


def start(job: Job, texts: Callable[[], Iterable[str]], source: Path | None, report: Report) -> CausalParts:
    """The parts at their start: from scratch with a tokenizer made of `texts`, from the recipe's folder, or as in
    `source`."""
    model_folder.quiet()
    recipe = job.recipe
    if source is not None and not recipe.lora_r:  # an adapter's checkpoint stands upon the recipe's folder
        config = model_folder.with_dropout(model_folder.config(source), DROPOUTS, recipe.hidden_dropout_prob)
        tokenizer = _tokenizer(source)
        model: PreTrainedModel = AUTO.from_config(config)
    elif recipe.model == SCRATCH:
        if recipe.teacher:  # who writes learns from one with the same tokens alone
            tokenizer = _tokenizer(expanded(recipe.teacher))
        else:
            report("Learning the vocabulary", 0, 0)
            train = tokenizers.train_characters if recipe.tokenizer_type == CHARACTERS else tokenizers.train_exact
            tokenizer = train(tokenizers.sampled(texts), recipe.vocab_size)
        config = llama(recipe, tokenizer)
        model = LlamaForCausalLM(config)
    else:
        folder = expanded(recipe.model)
        report("Loading the model folder", 0, 0)
        config = model_folder.with_dropout(model_folder.config(folder), DROPOUTS, recipe.hidden_dropout_prob)
        tokenizer = _tokenizer(folder)
        model_folder.check_vocabulary(folder, tokenizer, config)
        model = _from_folder(folder, config)
    length = model_folder.longest(config, recipe.max_length)
    tokenizer.model_max_length = length  # saved along, so that whoever measures later cuts texts where training did
    return _tried(model, tokenizer, length, source or Path(recipe.model))


def finished(folder: Path) -> CausalParts:
    """The parts of a finished model. Raises UserError."""
    model_folder.quiet()
    config = model_folder.config(folder)
    tokenizer = _tokenizer(folder)
    model_folder.check_vocabulary(folder, tokenizer, config)
    limit = tokenizer.model_max_length if tokenizer.model_max_length < UNLIMITED else 1024
    return _tried(_from_folder(folder, config), tokenizer, model_folder.longest(config, limit), folder)


def llama(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> LlamaConfig:
    """A Llama (Touvron et al. 2023) of the recipe's size whose embeddings are its head, too, without dropout unless
    asked for."""
    wide = recipe.intermediate_size or -(-8 * recipe.hidden_size // (3 * WIDER)) * WIDER
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=wide,
        num_hidden_layers=recipe.num_hidden_layers,
        num_attention_heads=recipe.num_attention_heads,
        num_key_value_heads=recipe.num_attention_heads,
        max_position_embeddings=recipe.max_length,
        attention_dropout=recipe.hidden_dropout_prob or 0.0,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )


def hidden_of(model: PreTrainedModel, **inputs: Any) -> torch.Tensor:
    """The last hidden states, [b, t, width]: what the model below its head makes of the inputs."""
    told: torch.Tensor = model.base_model(**inputs, use_cache=False).last_hidden_state
    return told


def logits_of(model: PreTrainedModel, **inputs: Any) -> torch.Tensor:
    """The logits, [b, t, vocabulary]."""
    told: torch.Tensor = model(**inputs, use_cache=False).logits
    return told


def head_of(model: PreTrainedModel) -> torch.Tensor:
    """The weight of its head, [vocabulary, width]."""
    weight: torch.Tensor = model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
    return weight


def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    tokenizer = model_folder.tokenizer(folder)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"The tokenizer in “{folder}” has no token that ends a text, as models that write have; choose a model "
            "such as GPT-2, Llama or Qwen."
        )
    return tokenizer


def _from_folder(folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    if config.is_encoder_decoder or type(config) not in AUTO._model_mapping:
        raise _unfit(folder, config)
    return model_folder.load(AUTO, folder, config)


def _unfit(folder: Path, config: PretrainedConfig) -> UserError:
    return UserError(
        f"The model in “{folder}” is of the type “{config.model_type}”, which does not write texts from left to right; "
        "choose a model such as GPT-2, Llama or Qwen."
    )


def _tried(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int, folder: Path) -> CausalParts:
    """The parts, after a look at what the model does with a few tokens."""
    was = model.training
    model.train(False)
    ids = torch.arange(1, 9)[None] % model.config.get_text_config().vocab_size
    with torch.no_grad():
        told = logits_of(model, input_ids=ids)
        other = ids.clone()
        other[0, -1] = 0
        if not _same(logits_of(model, input_ids=other)[:, :-1], told[:, :-1]):
            raise _unfit(folder, model.config)
        # a window is part of the masks that a model makes itself, and no longer seen by eight tokens
        whole = window(model.config) >= length
        if whole:
            _attend(model, ids, told)
        apart = whole and _keeps_apart(model, ids, by_starts=False)
        by_starts = apart and attention.used(model) and _keeps_apart(model, ids, by_starts=True)
        plain = _has_plain_head(model, ids, told)
    model.train(was)
    after = int(tokenizer.eos_token_id)
    before = tokenizer.bos_token_id
    return CausalParts(
        model=model,
        tokenizer=tokenizer,
        before=after if before is None else int(before),
        after=after,
        max_length=length,
        apart=apart,
        by_starts=by_starts,
        plain_head=plain,
    )


def window(config: PretrainedConfig) -> int:
    """How many tokens back the layers of a model see."""
    told = getattr(config.get_text_config(), "sliding_window", None)
    return told if isinstance(told, int) and told > 0 else UNLIMITED


def _attend(model: PreTrainedModel, ids: torch.Tensor, wanted: torch.Tensor) -> None:
    """Let the model attend in our way, where that gives the same."""
    before = model.config._attn_implementation
    try:
        attention.use(model)
        if _same(logits_of(model, input_ids=ids), wanted):
            return
    except (ValueError, TypeError, RuntimeError, KeyError):  # an older model that attends in its own way alone
        pass
    model.set_attn_implementation(before)


def _keeps_apart(model: PreTrainedModel, ids: torch.Tensor, *, by_starts: bool) -> bool:
    """Whether two texts of a block, told apart by positions and a mask or their starts, are read as each alone."""
    one, other = ids[:, :3], ids[:, 3:]
    documents = torch.tensor([[0] * 3 + [1] * other.shape[1]])
    positions = torch.tensor([[*range(3), *range(other.shape[1])]])
    told: dict[str, Any] = {"attention_mask": attention.mask_of(documents, torch.float32)}
    if by_starts:
        told = attention.apart(varlen.starts(positions.numpy(), 2), ids.shape[1])
    try:
        packed = logits_of(model, input_ids=ids, position_ids=positions, **told)
    except (ValueError, TypeError, RuntimeError, IndexError):
        return False
    alone = torch.cat([logits_of(model, input_ids=one), logits_of(model, input_ids=other)], dim=1)
    return _same(packed, alone)


def _has_plain_head(model: PreTrainedModel, ids: torch.Tensor, wanted: torch.Tensor) -> bool:
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None or getattr(head, "bias", None) is not None:
        return False
    try:
        hidden = hidden_of(model, input_ids=ids)
        return _same(hidden @ head_of(model).t(), wanted)
    except (AttributeError, RuntimeError, TypeError):
        return False


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= SAME * other.abs().max().clamp(min=1e-6))
