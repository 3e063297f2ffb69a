"""A text in a prompt and its answer as tokens: instruction and text are what a user says, and the model answers.

Prompt and answer are made tokens of apart, for training as for use, so that a model goes on from exactly what it was
taught to go on from. Where a prompt is too long, the text in it is cut, never the instruction nor the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.jobs import prompt
from desktop_llm.nets.chat_template import ANSWERS, ChatTemplate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLAIN = """{{- bos_token if bos_token else '' -}}
{%- for message in messages -%}
{{- message['content'] -}}
{%- if message['role'] == 'assistant' -%}{{- eos_token -}}{%- else -%}{{- '\\n\\n' -}}{%- endif -%}
{%- endfor -%}"""
"""For a tokenizer that knows no roles: instruction and text, an empty line, the answer, and what ends a text."""
ASKED, SAID = "qwzx", "xzwq"
Ids = list[int]


class Prompting:
    """The instruction in the words of a chat template."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, template: ChatTemplate, instruction: str, *, after: int, context: int
    ) -> None:
        """`after` ends a text, `context` is how many tokens are read. Raises UserError where the instruction alone is
        as long, or the template cannot say it."""
        self._tokenizer: Any = tokenizer
        self._template, self._instruction = template, instruction
        whole, spans = template.answers([_user(ASKED), {"role": ANSWERS, "content": SAID}])
        start, end = spans[-1]
        self._lead, _, close = whole[start:end].partition(SAID)
        """What the template has before an answer, such as a space, and behind it."""
        self._close = close
        self._ends = [] if template.closing and close.endswith(template.closing) else [after]
        self._tail = whole[:start].rpartition(ASKED)[2]
        self._begun = self._ids([self._tail])[0]
        self._by_opening = template.opening([_user(ASKED)]) == whole[:start]
        self.least = len(self._ids([self._said("")])[0])
        """Tokens of the prompt without a text."""
        if self.least >= context:
            raise no_room(self.least, context)

    def prompts(self, texts: Sequence[str], rooms: Sequence[int]) -> list[tuple[Ids, bool]]:
        """The tokens of each text's prompt, at most its room of them, and whether the text was cut for it.

        A room is at least `least`. Raises UserError where the template refuses.
        """
        made = self._ids([self._said(text) for text in texts])
        told = zip(texts, made, rooms, strict=True)
        return [(ids, False) if len(ids) <= room else (self._cut(text, room), True) for text, ids, room in told]

    def prompt(self, text: str) -> Ids:
        """The tokens of a text's prompt, however many. Raises UserError where the template refuses."""
        return self._ids([self._said(text)])[0]

    def answers(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of answers as they stand behind a prompt, each with those that end it."""
        plain = [f"{self._lead}{text.strip()}{self._close}" for text in texts]
        size = len(self._begun)
        # some tokenizers make another first token of a text that begins than of one that goes on
        behind = self._ids([self._tail + one for one in plain])
        alone = self._ids(plain)
        return [
            (ids[size:] if ids[:size] == self._begun else own) + self._ends
            for ids, own in zip(behind, alone, strict=True)
        ]

    def _said(self, text: str) -> str:
        """A prompt up to where the answer begins."""
        asked = _user(prompt.asked(self._instruction, text))
        if self._by_opening:
            return self._template.opening([asked])
        whole, spans = self._template.answers([asked, {"role": ANSWERS, "content": SAID}])
        return whole[: spans[-1][0]]

    def _cut(self, text: str, room: int) -> Ids:
        offsets = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        kept = min(len(offsets), max(0, room - self.least))
        while True:
            ids = self.prompt(text[: offsets[kept - 1][1]].rstrip() if kept else "")
            if len(ids) <= room or not kept:
                return ids
            kept = max(0, kept - (len(ids) - room))

    def _ids(self, texts: Sequence[str]) -> list[Ids]:
        if not texts:
            return []
        told: list[Ids] = self._tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)[
            "input_ids"
        ]
        return told


def no_room(tokens: int, context: int) -> UserError:
    """What to say where nothing but the prompt, with an answer or without, has as many tokens as a model reads."""
    return UserError(
        f"The prompt alone has {tokens:,} tokens, and the model reads {context:,} at most; shorten “instruction”, or "
        "choose a model that reads more."
    )


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
