"""What all legs of the benchmark on a GPU share: models and batches, rows of random words, who is measured when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model and its batches; `lengths` mean and spread of the log of a text's tokens."""

    vocabulary: int
    wide: int
    layers: int
    heads: int
    inner: int
    context: int
    batch: int
    lengths: tuple[float, float]
    steps: int


def _shape(vocabulary: int, wide: int, layers: int, heads: int, inner: int, **more: Any) -> Shape:
    return Shape(vocabulary=vocabulary, wide=wide, layers=layers, heads=heads, inner=inner, **more)


SHAPES = {
    "lm124": _shape(50304, 768, 12, 12, 2048, context=1024, batch=64, lengths=(5.8, 1.0), steps=60),
    "lm12": _shape(4096, 384, 6, 6, 1024, context=256, batch=64, lengths=(4.0, 1.0), steps=300),
    "classify": _shape(30522, 384, 6, 12, 1536, context=128, batch=32, lengths=(2.7, 0.45), steps=300),
    "lora": _shape(32000, 2048, 22, 32, 5632, context=1024, batch=8, lengths=(5.2, 0.8), steps=40),
}
CLASSES = 77


class Turn:
    """Legs that were started together wait for each other once they are warm, and are then measured one by one."""

    def __init__(self, told: dict[str, Any]) -> None:
        """`told["turns"]` is the folder by which they know of each other; '' where each runs alone."""
        self._folder = Path(told["turns"]) if told.get("turns") else None
        self._mine = f"{told['name']} {told['who']}".replace(" ", "-")
        self._lock: Any = None

    def take(self) -> None:
        """Warm now: wait until all are, and until it is this one's turn."""
        if self._folder is None or self._lock is not None:
            return
        import fcntl

        wait()
        (self._folder / f"{self._mine}.ready").touch()
        while not (self._folder / "go").exists():
            time.sleep(0.05)
        self._lock = (self._folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def give(self) -> None:
        """Measured."""
        if self._lock is not None:
            wait()
            self._lock.close()


def wait() -> None:
    """Until the device has done all that it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def rows(shape: Shape, count: int, *, labelled: bool) -> Iterator[dict[str, Any]]:
    """Texts of random words."""
    source = np.random.default_rng(7)
    lengths = np.clip(source.lognormal(*shape.lengths, size=count).astype(int), 2, 4 * shape.context)
    for number, length in enumerate(lengths.tolist(), 1):
        words = source.integers(0, shape.vocabulary - 8, size=length)
        label = f"c{int(source.integers(CLASSES))}" if labelled else None
        yield {"id": number, "text": " ".join(f"w{one}" for one in words.tolist()), "label": label}


def make_tokenizer(shape: Shape, *, encoder: bool) -> Any:
    """A word is a token."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    kind: Any = transformers.PreTrainedTokenizerFast
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<x>"]
    names = [*special, *(f"w{one}" for one in range(shape.vocabulary - len(special)))]
    made = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if encoder:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        return kind(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    return kind(tokenizer_object=made, eos_token="</s>", bos_token="</s>", unk_token="[UNK]")


def make_model(shape: Shape, name: str) -> Any:
    """A model of the shape with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if name == "classify":
        return BertForSequenceClassification(
            BertConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.wide,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                intermediate_size=shape.inner,
                id2label={place: f"c{place}" for place in range(CLASSES)},
            )
        )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.wide,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=6,
            eos_token_id=6,
            pad_token_id=None,
        )
    )
    return model.bfloat16() if name == "lora" else model
