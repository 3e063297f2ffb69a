"""A tokenizer's data as GGUF keeps it: tokens, their kinds, merges, special tokens, and how words are cut.

llama.cpp knows three ways to make tokens (byte-level BPE, SentencePiece, WordPiece), and the first of them by name for
each way to cut words; a tokenizer of another kind is refused, since it would read texts differently there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NORMAL, UNKNOWN, CONTROL, OWN, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens, by their numbers in GGUF."""
LLAMA_3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
QWEN_2 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
PHANTOM = "▁"
"""Begins a word in GGUF where WordPiece marks those that go on by ##."""
SPECIAL = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unk_token_id", "pad": "pad_token_id"}
OF_ENCODERS = {"sep": "sep_token_id", "cls": "cls_token_id", "mask": "mask_token_id"}


def write(writer: Any, tokenizer: PreTrainedTokenizerBase, size: int) -> None:
    """Add the tokenizer to a `gguf.GGUFWriter`; the model knows `size` tokens. Raises UserError."""
    if not tokenizer.is_fast:
        raise UserError(
            "The model's tokenizer has no tokenizer.json, from which GGUF is written; choose another format."
        )
    fast: Any = tokenizer
    told = json.loads(fast.backend_tokenizer.to_str())
    kind = told["model"]["type"]
    words, kinds = _tokens(told, tokenizer, size)
    if kind == "WordPiece":
        _write_pieces(writer, told, words, kinds)
    elif kind == "BPE" and told["model"].get("byte_fallback"):
        if PHANTOM not in json.dumps([told.get("normalizer"), told.get("pre_tokenizer")], ensure_ascii=False):
            raise UserError(
                f"The model's tokenizer reads spaces as they are, and GGUF's readers make “{PHANTOM}” of them; choose "
                "another format."
            )
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        for place, word in enumerate(words):
            if len(word) == 6 and word.startswith("<0x"):
                kinds[place] = BYTE
        writer.add_token_scores([-float(place) for place in range(len(words))])
    elif kind == "BPE":
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_cutting(told))
        writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in told["model"]["merges"]])
        writer.add_add_space_prefix(False)
    else:
        raise UserError(f"GGUF has no tokenizer of the kind “{kind}”; choose another format.")
    if kind != "WordPiece":
        writer.add_token_list(words)
        writer.add_token_types(kinds)
    _write_special(writer, tokenizer, encoder=kind == "WordPiece")


def _tokens(told: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, size: int) -> tuple[list[str], list[int]]:
    """The tokens by number, with fillers where the model has room for more, and their kinds."""
    words = [f"[PAD{place}]" for place in range(size)]
    kinds = [UNUSED] * size
    for word, number in tokenizer.get_vocab().items():
        words[number], kinds[number] = word, NORMAL
    for one in told["added_tokens"]:
        kinds[one["id"]] = CONTROL if one["special"] else OWN
    unknown = tokenizer.unk_token_id
    if isinstance(unknown, int) and kinds[unknown] != CONTROL:
        kinds[unknown] = UNKNOWN
    return words, kinds


def _write_pieces(writer: Any, told: Mapping[str, Any], words: Sequence[str], kinds: Sequence[int]) -> None:
    if not (told.get("normalizer") or {}).get("lowercase"):
        raise UserError("The model tells capital letters apart, and GGUF's readers do not; choose another format.")
    mark = told["model"].get("continuing_subword_prefix", "##")
    listed = []
    for word, kind in zip(words, kinds, strict=True):
        plain = kind in (CONTROL, UNUSED)
        listed.append(word if plain else word.removeprefix(mark) if word.startswith(mark) else PHANTOM + word)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list(listed)
    writer.add_token_types(list(kinds))


def _write_special(writer: Any, tokenizer: PreTrainedTokenizerBase, *, encoder: bool) -> None:
    ids = {short: getattr(tokenizer, name, None) for short, name in (SPECIAL | OF_ENCODERS).items()}
    if encoder:
        ids["bos"] = ids["cls"]  # what llama.cpp puts before a text
    for short, number in ids.items():
        add = getattr(writer, f"add_{short}_token_id", None)
        if isinstance(number, int) and add is not None:
            add(number)
    first = tokenizer("a")["input_ids"]
    writer.add_add_bos_token(bool(first) and first[0] == ids["bos"])
    writer.add_add_eos_token(len(first) > 1 and first[-1] in (ids["eos"], ids["sep"]))
    template = tokenizer.chat_template
    if isinstance(template, str):
        writer.add_chat_template(template)


def _cutting(told: Mapping[str, Any]) -> str:
    """llama.cpp's name for how words are cut before BPE. Raises UserError."""
    parts = list(_flat(told.get("pre_tokenizer") or {}))
    kinds = [one["type"] for one in parts]
    patterns = [str(one["pattern"].get("Regex", "")) for one in parts if one["type"] == "Split"]
    if told.get("normalizer") is None or patterns:
        if kinds == ["ByteLevel"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and parts[0].get("individual_digits"):
            return "smollm"
        if kinds == ["Split", "ByteLevel"]:
            if patterns[0].startswith(LLAMA_3):
                return "llama-bpe"
            if patterns[0].startswith(QWEN_2):
                return "qwen2"
    raise UserError("The model's tokenizer cuts words in a way for which GGUF has no name; choose another format.")


def _flat(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if told.get("type") == "Sequence":
        for one in told["pretokenizers"]:
            yield from _flat(one)
    elif told:
        yield told
