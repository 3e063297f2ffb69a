"""A text in a prompt by the numbers of its tokens: as the template has it, cut where it is too long, never the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from desktop_llm.errors import UserError
from desktop_llm.jobs import prompt
from desktop_llm.nets.chat_template import ChatTemplate
from desktop_llm.nets.prompting import PLAIN, Prompting
from tests.nets import templates
from tests.nets.templates import TEMPLATES

EVERY = pytest.mark.parametrize("name", ["", *TEMPLATES])
HERE = Path("here")
SAY, TEXT, ANSWER = "Say it in other words.", "The sky is blue.", "It is blue. 你好"
LONG = "The sky is blue, and two and two are four. " * 60


def _made(tokenizer: Any, instruction: str = SAY, *, context: int = 1000) -> Prompting:
    template = ChatTemplate(tokenizer, HERE, PLAIN)
    return Prompting(tokenizer, template, instruction, after=tokenizer.eos_token_id, context=context)


@EVERY
def test_prompt_and_answer_are_what_the_template_makes_of_both(name: str) -> None:
    tokenizer: Any = templates.named(name)
    prompting = _made(tokenizer)
    ids, (answer,) = prompting.prompt(TEXT), prompting.answers([ANSWER])
    asked = [{"role": "user", "content": f"{SAY}\n\n{TEXT}"}]
    opening = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert ids == tokenizer(opening, add_special_tokens=False)["input_ids"]
    whole = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": ANSWER}], tokenize=False)
    assert tokenizer.decode([*ids, *answer]) == whole.rstrip()
    end = tokenizer.convert_tokens_to_ids(TEMPLATES[name][0] if name else "</s>")
    assert answer[-1] == end
    assert end not in answer[:-1]
    assert tokenizer.decode(answer[:-1]).strip() == ANSWER
    if name:  # there is no other way to make tokens of the whole
        assert tokenizer(whole, add_special_tokens=False)["input_ids"][: len(ids) + len(answer)] == [*ids, *answer]


@EVERY
def test_of_a_prompt_that_is_too_long_the_text_is_cut(name: str) -> None:
    tokenizer: Any = templates.named(name)
    prompting = _made(tokenizer)
    room = prompting.least + 25
    (short, whole), (ids, cut) = prompting.prompts([TEXT, LONG], [room + 20, room])
    assert (short, whole) == (prompting.prompt(TEXT), False)
    assert cut
    assert room - 6 <= len(ids) <= room
    without, told = tokenizer.decode(prompting.prompt("")), tokenizer.decode(ids)
    begin, _, end = without.partition(SAY)
    assert told.startswith(begin + SAY)
    assert told.endswith(end.lstrip("\n"))
    assert LONG[:30] in told
    (none, cut), *_ = prompting.prompts([LONG], [prompting.least])
    assert cut
    assert len(none) == prompting.least


def test_the_text_stands_where_the_instruction_wants_it() -> None:
    assert prompt.asked("Of “{text}” say more.", TEXT) == f"Of “{TEXT}” say more."
    assert prompt.asked(" ", TEXT) == TEXT
    assert prompt.with_labels("One of {labels}?", ["a", "b c"]) == "One of a, b c?"
    tokenizer: Any = templates.named("chatml")
    told = tokenizer.decode(_made(tokenizer, "Of “{text}” say more.").prompt(TEXT))
    assert f"Of “{TEXT}” say more.<|im_end|>" in told


def test_an_instruction_as_long_as_all_that_is_read_is_refused() -> None:
    with pytest.raises(UserError, match=r"The prompt alone has [\d,]+ tokens, and the model reads 60 at most; shorten"):
        _made(templates.named("chatml"), LONG, context=60)


def test_an_answer_goes_on_where_a_text_would_begin_with_a_space() -> None:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    made.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["<s>", "</s>"], show_progress=False)
    made.train_from_iterator(["card lost\n\ncard found", "lost card"] * 4, trainer)
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")  # type: ignore[no-untyped-call]
    prompting = _made(tokenizer, "")
    told = [tokenizer.convert_ids_to_tokens(ids) for ids in prompting.answers(["card", "lost card"])]
    assert not told[0][0].startswith("▁")
    assert ["".join(one[:-1]) for one in told] == ["card", "lost▁card"]
    assert {one[-1] for one in told} == {"</s>"}
