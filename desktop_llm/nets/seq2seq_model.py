"""Where a model comes from that reads one text and writes another: from scratch, a model folder, or what was saved.

From scratch it is the Transformer of Vaswani et al. (2017), its norms before the blocks, with which it learns without
a long warm-up (Xiong et al. 2020); transformers has that as Pegasus. Whether the head of a folder's model is a plain
product is tried on a few tokens, not looked up by its name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    PegasusConfig,
    PegasusForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets import model_folder
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Report
from desktop_llm.paths import expanded

AUTO: Any = AutoModelForSeq2SeqLM
DROPOUTS = ("dropout", "dropout_rate", "attention_dropout", "activation_dropout")
"""The keys under which the models of transformers that read and write keep their dropout."""
DROPOUT = 0.1
WIDER = 4
"""How many times wider than the embeddings the inner layers are."""
BEAMS = 4
UNLIMITED = 1_000_000
SAME = 1e-3
"""How far numbers that are to be equal may lie apart, relative to the largest of them."""


@dataclass(frozen=True, slots=True)
class SeqParts:
    """A model and its tokenizer; what a target is begun and ended with; how many tokens of each side are read.

    `scale`: its logits are the last hidden states times this times the head; None: they are not. `biased`: its
    `final_logits_bias` is added to them.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    begin: int
    end: int
    max_length: int
    scale: float | None
    biased: bool


def start(job: Job, texts: Callable[[], Iterable[str]], source: Path | None, report: Report) -> SeqParts:
    """The parts at their start: from scratch with a tokenizer made of `texts`, from the recipe's folder, or as in
    `source`."""
    model_folder.quiet()
    recipe = job.recipe
    if source is not None and not recipe.lora_r:  # an adapter's checkpoint stands upon the recipe's folder
        config = model_folder.config(source)  # its dropouts are those that the run began with
        config.dtype = torch.float32
        tokenizer = _tokenizer(source)
        model: PreTrainedModel = AUTO.from_config(config)
        _take_manner(model, source)
    elif recipe.model == SCRATCH:
        report("Learning the vocabulary", 0, 0)
        tokenizer = tokenizers.train_pairs(texts(), recipe.vocab_size, recipe.max_length)
        config = classic(recipe, tokenizer)
        model = PegasusForConditionalGeneration(config)
        assert model.generation_config is not None
        model.generation_config.num_beams = BEAMS
    else:
        folder = expanded(recipe.model)
        report("Loading the model folder", 0, 0)
        model_folder.check_whole(folder)
        config = model_folder.with_dropout(model_folder.config(folder), DROPOUTS, recipe.hidden_dropout_prob)
        tokenizer = _tokenizer(folder)
        model_folder.check_vocabulary(folder, tokenizer, config)
        model = _from_folder(folder, config)
    _hold_reckoned(model)
    length = model_folder.longest(config, recipe.max_length)
    tokenizer.model_max_length = length  # saved along, so that whoever answers later cuts texts where training did
    return _tried(model, tokenizer, length, source or Path(recipe.model))


def finished(folder: Path) -> SeqParts:
    """The parts of a finished model. Raises UserError."""
    model_folder.quiet()
    config = model_folder.config(folder)
    tokenizer = _tokenizer(folder)
    model_folder.check_vocabulary(folder, tokenizer, config)
    limit = tokenizer.model_max_length if tokenizer.model_max_length < UNLIMITED else 512
    return _tried(_from_folder(folder, config), tokenizer, model_folder.longest(config, limit), folder)


def classic(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> PegasusConfig:
    """A Transformer of the recipe's size: as many layers read as write, one table of words for all (section 3.4)."""
    dropout = DROPOUT if recipe.hidden_dropout_prob is None else recipe.hidden_dropout_prob
    wide = recipe.intermediate_size or WIDER * recipe.hidden_size
    return PegasusConfig(
        vocab_size=len(tokenizer),
        d_model=recipe.hidden_size,
        encoder_layers=recipe.num_hidden_layers,
        decoder_layers=recipe.num_hidden_layers,
        encoder_attention_heads=recipe.num_attention_heads,
        decoder_attention_heads=recipe.num_attention_heads,
        encoder_ffn_dim=wide,
        decoder_ffn_dim=wide,
        max_position_embeddings=recipe.max_length,
        activation_function="relu",
        dropout=dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        init_std=recipe.hidden_size**-0.5,
        scale_embedding=True,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=None,
    )


def hidden_of(
    model: PreTrainedModel,
    input_ids: torch.Tensor,
    decoder_input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """The last hidden states of the decoder, [b, t, width]."""
    parts: Any = model
    read = parts.get_encoder()(input_ids=input_ids, attention_mask=attention_mask)
    told: torch.Tensor = parts.get_decoder()(
        input_ids=decoder_input_ids,
        encoder_hidden_states=read.last_hidden_state,
        encoder_attention_mask=attention_mask,
        use_cache=False,
    ).last_hidden_state
    return told


def logits_of(model: PreTrainedModel, **inputs: torch.Tensor | None) -> torch.Tensor:
    """The logits, [b, t, vocabulary]."""
    told: torch.Tensor = model(**inputs, use_cache=False).logits
    return told


def head_of(model: PreTrainedModel) -> torch.Tensor:
    """The weight of its head, [vocabulary, width]."""
    weight: torch.Tensor = model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
    return weight


def bias_of(model: PreTrainedModel) -> torch.Tensor:
    """What is added to the logits and does not learn, [vocabulary]; only asked of those that are `biased`."""
    bias: Any = model.final_logits_bias
    told: torch.Tensor = bias.flatten()
    return told


def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    with warnings.catch_warnings():
        # Marian's would mend punctuation by a library that is no longer kept
        warnings.filterwarnings("ignore", message=".*sacremoses")
        tokenizer = model_folder.tokenizer(folder)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"The tokenizer in “{folder}” has no token that ends a text, as models that write have; choose a model "
            "such as Marian, BART or T5."
        )
    return tokenizer


def _hold_reckoned(model: PreTrainedModel) -> None:
    """Positions that are sines stand in no file, and so must not learn; some ways to load a model forget it."""
    for module in model.modules():
        if "Sinusoidal" in type(module).__name__:
            module.requires_grad_(False)


def _take_manner(model: PreTrainedModel, folder: Path) -> None:
    """How it writes, as the folder says: its beams and what else stands there."""
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)


def _from_folder(folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    if not config.is_encoder_decoder or type(config) not in AUTO._model_mapping:
        raise UserError(
            f"The model in “{folder}” is of the type “{config.model_type}”, which does not read one text and write "
            "another; choose an encoder-decoder such as Marian, BART or T5, or a language model such as Llama."
        )
    return model_folder.load(AUTO, folder, config)


def _tried(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int, folder: Path) -> SeqParts:
    """The parts, after a look at what the model does with a few tokens."""
    told = (model.generation_config, model.config)
    begins = [getattr(one, key, None) for key in ("decoder_start_token_id", "bos_token_id") for one in told]
    begin = next((int(one) for one in begins if isinstance(one, int)), None)
    if begin is None:
        raise UserError(
            f"“{folder / 'config.json'}” does not say what the model begins a text with (decoder_start_token_id); "
            "fetch the model again."
        )
    was = model.training
    model.train(False)
    biased = is_biased(model)
    scale = _scale(model, bias_of(model) if biased else None)
    model.train(was)
    return SeqParts(model, tokenizer, begin, int(tokenizer.eos_token_id), length, scale, biased)


def is_biased(model: PreTrainedModel) -> bool:
    """Whether something is added to the logits of a model."""
    bias = getattr(model, "final_logits_bias", None)
    return isinstance(bias, torch.Tensor) and bool(bias.any())


@torch.no_grad()
def _scale(model: PreTrainedModel, bias: torch.Tensor | None) -> float | None:
    """See `SeqParts.scale`."""
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None or getattr(head, "bias", None) is not None:
        return None
    ids = torch.arange(3, 11)[None] % len(head.weight)
    wanted = logits_of(model, input_ids=ids, decoder_input_ids=ids[:, :5])
    try:
        made = hidden_of(model, ids, ids[:, :5]) @ head_of(model).t()
    except (AttributeError, RuntimeError, TypeError):
        return None
    for scale in (1.0, head_of(model).shape[1] ** -0.5):  # T5 makes less of it
        told = made * scale if bias is None else made * scale + bias
        if told.shape == wanted.shape and (told - wanted).abs().max() <= SAME * wanted.abs().max().clamp(min=1e-6):
            return scale
    return None
