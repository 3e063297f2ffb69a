"""What is learned of a conversation, by the numbers of its tokens, for chat templates of every family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.nets import answers
from desktop_llm.nets.answers import Told
from desktop_llm.nets.chat_template import PLAIN, ChatTemplate
from tests.nets import templates
from tests.nets.templates import TEMPLATES

EVERY = pytest.mark.parametrize("name", [*TEMPLATES])
HERE = Path("here")
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello there, how are you?"},
    {"role": "assistant", "content": "I am well, and you?"},
    {"role": "user", "content": "Fine. 你好吗 🙂"},
    {"role": "assistant", "content": "The sky is blue.\n\nTwo and two are four. 🙂"},
]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
CALLED: list[dict[str, Any]] = [
    {"role": "user", "content": "How is the sky?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "blue"},
    {"role": "assistant", "content": "It is blue."},
]


def _learned(name: str, talk: list[dict[str, Any]]) -> tuple[Any, list[list[int]], list[int]]:
    """The tokenizer, the tokens of each stretch that is learned, and all tokens."""
    tokenizer = templates.named(name)
    text, spans = ChatTemplate(tokenizer, HERE).answers(talk)
    told = answers.encode(
        tokenizer, [Told(text=text, answers=tuple(spans), after=False)], after=0, size=10_000, report=lambda *_: None
    )
    runs: list[list[int]] = []
    before = False
    for token, learned in zip(told.ids.tolist(), told.learned.tolist(), strict=True):
        if learned:
            runs = [*runs[:-1], [*runs[-1], token]] if before else [*runs, [token]]
        before = learned
    return tokenizer, runs, told.ids.tolist()


@EVERY
def test_the_answers_and_what_ends_them_are_learned_and_nothing_else(name: str) -> None:
    tokenizer, runs, ids = _learned(name, TALK)
    end = tokenizer.convert_tokens_to_ids(TEMPLATES[name][0])
    space = " " if name == "mistral" else ""
    said = [one["content"] for one in TALK if one["role"] == "assistant"]
    assert runs == [[*tokenizer(space + one, add_special_tokens=False)["input_ids"], end] for one in said]
    assert ids == tokenizer(tokenizer.decode(ids), add_special_tokens=False)["input_ids"], "nothing is added or lost"
    for other in ("Be brief.", "Hello there, how are you?", "Fine. 你好吗 🙂"):
        assert other in tokenizer.decode(ids)


@EVERY
def test_what_is_learned_follows_what_is_asked(name: str) -> None:
    tokenizer = templates.named(name)
    template = ChatTemplate(tokenizer, HERE)
    opening = tokenizer(template.opening(TALK[:-1]), add_special_tokens=False)["input_ids"]
    _, runs, ids = _learned(name, TALK)
    assert ids[: len(opening)] == opening
    assert ids[len(opening) : len(opening) + len(runs[-1])] == runs[-1]
    assert template.closing == TEMPLATES[name][0]


@EVERY
def test_tool_calls_are_kept_and_learned(name: str) -> None:
    tokenizer, runs, ids = _learned(name, CALLED)
    text = tokenizer.decode(ids)
    first = tokenizer.decode(runs[0])
    assert json.loads(first[first.index("{") : first.rindex("}") + 1]) == {"name": "look", "arguments": {"at": "sky"}}
    assert "blue" in text[text.index("</tool_call>") : text.index("It is blue.")]
    assert len(runs) == 2
    assert "It is blue." in tokenizer.decode(runs[1])


@EVERY
def test_an_empty_answer_is_not_learned(name: str) -> None:
    talk = [dict(one) for one in TALK]
    talk[2]["content"] = " "
    _, runs, _ = _learned(name, talk)
    assert len(runs) == 1
    talk[4]["content"] = ""
    _, runs, _ = _learned(name, talk)
    assert runs == []


@EVERY
def test_a_question_at_the_end_and_parts_of_a_content_are_no_hindrance(name: str) -> None:
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}]
    talk: list[dict[str, Any]] = [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "Fine."},
        *TALK[1:2],
    ]
    tokenizer, runs, ids = _learned(name, talk)
    assert "Hello\nthere" in tokenizer.decode(ids)
    assert "how are you" not in tokenizer.decode(ids)
    assert tokenizer.decode(runs[0]).strip().startswith("Fine.")


@EVERY
def test_two_questions_in_a_row_are_said(name: str) -> None:
    tokenizer, runs, ids = _learned(name, [TALK[1], {"role": "user", "content": "And the sky?"}, TALK[2]])
    assert len(runs) == 1
    assert "how are you?" in tokenizer.decode(ids)
    assert "And the sky?" in tokenizer.decode(ids)


def test_a_tokenizer_without_a_template_gets_a_plain_one_and_keeps_it(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = templates.tokenizer(None, "<|endoftext|>", ())
    template = ChatTemplate(tokenizer, HERE)
    text, spans = template.answers(TALK)
    assert [text[start:end] for start, end in spans] == [
        "I am well, and you?<|endoftext|>",
        "The sky is blue.\n\nTwo and two are four. 🙂<|endoftext|>",
    ]
    assert text.startswith("### System:\nBe brief.\n\n### User:\nHello there")
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_chat_template() == PLAIN
    assert again.apply_chat_template(TALK, tokenize=False) == tokenizer.apply_chat_template(TALK, tokenize=False)


def test_a_template_that_hides_its_answers_is_refused() -> None:
    tokenizer = templates.tokenizer(templates.read("blind"), "</s>", ("<s>",))
    with pytest.raises(UserError, match="has no generation marker, and does not show where an answer begins; put"):
        ChatTemplate(tokenizer, Path("models/blind"))


def test_a_broken_template_and_a_conversation_that_one_refuses_are_said_in_a_sentence() -> None:
    broken = templates.tokenizer("{% for message in %}", "</s>", ("<s>",))
    with pytest.raises(UserError, match=r"The chat template of “here” refuses a conversation \(.+\)\."):
        ChatTemplate(broken, HERE)
    strict = ChatTemplate(templates.tokenizer(templates.read("mistral"), "</s>", ("<s>", "[INST]", "[/INST]")), HERE)
    with pytest.raises(UserError, match="Roles must take turns"):
        strict.answers([{"role": "assistant", "content": "Hi"}, *TALK[1:3]])
