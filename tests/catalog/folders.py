"""Model folders as they look from outside: a config, a tokenizer, a file of weights with nothing but a head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BERT = {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 50, "max_position_embeddings": 512}
LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 50,
    "max_position_embeddings": 2048,
}
MARIAN = {
    "model_type": "marian",
    "architectures": ["MarianMTModel"],
    "vocab_size": 50,
    "is_encoder_decoder": True,
    "max_position_embeddings": 512,
}


def make(path: Path, config: dict[str, Any], *, tokens: int = 50, card: str = "") -> Path:
    """A whole folder; its one tensor has 3 × 4 numbers."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    vocab = {f"t{number}": number for number in range(tokens)}
    (path / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": vocab}, "added_tokens": []}))
    (path / "model.safetensors").write_bytes(weights(3, 4))
    if card:
        (path / "README.md").write_text(card, encoding="utf-8")
    return path


def weights(*shape: int) -> bytes:
    """A safetensors file of one tensor of zeros."""
    size = 4
    for one in shape:
        size *= one
    head = json.dumps({"weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    return len(head).to_bytes(8, "little") + head + bytes(size)
