"""Conversations in blocks: whole, side by side without seeing each other, every token of an answer once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from desktop_llm.nets import answers, attention, causal_model
from desktop_llm.nets.answers import Conversations, Told
from desktop_llm.nets.head_loss import IGNORED
from tests.nets import templates

AFTER = 0


def _made(talks: list[tuple[list[int], list[bool]]], size: int) -> Conversations:
    ids = [np.asarray(one, dtype=np.int32) for one, _ in talks]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in ids])]).astype(np.int64)
    learned = np.asarray([one for _, flags in talks for one in flags], dtype=bool)
    nothing = np.zeros(0, dtype=np.int32)
    flat = np.concatenate(ids) if ids else nothing
    return Conversations(flat, learned, starts, nothing, np.zeros(len(talks) + 1, dtype=np.int64), size, AFTER)


TALKS = st.lists(
    st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=40).map(
        lambda told: ([token for token, _ in told], [flag for _, flag in told])
    ),
    max_size=12,
)


@given(TALKS, st.integers(2, 30), st.booleans())
def test_every_token_of_an_answer_that_is_read_is_learned_once(
    talks: list[tuple[list[int], list[bool]]], size: int, joined: bool
) -> None:
    told = _made(talks, size)
    blocks = told.blocks(joined=joined)
    wanted: Counter[int] = Counter()
    counted = []
    for ids, flags in talks:
        seen = [token for token, flag in zip(ids[1 : size + 1], flags[1 : size + 1], strict=True) if flag]
        wanted.update(seen)
        counted.append(len(seen))
    assert told.counted.tolist() == counted
    if not len(blocks):
        assert not wanted
        return
    batch = blocks.batch(range(len(blocks)), apart=True)
    assert batch["input_ids"].shape == (len(blocks), blocks.width)
    assert blocks.width <= size
    labels = batch["labels"]
    assert Counter(labels[labels != IGNORED].tolist()) == wanted
    assert sorted(place for group in blocks.groups for place in group) == np.flatnonzero(told.counted).tolist()
    assert not joined or sum(told.lengths[group].sum() <= blocks.width for group in blocks.groups) == len(blocks)


def test_blocks_are_filled_by_the_best_fit() -> None:
    sizes = (3, 7, 5, 2, 6, 1)
    told = _made([([1] * (size + 1), [True] * (size + 1)) for size in sizes], 8)
    groups = [sorted(sizes[place] for place in group) for group in told.blocks(joined=True).groups]
    assert groups == [[1, 7], [2, 6], [3, 5]]
    assert len(told.blocks(joined=False)) == len(sizes)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_in_a_block_each_conversation_is_read_as_if_alone(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    model: Any = LlamaForCausalLM(config)
    model.train(False)
    attention.use(model)
    source = np.random.default_rng(0)
    talks = [(source.integers(1, 64, size=size).tolist(), [True] * size) for size in (5, 9, 4, 7)]
    told = _made(talks, 16)
    blocks = told.blocks(joined=True)
    assert blocks.joined
    batch = blocks.batch(range(len(blocks)), apart=True)
    mask = attention.mask_of(batch["documents"], torch.float32)
    with torch.no_grad(), torch.autocast("cpu", dtype=kind, enabled=kind != torch.float32):
        together = causal_model.logits_of(
            model, input_ids=batch["input_ids"], position_ids=batch["position_ids"], attention_mask=mask
        )
        for line, group in enumerate(blocks.groups):
            for number, place in enumerate(group):
                alone = causal_model.logits_of(model, input_ids=torch.tensor([talks[place][0][:-1]]))[0]
                here = together[line, batch["documents"][line] == number]
                torch.testing.assert_close(here, alone, atol=1e-5 if kind == torch.float32 else 3e-2, rtol=1e-3)


def test_openings_stand_at_the_right_where_they_are_asked() -> None:
    tokenizer = templates.named("chatml")
    listed = [
        Told(text="Hello", answers=((0, 5),), after=True, asked="Hi"),
        Told(text="Fine", answers=(), after=False),
        Told(text="", answers=(), after=False, asked="How are you?"),
    ]
    told = answers.encode(tokenizer, listed, after=AFTER, size=8, report=lambda *_: None)
    batch = answers.measured_batch(told, [2, 1, 0])
    assert batch["asked"].tolist() == [0, 2]
    lines = [line[seen.bool()].tolist() for line, seen in zip(batch["openings"], batch["seen"], strict=True)]
    assert lines == [tokenizer(text)["input_ids"] for text in ("How are you?", "Hi")]
    assert bool((batch["seen"][:, -1] == 1).all())
    assert batch["labels"][2].tolist()[-1] == AFTER, "the end of a text is learned, too"
    assert "asked" not in answers.measured_batch(told, [1])
