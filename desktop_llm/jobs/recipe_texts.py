"""The part of a recipe that says what a model learns from texts without labels, and what its tokens are."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe_places import PlaceKeys
from desktop_llm.jobs.recipe_weights import hyper

GROUP = "texts"
CAUSAL, MASKED = "causal", "masked"
PIECES, CHARACTERS = "pieces", "characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextKeys(PlaceKeys):
    """Metadata as in `Recipe`, whose keys these are. `mlm_probability` is what transformers calls it."""

    objective: str = hyper(
        CAUSAL,
        "Learns to",
        "Write on: foretell the next token, as GPT and Llama do. Fill gaps: foretell tokens that are hidden, from both "
        "sides, as BERT does; such a model does not write, but is a start for sorting or marking texts.",
        GROUP,
        choices=((CAUSAL, "Write on"), (MASKED, "Fill gaps")),
    )
    mlm_probability: float = hyper(
        0.15,
        "Hidden tokens",
        "Share of the tokens that are to be foretold where gaps are filled: 0.15 as BERT has it, 0.3 as ModernBERT.",
        GROUP,
        minimum=0.01,
        maximum=0.9,
        decimals=2,
        goes_with=("objective", MASKED),
    )
    whole_word_mask: bool = hyper(
        False,
        "Hide whole words",
        "Hides all tokens of a word together, which is harder to fill.",
        GROUP,
        goes_with=("objective", MASKED),
    )
    tokenizer_type: str = hyper(
        PIECES,
        "Tokens",
        "Word pieces are learned from your text. Characters: each is a token, and rare ones are told by their bytes; "
        "for small models of one book or script.",
        GROUP,
        choices=((PIECES, "Word pieces"), (CHARACTERS, "Characters")),
        scratch_only=True,
        goes_with=("objective", CAUSAL),
    )


LEAST_MASKED = 261
"""256 bytes, and tokens for a gap, padding, what is unknown, and the ends of a text."""


def check_vocabulary(keys: TextKeys, size: int) -> None:
    """Raise UserError where a vocabulary from scratch is too small for what the model is to learn."""
    if keys.objective == MASKED and size < LEAST_MASKED:
        raise UserError(
            f"“vocab_size” is at least {LEAST_MASKED} for a model that fills gaps (256 bytes and 5 tokens of its own), "
            f"not {size}."
        )


def check(keys: TextKeys) -> None:
    """Raise UserError where values do not fit each other."""
    if keys.objective == MASKED and keys.lora_r:
        raise UserError("A model that fills gaps learns as a whole, head and all; leave “lora_r” at 0.")
