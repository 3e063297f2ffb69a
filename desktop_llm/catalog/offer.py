"""What the hub says of a model before anything of it is fetched, and which of its files would be: never a pickle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from desktop_llm.catalog import weight_files
from desktop_llm.catalog.folder import PICKLES
from desktop_llm.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
FILES = frozenset(
    (
        *("config.json", "generation_config.json", "README.md", "chat_template.jinja", "chat_template.json"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
        *("vocab.txt", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"),
        *("source.spm", "target.spm", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "NOTICE.txt", "USE_POLICY.md"),
        *(weight_files.WHOLE, weight_files.INDEX),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the hub; `sha256` is '' where the hub does not say it."""

    name: str
    bytes: int
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model on the hub at one state of it; `files` are those that would be fetched, `config` what it says it is."""

    name: str
    revision: str
    licence: str
    gated: bool
    files: tuple[File, ...]
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """All that would be fetched."""
        return sum(one.bytes for one in self.files)


def checked_name(given: str) -> str:
    """An owner/name as typed, or the address of its page. Raises UserError."""
    name = given.strip().removesuffix("/")
    for host in ("https://huggingface.co/", "https://hf.co/", "hf.co/", "huggingface.co/"):
        name = name.removeprefix(host)
    if not NAME.fullmatch(name) or ".." in name or "--" in name:
        raise UserError(f"“{given.strip()}” is not the name of a model; type it as owner/name.")
    return name


def wanted(name: str, there: Iterable[File]) -> tuple[File, ...]:
    """Of all files of a model, those that are fetched. Raises UserError where they are no whole model."""
    listed = list(there)
    files = [one for one in listed if one.name in FILES or SHARD.fullmatch(one.name)]
    whole = any(one.name == weight_files.WHOLE for one in files)
    if whole:  # as a whole and in parts: once is enough
        files = [one for one in files if one.name != weight_files.INDEX and not SHARD.fullmatch(one.name)]
    if not any(one.name.endswith(".safetensors") for one in files):
        if any(one.name in PICKLES or one.name.endswith((".bin", ".pt", ".pth")) for one in listed):
            raise UserError(
                f"The model “{name}” is there only as a pickle, which can run foreign code, and is not fetched; choose "
                "one with model.safetensors."
            )
        raise UserError(f"The model “{name}” has no file model.safetensors; choose another.")
    if not any(one.name == "config.json" for one in files):
        raise UserError(f"“{name}” has no config.json, and cannot be started from; choose another.")
    return tuple(sorted(files, key=lambda one: (one.name.endswith(".safetensors"), one.name)))


def to_json(offer: Offer) -> dict[str, Any]:
    """For the pipe and for `--json`."""
    return asdict(offer)


def from_json(told: Mapping[str, Any]) -> Offer:
    """Back from it."""
    return Offer(**{**told, "files": tuple(File(**one) for one in told["files"])})
