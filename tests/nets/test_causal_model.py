"""Models that write: what packed blocks give is what texts alone give, and folders that cannot serve say why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.nets import attention, causal_model, packing
from desktop_llm.nets.causal_model import CausalParts

TEXTS = ["the old bridge", "a new map of the harbour", "rice", "with some salt and soup near the oven"] * 3
TINY = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_length": 24}


def _job(**values: Any) -> Job:
    recipe = changed(Recipe(), {**TINY, **values})
    return Job(number=1, project="", task="", recipe=recipe, schema={}, snapshot={}, created="")


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _parts(**values: Any) -> CausalParts:
    torch.manual_seed(0)
    parts = causal_model.start(_job(**values), lambda: TEXTS, None, _silent)
    parts.model.train(False)
    return parts


def _saved(folder: Path, make: Callable[[int], Any]) -> Path:
    """A model folder with a tokenizer of ours and the model that `make` makes for its vocabulary."""
    parts = _parts()
    parts.tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    make(len(parts.tokenizer)).save_pretrained(folder)
    return folder


def _gpt2(words: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=words, n_embd=32, n_layer=2, n_head=2, n_positions=64))


def _bert(words: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(
        BertConfig(vocab_size=words, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    )


def _qwen(words: int) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=words,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=48,
            tie_word_embeddings=False,
        )
    )


def _packed_is_alone(parts: CausalParts) -> None:
    """The logits of each text in a block are those of the text alone."""
    size = 24
    documents = packing.encode(
        parts.tokenizer, TEXTS[:2], before=parts.before, after=parts.after, size=size, report=_silent
    )
    blocks = documents.blocks()
    batch = blocks.batch([0], apart=True)
    with torch.no_grad():
        packed = causal_model.logits_of(
            parts.model,
            input_ids=batch["input_ids"],
            position_ids=batch["position_ids"],
            attention_mask=attention.mask_of(batch["documents"], torch.float32),
        )[0]
        for number in range(2):
            here = batch["documents"][0] == number
            alone = causal_model.logits_of(parts.model, input_ids=batch["input_ids"][0][here][None])[0]
            torch.testing.assert_close(packed[here], alone, atol=1e-4, rtol=1e-4)


def test_packed_texts_are_read_as_each_alone() -> None:
    parts = _parts()
    assert parts.apart
    assert parts.plain_head
    _packed_is_alone(parts)


@pytest.mark.parametrize("make", [_gpt2, _qwen])
def test_model_folders_are_read_the_same_way(make: Callable[[int], Any], tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", make)
    parts = causal_model.start(_job(model=str(folder)), lambda: TEXTS, None, _silent)
    parts.model.train(False)
    assert parts.plain_head
    assert parts.apart
    _packed_is_alone(parts)


def test_a_model_that_sees_only_the_last_tokens_keeps_its_own_masks(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    def make(words: int) -> Any:
        sizes: dict[str, Any] = {
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
        }
        return MistralForCausalLM(
            MistralConfig(
                vocab_size=words, intermediate_size=32, max_position_embeddings=64, sliding_window=12, **sizes
            )
        )

    folder = _saved(tmp_path / "model", make)
    for length, own in ((24, True), (12, False)):
        parts = causal_model.start(_job(model=str(folder), max_length=length), lambda: TEXTS, None, _silent)
        assert (parts.model.config._attn_implementation != attention.NAME) == own
        assert parts.apart != own


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", _bert)
    with pytest.raises(UserError, match="does not write texts from left to right"):
        causal_model.start(_job(model=str(folder)), lambda: TEXTS, None, _silent)


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    from desktop_llm.nets import tokenizer

    folder = _saved(tmp_path / "model", _gpt2)
    tokenizer.train(TEXTS, 290, 24).save_pretrained(folder)
    with pytest.raises(UserError, match="no token that ends a text"):
        causal_model.start(_job(model=str(folder)), lambda: TEXTS, None, _silent)


@pytest.mark.parametrize("size", [24, attention.SHORT + 8])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_that_of_torch(size: int, masked: bool) -> None:
    torch.manual_seed(1)
    query = torch.randn(2, 4, size, 8, requires_grad=True)
    key, value = (torch.randn(2, 2, size, 8, requires_grad=True) for _ in range(2))
    mask = None
    if masked:
        documents = (torch.arange(size) > size // 3).long()[None].expand(2, -1)
        mask = attention.mask_of(documents, torch.float32)
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = 2, True  # type: ignore[assignment]
    ours, _ = attention.attend(module, query, key, value, mask)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, enable_gqa=True
    ).transpose(1, 2)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    made, wanted = (torch.autograd.grad(one.square().sum(), [query, key, value]) for one in (ours, theirs))
    for one, other in zip(made, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
