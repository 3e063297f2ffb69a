"""A tokenizer trained on the project's own text, with the `tokenizers` library.

Byte-level BPE over lower-cased text: no character is unknown, and it serves languages with and without spaces.
The same texts give the same tokenizer, which WordPiece's trainer does not: it breaks ties by chance, and a run
that was killed before its first checkpoint would learn something else. Saved in Hugging Face layout.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from desktop_llm.nets.encoding import on_all_processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


APART = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""Letters of scripts that do not part words, as a regular expression."""


ENOUGH = 50_000_000
"""Characters that a vocabulary is learned from at most: more of them change it little, and take minutes and memory."""
END = "<|endoftext|>"
"""What ends a text, for models that write: GPT-2's word for it."""


def sampled(texts: Callable[[], Iterable[str]]) -> Iterator[str]:
    """The texts; where they have more characters than `ENOUGH`, so many of them, drawn from everywhere.

    The same texts give the same sample.
    """
    left, wanted = sum(map(len, texts())), ENOUGH
    chance = random.Random(0)
    for text in texts():
        if left <= wanted or chance.random() * left < wanted:
            yield text[:wanted]
            wanted -= min(wanted, len(text))
        left -= len(text)


def train_exact(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Learn up to `vocab_size` tokens that give every text back as it was: the end of a text, 256 bytes, pieces.

    With 257 it knows bytes alone. Case, spaces and line ends are kept, as models that write need them.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    with on_all_processors():
        tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, clean_up_tokenization_spaces=False
    )


def train_characters(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """The characters of texts as tokens, the most frequent where there are more than fit: the end of a text, 256 bytes.

    Every other character is told by its bytes, so that any text is given back as it was. Fewer than `vocab_size` tokens
    where the texts have fewer characters.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    often = sorted(counts, key=lambda one: (-counts[one], one))[: max(0, vocab_size - 257)]
    tokens = [END, *(f"<0x{byte:02X}>" for byte in range(256)), *sorted(often)]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([END])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, clean_up_tokenization_spaces=False
    )


PADDING, CLOSE = "<pad>", "</s>"
"""What fills a line up, and what ends a text, for models that make one text of another."""


def train_pairs(texts: Iterable[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """As `train_exact`, one vocabulary for texts and what they become; every text is ended by a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PADDING, CLOSE],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {CLOSE}", pair=f"$A {CLOSE} $B {CLOSE}", special_tokens=[(CLOSE, tokenizer.token_to_id(CLOSE))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PADDING,
        eos_token=CLOSE,
        clean_up_tokenization_spaces=False,
        model_max_length=max_length,
    )


def train(texts: Iterable[str], vocab_size: int, max_length: int, *, apart: bool = False) -> PreTrainedTokenizerFast:
    """Learn up to `vocab_size` tokens from `texts`: 5 special ones, 256 bytes, and the most frequent pieces.

    `apart`: no token has two letters of scripts that do not part words, as a word may end between any of them.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    by_bytes = pre_tokenizers.ByteLevel(add_prefix_space=True)
    letters = pre_tokenizers.Split(Regex(APART), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([letters, by_bytes]) if apart else by_bytes
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    with on_all_processors():
        tokenizer.train_from_iterator(texts, trainer)
    begin, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", begin), ("[SEP]", end)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=max_length,
    )
