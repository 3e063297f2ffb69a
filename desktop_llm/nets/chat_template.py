"""How a conversation becomes the one text that a model reads, and where in it the answers are.

That is what the tokenizer's chat template says; a tokenizer without one gets a plain template, and keeps it. Answers
are where the template marks them ({% generation %}); in a template without marks, as most are, an answer is what the
conversation up to it has more than the question before it, asked. Where that does not hold, the template is refused.
What a template cannot say (a system prompt, tool calls, an answer of a tool) is said in words instead, not lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from desktop_llm.errors import UserError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLAIN = """{%- for message in messages -%}
{{ '### ' + (message['role'] | capitalize) + ':\\n' + message['content'] }}
{%- if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n\\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '### Assistant:\\n' }}{% endif -%}"""
"""For a tokenizer that knows no roles: their names in words, and what ends a text ends an answer."""
MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
ROLES = {"developer": "system", "function": "tool", "model": "assistant", "human": "user"}
ANSWERS = "assistant"
PROBE = "qwzx"
Message = dict[str, Any]
Told = Sequence[Mapping[str, Any]]
Span = tuple[int, int]


class ChatTemplate:
    """The template of a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, where: Path, plain: str = PLAIN) -> None:
        """A tokenizer without a template gets the `plain` one. Raises UserError where no answer can be found in it.

        `where` is what a person knows the tokenizer by.
        """
        self._tokenizer, self._where = tokenizer, where
        if not tokenizer.chat_template:
            tokenizer.chat_template = plain
        text = _text(tokenizer)
        self.marked = MARK.search(text) is not None
        self._tells_calls = "tool_calls" in text
        question, answer = {"role": "user", "content": PROBE}, {"role": ANSWERS, "content": PROBE[::-1]}
        self._tells_system = self._tells([{"role": "system", "content": f"{PROBE}s"}, question], f"{PROBE}s")
        called = {"role": ANSWERS, "content": "", "tool_calls": [_call("f", {})]}
        said = {"role": "tool", "name": "f", "tool_call_id": "123456789", "content": f"{PROBE}t"}
        self._tells_tools = self._tells_calls and self._tells([question, called, said], f"{PROBE}t")
        whole, spans = self.answers([question, answer, question, answer])
        if len(spans) != 2 or any(PROBE[::-1] not in whole[start:end] for start, end in spans):
            raise UserError(
                f"The chat template of “{where}” has no generation marker, and does not show where an answer begins; "
                "put {% generation %} and {% endgeneration %} around answers in it, or choose another model."
            )
        last = whole[spans[-1][0] : spans[-1][1]]
        self.closing = next((one for one in self._specials() if last.endswith(one)), "")
        """The token that ends an answer; '' where the template has none."""

    @property
    def end(self) -> int | None:
        """The number of `closing`."""
        number: Any = self._tokenizer.convert_tokens_to_ids(self.closing) if self.closing else None
        return None if number is None else int(number)

    def opening(self, messages: Told) -> str:
        """A conversation as a model is asked to answer it. Raises UserError."""
        return self._rendered(self._sayable(messages), asking=True)

    def answers(self, messages: Told) -> tuple[str, list[Span]]:
        """A conversation up to its last answer, and the places of all answers that say something, each with its end.

        Raises UserError where the template refuses it.
        """
        told = self._sayable(messages)
        while told and told[-1]["role"] != ANSWERS:
            told.pop()
        if not told:
            return "", []
        if self.marked:
            return self._marked(told)
        whole = self._rendered(told, asking=False)
        spans = []
        for place, one in enumerate(told):
            if one["role"] == ANSWERS and _says(one):
                span = self._between(told, place, whole)
                if span is not None:
                    spans.append(span)
        return whole, spans

    def _between(self, told: list[Message], place: int, whole: str) -> Span | None:
        """Where the answer at a place is, by what the text has more with it than without."""
        if not place:
            return None  # nobody has asked
        through = self._rendered(told[: place + 1], asking=False).rstrip()
        if not whole.startswith(through):
            return None
        for asking in (True, False):
            before = self._rendered(told[:place], asking=asking)
            if through.startswith(before) and len(before) < len(through):
                return len(before), self._without_tail(whole, len(before), len(through))
        return None

    def _marked(self, told: list[Message]) -> tuple[str, list[Span]]:
        from transformers.utils.chat_template_utils import render_jinja_template

        render: Any = render_jinja_template
        named = self._tokenizer.special_tokens_map
        try:
            rendered, places = render(
                conversations=[told],
                chat_template=_text(self._tokenizer),
                return_assistant_tokens_mask=True,
                **{name: value for name, value in named.items() if isinstance(value, str)},
            )
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise self._refusal(error) from error
        spans = [(int(start), int(end)) for start, end in places[0]]
        said = [_says(one) for one in told if one["role"] == ANSWERS]
        if len(said) == len(spans):
            spans = [span for span, kept in zip(spans, said, strict=True) if kept]
        whole = str(rendered[0])
        return whole, [(start, self._without_tail(whole, start, end)) for start, end in spans]

    def _without_tail(self, whole: str, start: int, end: int) -> int:
        """Where an answer ends: white space behind the token that ends it belongs to what comes next."""
        said = whole[start:end].rstrip()
        return start + len(said) if any(said.endswith(one) for one in self._specials()) else end

    def _specials(self) -> Iterator[str]:
        for one in self._tokenizer.added_tokens_decoder.values():
            if one.special:
                yield one.content

    def _rendered(self, told: list[Message], *, asking: bool) -> str:
        try:
            return str(self._tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=asking))
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
            joined = _joined(told)
            if joined != told:  # one that wants the sides to take turns
                return self._rendered(joined, asking=asking)
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> UserError:
        return UserError(f"The chat template of “{self._where}” refuses a conversation ({first_line(error)}).")

    def _tells(self, told: list[Message], words: str) -> bool:
        try:
            text = str(self._tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=True))
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError):
            return False
        return words in text

    def _sayable(self, messages: Told) -> list[Message]:
        """Messages as the template can say all that is in them."""
        told: list[Message] = []
        system = ""
        for one in messages:
            made: Message = {**one, "role": ROLES.get(str(one.get("role")), str(one.get("role")))}
            made["content"] = _content(one.get("content"))
            calls = [_parsed(call) for call in one.get("tool_calls") or ()]
            made.pop("tool_calls", None)
            if calls and self._tells_calls:
                made["tool_calls"] = calls
            elif calls:
                made["content"] = "\n".join([*filter(None, [made["content"]]), *map(_call_words, calls)])
            if made["role"] == "tool" and not self._tells_tools:
                made = {"role": "user", "content": f"<tool_response>\n{made['content']}\n</tool_response>"}
            if made["role"] == "system" and not self._tells_system:
                system = "\n\n".join(filter(None, [system, made["content"]]))
                continue
            if system and made["role"] == "user":
                made["content"], system = f"{system}\n\n{made['content']}", ""
            told.append(made)
        return told


def _text(tokenizer: PreTrainedTokenizerBase) -> str:
    return str(tokenizer.get_chat_template())


def _says(message: Mapping[str, Any]) -> bool:
    return bool(str(message.get("content") or "").strip() or message.get("tool_calls"))


def _content(told: object) -> str:
    """What a message says; the texts of one in parts, anything else in it as JSON."""
    if isinstance(told, str):
        return told
    if told is None:
        return ""
    parts = told if isinstance(told, list) else [told]
    return "\n".join(
        str(one["text"]) if isinstance(one, Mapping) and "text" in one else json.dumps(one, ensure_ascii=False)
        for one in parts
    )


def _call(name: str, arguments: object) -> Message:
    return {"type": "function", "id": "123456789", "function": {"name": name, "arguments": arguments}}


def _parsed(call: object) -> Any:
    """A tool call whose arguments are no longer JSON in a text: so templates expect it."""
    if not isinstance(call, Mapping) or not isinstance(call.get("function"), Mapping):
        return call
    function = dict(call["function"])
    if isinstance(function.get("arguments"), str):
        try:
            function["arguments"] = json.loads(function["arguments"])
        except (ValueError, RecursionError):
            return dict(call)
    return {**call, "function": function}


def _call_words(call: Any) -> str:
    """A tool call in words, as Hermes and Qwen write it."""
    function = call.get("function", call) if isinstance(call, Mapping) else call
    named = isinstance(function, Mapping)
    told = {name: function[name] for name in ("name", "arguments") if name in function} if named else function
    return f"<tool_call>\n{json.dumps(told, ensure_ascii=False)}\n</tool_call>"


def _joined(told: list[Message]) -> list[Message]:
    """What one side says several times in a row as one message."""
    if all(one["role"] != other["role"] for one, other in pairwise(told)):
        return told
    made: list[Message] = []
    for one in told:
        if made and made[-1]["role"] == one["role"] and "tool_calls" not in {*one, *made[-1]}:
            made[-1] = {**made[-1], "content": f"{made[-1]['content']}\n\n{one['content']}"}
        else:
            made.append(dict(one))
    return made
