"""A tokenizer and its model without the tokens that a team's texts never use.

A pretrained vocabulary has tens of thousands of tokens, and in a small encoder their embeddings are half of all
parameters. What stays are the tokens that the texts use, all single characters and bytes, and the special ones: so any
other text can still be read, in smaller pieces. The texts themselves are read exactly as before: WordPiece takes the
longest piece that there is, Unigram the likeliest parting, BPE its merges in their order, and all that these had chosen
is still there (for BPE with every step on the way).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from desktop_llm.errors import UserError
from desktop_llm.nets.fewer_layers import filled

FILE = "tokenizer.json"
OLD_FILES = ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
"""What older tokenizers keep their vocabulary in, which would no longer be the same."""
KINDS = ("WordPiece", "BPE", "Unigram", "WordLevel")


def stay(tokenizer: PreTrainedTokenizerBase, used: Iterable[np.ndarray]) -> list[int]:
    """The ids of all tokens that stay where texts use those in `used`, in their order. Raises UserError."""
    told = _told(tokenizer)
    model = told["model"]
    ids = set(np.unique(np.concatenate([np.unique(one) for one in used])).tolist())
    ids |= {int(one["id"]) for one in told.get("added_tokens", ())} | set(tokenizer.all_special_ids)
    names = _names(model)
    ids |= {number for name, number in names.items() if _is_least(name, model)}
    if model["type"] == "BPE":
        ids |= _steps(model, names, ids)
    known = set(tokenizer.get_vocab().values())
    return sorted(number for number in ids if number in known)


def write_tokenizer(tokenizer: PreTrainedTokenizerBase, kept: Sequence[int], folder: Path) -> PreTrainedTokenizerBase:
    """Write the tokenizer with the tokens `kept` into a folder, and read it back. Raises UserError."""
    numbers = {old: new for new, old in enumerate(kept)}
    told = _told(tokenizer)
    _cut(told, numbers)
    tokenizer.save_pretrained(folder)
    (folder / FILE).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    for name in OLD_FILES:
        (folder / name).unlink(missing_ok=True)
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8"))
    added = config.get("added_tokens_decoder")
    if isinstance(added, dict):
        config["added_tokens_decoder"] = {
            str(numbers[int(old)]): one for old, one in added.items() if int(old) in numbers
        }
        settings.write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")
    try:
        made: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # each tokenizer checks its own file in its own way
        raise _refused(str(error)) from error
    return made


def must_read_the_same(
    before: PreTrainedTokenizerBase, after: PreTrainedTokenizerBase, kept: Sequence[int], texts: Sequence[str]
) -> None:
    """Raise UserError where texts of which all tokens stay are not read as before."""
    old, stays = np.asarray(kept), set(kept)
    for text in texts:
        wanted = before(text)["input_ids"]
        if stays.issuperset(wanted) and old[after(text)["input_ids"]].tolist() != list(wanted):
            raise _refused(f"“{text[:80]}”")


def with_tokens(model: PreTrainedModel, kept: Sequence[int]) -> PreTrainedModel:
    """A new model that knows these tokens alone, in this order. Raises UserError."""
    config = copy.deepcopy(model.config)
    before = int(config.get_text_config().vocab_size)
    config.get_text_config().vocab_size = len(kept)
    numbers = {old: new for new, old in enumerate(kept)}
    _renumber(config, numbers)
    if config.get_text_config() is not config:
        _renumber(config.get_text_config(), numbers)
    tables = _tables(model)
    rows = np.asarray(kept)
    state: dict[str, object] = {
        name: tensor[rows] if name in tables and tensor.shape[0] == before else tensor
        for name, tensor in model.state_dict().items()
    }
    made = filled(model, config, state)
    if getattr(made, "generation_config", None) is not None:
        _renumber(made.generation_config, numbers)
    return made


def _tables(model: PreTrainedModel) -> set[str]:
    """The names of the tensors that have a row for each token: word embeddings, and a head over all tokens."""
    modules: dict[int, str] = {}
    for one in (model.get_input_embeddings(), model.get_output_embeddings()):  # type: ignore[no-untyped-call]
        if one is not None:
            modules[id(one)] = ""
    found = {
        f"{name}.{part}"
        for name, module in model.named_modules()
        if id(module) in modules
        for part, _ in module.named_parameters(recurse=False)
    }
    places = {tensor.data_ptr() for name, tensor in model.state_dict().items() if name in found}
    return {name for name, tensor in model.state_dict().items() if tensor.data_ptr() in places}


def _told(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise _refused("it has no tokenizer.json")
    told: dict[str, Any] = json.loads(backend.to_str())
    if told["model"].get("type") not in KINDS:
        raise _refused(f"it is of the type {told['model'].get('type')}")
    return told


def _refused(why: str) -> UserError:
    return UserError("The vocabulary of this model's tokenizer cannot be cut; keep all of its tokens.", details=why)


def _names(model: Mapping[str, Any]) -> dict[str, int]:
    if model["type"] == "Unigram":
        return {str(one[0]): place for place, one in enumerate(model["vocab"])}
    return {str(name): int(number) for name, number in model["vocab"].items()}


def _is_least(name: str, model: Mapping[str, Any]) -> bool:
    """Whether a token is a single character, wherever in a word it stands, a byte, or stands for what is unknown."""
    if name == model.get("unk_token") or (len(name) == 6 and name.startswith("<0x") and name.endswith(">")):
        return True
    for mark in ("▁", model.get("continuing_subword_prefix") or ""):
        if mark and name.startswith(mark) and len(name) > len(mark):
            name = name[len(mark) :]
    end = model.get("end_of_word_suffix") or ""
    return len(name.removesuffix(end) if end else name) == 1


def _steps(model: Mapping[str, Any], names: Mapping[str, int], ids: set[int]) -> set[int]:
    """The tokens that BPE makes on the way to others, and those of which it makes them."""
    made: dict[str, list[tuple[str, str]]] = {}
    for left, right in _pairs(model):
        made.setdefault(_joined(left, right, model), []).append((left, right))
    called = {number: name for name, number in names.items()}
    waiting, found = [called[number] for number in ids if number in called], set()
    while waiting:
        for pair in made.get(waiting.pop(), ()):
            for part in pair:
                if part in names and part not in found:
                    found.add(part)
                    waiting.append(part)
    return {names[part] for part in found}


def _pairs(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = (one.split(" ", 1) if isinstance(one, str) else one for one in model["merges"])
    return [(str(left), str(right)) for left, right in pairs]


def _joined(left: str, right: str, model: Mapping[str, Any]) -> str:
    return left + right.removeprefix(model.get("continuing_subword_prefix") or "")


def _cut(told: dict[str, Any], numbers: Mapping[int, int]) -> None:
    """The description of a tokenizer with the tokens in `numbers` (old to new) alone."""
    model = told["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [one for place, one in enumerate(model["vocab"]) if place in numbers]
        if isinstance(model.get("unk_id"), int):
            model["unk_id"] = numbers[model["unk_id"]]
    else:
        model["vocab"] = {name: numbers[number] for name, number in model["vocab"].items() if number in numbers}
    if model["type"] == "BPE":
        there = model["vocab"]
        model["merges"] = [
            [left, right]
            for left, right in _pairs(model)
            if left in there and right in there and _joined(left, right, model) in there
        ]
    for one in told.get("added_tokens", ()):
        one["id"] = numbers[int(one["id"])]
    if isinstance(told.get("padding"), dict):
        told["padding"]["pad_id"] = numbers[int(told["padding"]["pad_id"])]
    _renumber_processor(told.get("post_processor"), numbers)


def _renumber_processor(told: Any, numbers: Mapping[int, int]) -> None:
    """What is put around texts, by the new numbers."""
    if not isinstance(told, dict):
        return
    for one in told.get("processors", ()):
        _renumber_processor(one, numbers)
    for key in ("sep", "cls"):
        if isinstance(told.get(key), list):
            told[key][1] = numbers[int(told[key][1])]
    special = told.get("special_tokens")
    for one in special.values() if isinstance(special, dict) else ():
        one["ids"] = [numbers[int(number)] for number in one["ids"]]


def _renumber(config: PretrainedConfig | Any, numbers: Mapping[int, int]) -> None:
    for name, value in list(vars(config).items()):
        if not name.endswith("_token_id"):
            continue
        if isinstance(value, int):
            setattr(config, name, numbers.get(value))
        elif isinstance(value, list):
            setattr(config, name, [numbers[one] for one in value if one in numbers])
