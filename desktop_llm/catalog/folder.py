"""What a model folder is, from its files: type, size, context, licence, and what is wrong with it, in one sentence.

Nothing is loaded and nothing in it is run. Only safetensors weights and architectures that transformers itself knows
can be started from; remote code and pickles never.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.catalog import architectures, vocabulary, weight_files
from desktop_llm.errors import UserError

CONFIG = "config.json"
WEIGHTS = (weight_files.WHOLE, weight_files.INDEX)
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.pth")
ADAPTER = "adapter_model.safetensors"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length")
OFFSET_KINDS = ("roberta", "xlm-roberta", "camembert")
"""Their positions begin behind the number of the padding."""
SPECIAL = ("pad_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id")
"""Those that a model is fed with whatever the tokenizer says; others are often left as a type has them, and unused."""
LICENCE = re.compile(r"^license(_name)?:\s*(.+?)\s*$", re.MULTILINE)
CARD = "README.md"
CARD_BYTES = 100_000
HEADS: Mapping[str, tuple[str, str]] = {
    "SEQUENCE_CLASSIFICATION": ("cannot be trained to classify here", "an encoder such as BERT, RoBERTa or ModernBERT"),
    "TOKEN_CLASSIFICATION": ("cannot be trained to tag here", "an encoder such as BERT, RoBERTa or ModernBERT"),
    "CAUSAL_LM": ("does not write texts from left to right", "a model such as GPT-2, Llama or Qwen"),
    "SEQ_TO_SEQ_CAUSAL_LM": ("does not make one text of another", "a model such as Marian, BART, T5 or Llama"),
    "MASKED_LM": ("does not fill gaps in texts", "an encoder such as BERT, RoBERTa or ModernBERT"),
}
"""What a model without the head is not for, and what to choose instead; the names are those of transformers."""
TWO_SIDED = ("SEQ_TO_SEQ_CAUSAL_LM",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A folder at a glance; `problem` says why nothing can start from it, '' where something can.

    `context` is how many tokens it reads at once, None where there is no limit to be seen.
    """

    path: Path
    kind: str = ""
    architecture: str = ""
    parameters: int = 0
    context: int | None = None
    bytes: int = 0
    licence: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return title(self.path)


def title(path: Path) -> str:
    """What a folder is called: its name; in the cache of the hub's library, the model's."""
    if path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--"):
        return path.parent.parent.name.rpartition("--")[2]
    return path.name or str(path)


def look(path: Path) -> Look:
    """Look at a folder, whatever is in it."""
    try:
        config = told(path)
    except UserError as error:
        return Look(path=path, bytes=size(path), licence=licence(path), problem=error.message)
    problem, parameters = "", 0
    try:
        check(path)
    except UserError as error:
        problem = error.message
    try:
        parameters = weight_files.parameters(path)
    except UserError as error:
        problem = problem or error.message
    return Look(
        path=path,
        kind=str(config.get("model_type", "")),
        architecture=architecture(config),
        parameters=parameters,
        context=context(config),
        bytes=size(path),
        licence=licence(path),
        problem=problem,
    )


def check(folder: Path, heads: Sequence[str] = ()) -> dict[str, Any]:
    """The folder's config.json; raises UserError with what is missing or does not fit, and what to do.

    With `heads`, the model must be able to have one of them.
    """
    config = told(folder)
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise UserError(_without_weights(folder))
    if not any((folder / name).is_file() for name in TOKENIZERS):
        if (folder / "preprocessor_config.json").is_file():
            raise UserError(f"“{folder}” is a model of images or sounds; choose a model of texts, with a tokenizer.")
        raise UserError(f"“{folder}” has no tokenizer: tokenizer.json is missing; copy it there or choose another.")
    _check_kind(folder, config)
    if heads and (refused := refusal(folder, config, heads)):
        raise UserError(refused)
    _check_numbers(folder, config)
    weight_files.parameters(folder)
    return config


def told(folder: Path) -> dict[str, Any]:
    """What config.json says. Raises UserError."""
    if not folder.is_dir():
        raise UserError(f"There is no model folder “{folder}”; choose a folder with config.json and model.safetensors.")
    try:
        read = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (folder / ADAPTER).is_file():
            raise UserError(_without_weights(folder)) from None
        raise UserError(f"“{folder}” is not a model folder: config.json is missing; choose another folder.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"“{folder / CONFIG}” cannot be read ({error}); fetch the model again.") from error
    if not isinstance(read, dict):
        raise UserError(f"“{folder / CONFIG}” does not describe a model; fetch the model again.")
    return read


def refusal(folder: Path, config: Mapping[str, Any], heads: Sequence[str]) -> str:
    """Why a model cannot be given one of these heads; '' where it can, as far as can be seen without loading it."""
    why_not = unfit(config, heads)
    return f"The model in “{folder}” is {why_not}." if why_not else ""


def unfit(config: Mapping[str, Any], heads: Sequence[str]) -> str:
    """As `refusal`, of the model alone: what it is, and what to choose instead."""
    kind = str(config.get("model_type", ""))
    if not kind or any(_fits(kind, config, head) for head in heads):
        return ""  # without a type the engine tries, and says what it cannot load
    what, instead = HEADS.get(heads[0], ("is not for that", "another"))
    return f"of the type “{kind}”, which {what}; choose {instead}"


def context(config: Mapping[str, Any]) -> int | None:
    """How many tokens the model reads at once."""
    for key in CONTEXT:
        places = _text(config).get(key)
        if isinstance(places, int) and not isinstance(places, bool) and places > 0:
            pad = config.get("pad_token_id")
            offset = (pad if isinstance(pad, int) else 1) + 1 if config.get("model_type") in OFFSET_KINDS else 0
            return max(1, places - offset)
    return None


def cut_words(folder: Path, asked: int) -> str:
    """What is to be said where more tokens are `asked` for at once than the model reads; else ''. Raises UserError."""
    most = context(told(folder))
    if most is None or asked <= most:
        return ""
    return (
        f"The model in “{folder}” reads at most {most:,} tokens at once: so much of each text is used, not the "
        f"{asked:,} of “max_length”."
    )


def architecture(config: Mapping[str, Any]) -> str:
    """The class that the weights were saved from, or the type."""
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else str(config.get("model_type", ""))


def licence(folder: Path) -> str:
    """The licence that the model card names at its top; '' where there is none."""
    try:
        with (folder / CARD).open("rb") as file:
            text = file.read(CARD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = text.replace("\r\n", "\n").lstrip("\ufeff").split("\n")
    if lines[0].strip() != "---":
        return ""
    rest = [line.strip() for line in lines[1:]]
    top = "\n".join(lines[1 : 1 + rest.index("---")] if "---" in rest else ())
    named = {str(name or ""): str(value).strip("'\"") for name, value in LICENCE.findall(top)}
    return named.get("_name") or named.get("", "")


def size(folder: Path) -> int:
    """What it takes on the disk, in bytes."""
    total = 0
    try:
        for path in folder.rglob("*"):
            if path.is_file():
                total += path.stat().st_size
    except OSError:  # taken away while one looks
        pass
    return total


def _fits(kind: str, config: Mapping[str, Any], head: str) -> bool:
    """Whether transformers has such a model with this head, and it reads as the head's task wants it."""
    if not architectures.has(kind, head):
        return False
    two_sided = bool(config.get("is_encoder_decoder")) or any(architectures.told(kind, one) for one in TWO_SIDED)
    if two_sided != (head in TWO_SIDED):
        return False
    looks_ahead = architectures.told(kind, "MASKED_LM") and not config.get("is_decoder")
    return not (head == "CAUSAL_LM" and looks_ahead)


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config that speaks of texts."""
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) else config


def _without_weights(folder: Path) -> str:
    if (folder / ADAPTER).is_file():
        return f"“{folder}” is an adapter, not a whole model; choose the folder of the merged model."
    if any((folder / name).is_file() for name in PICKLES):
        return (
            f"“{folder}” has its weights only as a pickle, which can run foreign code; convert them to "
            "model.safetensors first: where you trust it, load it with transformers’ from_pretrained and write it with "
            "save_pretrained into a new folder."
        )
    return f"“{folder}” has no weights: model.safetensors is missing; copy it there or choose another."


def _check_kind(folder: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if not isinstance(kind, str) or not kind or architectures.known(kind):
        return
    if config.get("auto_map"):
        raise UserError(
            f"The model in “{folder}” needs code of its own (auto_map in config.json), which is never run here; choose "
            "a model of a type that transformers itself knows."
        )
    raise UserError(
        f"“{folder / CONFIG}” does not describe a model of the type “{kind}” that can be loaded here: this version of "
        "transformers does not know the type; choose another model."
    )


def _check_numbers(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise UserError where numbers of tokens lie outside of the model's vocabulary."""
    known = _text(config).get("vocab_size")
    if not isinstance(known, int) or isinstance(known, bool):
        return
    for key in SPECIAL:
        named = config.get(key)
        for number in named if isinstance(named, list) else [named]:
            if isinstance(number, int) and number >= known:
                raise UserError(
                    f"“{folder / CONFIG}” names the token number {number:,} ({key}), the model knows only {known:,}; "
                    "the files do not belong together, fetch the model again."
                )
    highest = vocabulary.highest(folder)
    if highest >= known:
        raise UserError(
            f"The tokenizer in “{folder}” makes tokens up to number {highest:,}, the model knows only {known:,}; "
            "they do not belong together, fetch both again."
        )
