"""What learners share whose model is spoken with: its chat template, where answers end, what it is given to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.nets.causal_kept import CausalKept
from desktop_llm.nets.causal_model import CausalParts
from desktop_llm.nets.chat_template import ANSWERS, PLAIN, ChatTemplate


class ChatKept(CausalKept):
    """A model that answers."""

    def __init__(self, parts: CausalParts, where: Path, plain: str = PLAIN) -> None:
        """Put the parts together; a tokenizer without a chat template gets the `plain` one.

        Raises UserError for a chat template in which no answer can be found.
        """
        super().__init__(parts)
        self._template = ChatTemplate(parts.tokenizer, where, plain)
        self.notes: list[str] = []
        """What a person should know of what was encoded."""
        end = self._template.end
        if end is not None and self.model.generation_config is not None:
            # whoever loads the model elsewhere ends its answers there, too
            self.model.generation_config.eos_token_id = sorted({end, *super().ends})

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        end = self._template.end
        return super().ends if end is None else super().ends | {end}

    def answering(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """A conversation that waits for an answer. Raises UserError where the model can read no more."""
        told = list(messages)
        while told and told[-1].get("role") == ANSWERS:
            told.pop()  # it is to be answered anew
        if not told:
            raise UserError("There is nothing to answer; say something first.")
        text = self._template.opening(told)
        ids = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        if len(ids) >= self.context:
            raise UserError(
                f"The conversation has {len(ids):,} tokens, and the model reads {self.context:,} at most; begin "
                "another one."
            )
        return ids

    def _whole(self, messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[tuple[int, int]], bool]:
        """A conversation as text, where its answers are, and whether the token that ends a text is to follow."""
        text, spans = self._template.answers(messages)
        closed = bool(self._template.closing) and bool(spans) and text[: spans[-1][1]].endswith(self._template.closing)
        return text, spans, bool(spans) and not closed
