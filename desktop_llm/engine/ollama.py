"""An Ollama Modelfile beside a GGUF: where a conversation's parts begin and end, found by trying the chat template.

Ollama speaks Go's templates, tokenizers Jinja. What a template puts before and behind a message of each role is seen by
rendering a few; where the parts put together again are not what the template itself makes, none is written, and Ollama
takes the one that is inside the GGUF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

NAME = "Modelfile"
ROLES = ("system", "user", "assistant")
PROBE = "qwzx"
TALK = ("user", "assistant", "user")
TRIED: tuple[tuple[str, ...], ...] = (TALK[:1], TALK, ("system", "user"), ("system", *TALK, "assistant", "user"))
Around = tuple[str, str]


def modelfile(
    tokenizer: PreTrainedTokenizerBase, gguf: str, ends: Sequence[str], context: int, asked: str | None = None
) -> str:
    """The text of a Modelfile; `ends` are the tokens by which the model says that it has ended.

    `asked` is the prompt by which it was taught, {text} where a text stood in it; None where it was not by one.
    """
    lines = [f"FROM ./{gguf}", "", f"PARAMETER num_ctx {context}"]
    lines += [f"PARAMETER stop {_quoted(one)}" for one in ends]
    parts = parts_of(tokenizer) if tokenizer.chat_template else None
    if parts is not None:
        lines += ["", f'TEMPLATE """{_go(parts)}"""']
    elif tokenizer.chat_template:
        lines += ["", "# No TEMPLATE: this chat template is not one part a message; Ollama takes that in the GGUF."]
    else:
        lines += ["", 'TEMPLATE """{{ .Prompt }}"""']
    if asked is not None:
        lines += ["", "# It was taught with this prompt, a text in the place of {text}:"]
        lines += [f"#   {line}".rstrip() for line in asked.splitlines()]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands around a message of each role, before an answer, and before all where no system message begins."""

    around: Mapping[str, Around]
    asks: str
    lead: str

    def put_together(self, roles: Sequence[str]) -> str:
        """A conversation of these roles, to be answered."""
        said = "".join(
            self.around[role][0] + _said(role, place) + self.around[role][1] for place, role in enumerate(roles)
        )
        return ("" if roles[0] == "system" else self.lead) + said + self.asks


def parts_of(tokenizer: PreTrainedTokenizerBase) -> Parts | None:
    """The parts of a tokenizer's chat template; None where they do not tell all of it."""
    one, two, three = (_rendered(tokenizer, TALK[:size], asking=False) for size in (1, 2, 3))
    opening = _rendered(tokenizer, TALK, asking=True)
    if one is None or two is None or three is None or opening is None:
        return None
    if not (two.startswith(one) and three.startswith(two) and opening.startswith(three)):
        return None
    around = {
        "user": _around(three[len(two) :], _said("user", 2)),
        "assistant": _around(two[len(one) :], _said("assistant", 1)),
    }
    whole = around["user"][0] + _said("user", 0) + around["user"][1]
    lead = one[: -len(whole)] if one.endswith(whole) else ""
    told = _rendered(tokenizer, ("system", "user"), asking=False)
    asked = around["user"][0] + _said("user", 1) + around["user"][1]
    if told is not None and told.endswith(asked) and _said("system", 0) in told:
        around["system"] = _around(told[: -len(asked)], _said("system", 0))
    parts = Parts(around, opening[len(three) :], lead)
    tried = [roles for roles in TRIED if all(role in around for role in roles)]
    holds = all(_rendered(tokenizer, roles, asking=True) == parts.put_together(roles) for roles in tried)
    return parts if holds else None


def _around(piece: str, said: str) -> Around:
    before, _, behind = piece.partition(said)
    return before, behind


def _said(role: str, place: int) -> str:
    return f"{PROBE}{role}{place}"


def _rendered(tokenizer: PreTrainedTokenizerBase, roles: Sequence[str], *, asking: bool) -> str | None:
    told = [{"role": role, "content": _said(role, place)} for place, role in enumerate(roles)]
    try:
        made: Any = tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=asking)
    except (TemplateError, ValueError, TypeError):  # templates refuse what they do not know, each in its way
        return None
    return str(made)


def _go(parts: Parts) -> str:
    """A Go template of the parts, in one line: white space around its words would be said, too."""
    branches: list[str] = []
    for role in ROLES:
        if role in parts.around:
            word = "if" if not branches else "else if"
            before, behind = parts.around[role]
            branches.append(f'{{{{ {word} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{behind}')
    lead = f'{{{{ if ne (index .Messages 0).Role "system" }}}}{parts.lead}{{{{ end }}}}' if parts.lead else ""
    return lead + "{{ range .Messages }}" + "".join(branches) + "{{ end }}{{ end }}" + parts.asks


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
