"""Tiny model folders of the layouts in which encoder-decoders come, with weights that know nothing."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from desktop_llm.nets import tokenizer as tokenizers
from tests.run_folders import FILLER

SENTENCES = [" ".join(FILLER[(at + step) % 10] for step in (0, at % 7, 3)) for at in range(60)]
WIDE = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "init_std": 0.18}


def marian(path: Path, *, sentences: Sequence[str] = SENTENCES, **values: Any) -> Path:
    """As the Helsinki group's: two SentencePiece models and one vocabulary, and a bias to the logits."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    torch.manual_seed(0)
    path.mkdir(parents=True, exist_ok=True)
    pieces: dict[str, int] = {"</s>": 0, "<unk>": 1}
    for name in ("source", "target"):
        proto = _pieces(sentences)
        (path / f"{name}.spm").write_bytes(proto)
        for piece in _vocabulary(proto):
            pieces.setdefault(piece, len(pieces))
    pieces["<pad>"] = len(pieces)
    (path / "vocab.json").write_text(json.dumps(pieces), encoding="utf-8")
    files = {name: str(path / f"{name}.spm") for name in ("source", "target")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*sacremoses")
        tokenizer = MarianTokenizer(
            source_spm=files["source"], target_spm=files["target"], vocab=str(path / "vocab.json"),
            source_lang="en", target_lang="de", model_max_length=64,
        )  # fmt: skip
    pad = pieces["<pad>"]
    special = {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad, "forced_eos_token_id": None}
    sizes = {"vocab_size": len(pieces), "max_position_embeddings": 64}
    model = MarianMTModel(MarianConfig(**{**WIDE, **HEADS, **special, **sizes, "scale_embedding": True, **values}))
    bias: torch.Tensor = model.final_logits_bias
    bias += torch.linspace(-1, 1, bias.shape[1])
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def bart(path: Path, **values: Any) -> Path:
    """BART with a tokenizer made of a few sentences."""
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = tokenizers.train_pairs(SENTENCES, 300, 64)
    begin = {"bos_token_id": tokenizer.pad_token_id, "decoder_start_token_id": tokenizer.eos_token_id}
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 64}
    ends = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = BartConfig(**{**WIDE, **HEADS, **sizes, **begin, **ends, "forced_eos_token_id": None, **values})
    BartForConditionalGeneration(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def t5(path: Path, **values: Any) -> Path:
    """T5, whose logits are scaled and whose positions are relative."""
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = tokenizers.train_pairs(SENTENCES, 300, 64)
    sizes = {"vocab_size": len(tokenizer), "d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 1, "num_heads": 2}
    ends = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = T5Config(**{**sizes, **ends, "decoder_start_token_id": tokenizer.pad_token_id, **values})
    T5ForConditionalGeneration(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def _pieces(sentences: Sequence[str]) -> bytes:
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=made, vocab_size=40, model_type="unigram", minloglevel=2,
        hard_vocab_limit=False, bos_id=-1, pad_id=-1, eos_id=0, unk_id=1,
    )  # fmt: skip
    return made.getvalue()


def _vocabulary(proto: bytes) -> list[str]:
    import sentencepiece

    read = sentencepiece.SentencePieceProcessor(model_proto=proto)
    return [read.id_to_piece(at) for at in range(read.get_piece_size())]
