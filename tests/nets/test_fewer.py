"""Models with fewer layers and fewer tokens: what transformers alone makes of them, for three kinds of tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from desktop_llm.errors import UserError
from desktop_llm.nets import fewer_layers, fewer_tokens, narrower, stack
from tests import run_folders

TEXTS = [row["text"] for row in run_folders.rows(400)]
OWN = [text for text in TEXTS if not set(text.split()) & {"harbour", "suitcase", "cheese", "oven"}]
FAST: Any = PreTrainedTokenizerFast
OTHER = "The harbours’ überoven – 東 cheese"


def _word_pieces() -> PreTrainedTokenizerBase:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=260, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(one, made.token_to_id(one)) for one in ("[CLS]", "[SEP]")]
    )
    told: PreTrainedTokenizerBase = FAST(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    return told


def _merges() -> PreTrainedTokenizerBase:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    made.train_from_iterator(TEXTS, trainer)
    told: PreTrainedTokenizerBase = FAST(tokenizer_object=made, eos_token="<end>", pad_token="<end>")
    return told


def _likeliest() -> PreTrainedTokenizerBase:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=200, special_tokens=["<unk>", "</s>"], unk_token="<unk>")
    )
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    told: PreTrainedTokenizerBase = FAST(tokenizer_object=made, eos_token="</s>", pad_token="</s>", unk_token="<unk>")
    return told


@pytest.mark.parametrize("make", [_word_pieces, _merges, _likeliest])
def test_fewer_tokens_read_the_own_texts_as_before_and_any_other_in_pieces(
    tmp_path: Path, make: Callable[[], PreTrainedTokenizerBase]
) -> None:
    whole = make()
    ids = [np.asarray(whole(text)["input_ids"]) for text in OWN]
    kept = fewer_tokens.stay(whole, ids)
    assert len(kept) < len(whole)
    fewer = fewer_tokens.write_tokenizer(whole, kept, tmp_path)
    assert len(fewer) == len(kept)
    for text, wanted in zip(OWN, ids, strict=True):
        assert np.asarray(kept)[fewer(text)["input_ids"]].tolist() == wanted.tolist()
    fewer_tokens.must_read_the_same(whole, fewer, kept, [*OWN, *TEXTS])
    told = fewer(OTHER)["input_ids"]
    assert len(told) > len(whole(OTHER)["input_ids"]) - 1
    if fewer.unk_token is None:
        assert fewer.decode(told) == OTHER
    for name in ("pad_token", "eos_token", "unk_token", "cls_token", "sep_token"):
        assert getattr(fewer, name) == getattr(whole, name)
        if getattr(whole, name) is not None:
            assert kept[getattr(fewer, f"{name}_id")] == getattr(whole, f"{name}_id")


def _written(model: PreTrainedModel, folder: Path, auto: Any) -> PreTrainedModel:
    model.save_pretrained(folder)
    made: PreTrainedModel = auto.from_pretrained(folder)
    made.train(False)
    return made


def _tiny(kind: str, size: int, pad: int | None = None) -> tuple[PreTrainedModel, Any]:
    torch.manual_seed(0)
    told: dict[str, Any] = {"vocab_size": size, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    told |= {"intermediate_size": 32, "max_position_embeddings": 64, "pad_token_id": pad}
    auto: Any = AutoModelForSequenceClassification
    made: Any
    if kind == "bert":
        made = BertForSequenceClassification(BertConfig(**told, id2label=dict(enumerate("abc"))))
        return made.train(False), auto
    if kind == "modernbert":
        plain: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None, "cls_token_id": None, "sep_token_id": None}
        types = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
        made = ModernBertForSequenceClassification(
            ModernBertConfig(**told, **plain, layer_types=types, id2label=dict(enumerate("abc")))
        )
        return made.train(False), auto
    made = LlamaForCausalLM(LlamaConfig(**told, tie_word_embeddings=kind == "tied", eos_token_id=0, bos_token_id=None))
    return made.train(False), AutoModelForCausalLM


@pytest.mark.parametrize("kind", ["bert", "modernbert", "tied", "untied"])
def test_a_model_with_fewer_layers_is_what_the_others_make_of_a_text(tmp_path: Path, kind: str) -> None:
    model, auto = _tiny(kind, 60)
    kept = (0, 2, 3)
    fewer = _written(fewer_layers.with_layers(model, kept), tmp_path, auto)
    assert fewer.config.num_hidden_layers == 3
    if kind == "modernbert":
        assert fewer.config.layer_types == [model.config.layer_types[place] for place in kept]
    ids = torch.arange(2, 26).view(2, 12)
    with torch.no_grad():
        before = model(input_ids=ids).logits
        told = fewer(input_ids=ids).logits
        # the model itself, without the layer: it does nothing to what passes through it
        layers = model.get_submodule(stack.layers(model, "layers"))
        assert isinstance(layers, torch.nn.ModuleList)
        layers[1].forward = lambda hidden, *_, **__: hidden
        wanted = model(input_ids=ids).logits
    assert not torch.allclose(before, wanted)
    torch.testing.assert_close(told, wanted)


@pytest.mark.parametrize(("kind", "make"), [("bert", _word_pieces), ("tied", _merges), ("untied", _likeliest)])
def test_a_model_with_fewer_tokens_answers_as_before(
    tmp_path: Path, kind: str, make: Callable[[], PreTrainedTokenizerBase]
) -> None:
    whole = make()
    model, auto = _tiny(kind, len(whole) + 8, whole.pad_token_id)  # more rows than tokens, as some models have
    kept = fewer_tokens.stay(whole, [np.asarray(whole(text)["input_ids"]) for text in OWN])
    fewer_tokens.write_tokenizer(whole, kept, tmp_path)
    fewer = _written(fewer_tokens.with_tokens(model, kept), tmp_path, auto)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert fewer.config.vocab_size == len(kept) == len(tokenizer)
    assert fewer.config.pad_token_id == tokenizer.pad_token_id
    with torch.no_grad():
        for text in OWN[:8]:
            wanted = model(**whole(text, return_tensors="pt", return_token_type_ids=False)).logits
            told = fewer(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits
            torch.testing.assert_close(told, wanted[..., kept] if auto is AutoModelForCausalLM else wanted)


def test_which_layers_stay() -> None:
    assert fewer_layers.evenly(6, 3) == (0, 2, 5)
    assert fewer_layers.evenly(12, 4) == (0, 4, 7, 11)
    assert fewer_layers.evenly(6, 1) == (0,)
    assert fewer_layers.evenly(6, 6) == tuple(range(6))
    with pytest.raises(UserError, match=r"The model has 6 layers; keep 1 to 6 of them, not 7\."):
        fewer_layers.check(6, 7)


@pytest.mark.parametrize("kind", ["bert", "modernbert", "tied"])
def test_inner_neurons_that_say_nothing_can_go(tmp_path: Path, kind: str) -> None:
    """A third of them is silenced first: without these the model says the same."""
    model, auto = _tiny(kind, 60)
    ids = torch.arange(2, 26).view(2, 12)
    chosen = torch.Generator().manual_seed(1)
    for one in model.modules():
        if isinstance(one, torch.nn.Linear) and one.in_features == 32:
            one.weight.data[:, torch.randperm(32, generator=chosen)[:12]] = 0.0
    with torch.no_grad():
        wanted = model(input_ids=ids).logits
        said = narrower.weights(model, lambda: model(input_ids=ids))
        fewer = _written(narrower.with_inner(model, 20, said), tmp_path, auto)
        assert fewer.config.intermediate_size == 20
        torch.testing.assert_close(fewer(input_ids=ids).logits, wanted)
    with pytest.raises(UserError, match=r"The layers have 32 inner neurons each; keep 1 to 32 of them, not 33\."):
        narrower.with_inner(model, 33, said)


def test_heads_that_say_nothing_can_go(tmp_path: Path) -> None:
    torch.manual_seed(0)
    told: dict[str, Any] = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32}
    told |= {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 2, "max_position_embeddings": 64}
    model = LlamaForCausalLM(LlamaConfig(**told))
    model.train(False)
    ids = torch.arange(2, 26).view(2, 12)
    for name, one in model.named_modules():
        if name.endswith("o_proj"):
            for pair in (1, 3):  # which share keys and values
                one.weight.data[:, 4 * pair : 4 * pair + 4] = 0.0
    with torch.no_grad():
        wanted = model(input_ids=ids).logits
        said = narrower.weights(model, lambda: model(input_ids=ids))
        fewer = _written(narrower.with_heads(model, 4, said), tmp_path, AutoModelForCausalLM)
        assert (fewer.config.num_attention_heads, fewer.config.num_key_value_heads) == (4, 2)
        torch.testing.assert_close(fewer(input_ids=ids).logits, wanted)
    with pytest.raises(UserError, match=r"Of the 8 heads of a layer there can stay 2, 4, 8, not 6\."):
        narrower.with_heads(model, 6, said)
    with pytest.raises(UserError, match="In models of the type “bert” the heads of a layer fill its width"):
        narrower.with_heads(_tiny("bert", 60)[0], 1, said)
