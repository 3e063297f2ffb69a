"""Texts in a row, in blocks, and in windows: every token is foretold once, and never from another text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from desktop_llm.nets import packing, tokenizer
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.nets.packing import Documents

BEFORE, AFTER = 1, 2


def _documents(lengths: list[int], size: int, *, same: bool) -> Documents:
    row, begins, token = [AFTER] if same else [], [0], 10
    for length in lengths:
        own = range(token, token + length)
        token += length
        row += [*own, AFTER] if same else [BEFORE, *own, AFTER]
        begins.append(len(row) - int(same))
    ids = np.asarray(row, dtype=np.uint16)
    return Documents(ids, np.asarray(begins, dtype=np.int64), AFTER if same else BEFORE, AFTER, size)


def _pairs(documents: Documents) -> set[tuple[int, int]]:
    """(token, what follows) of all texts, each between its own ends."""
    found = set()
    for place in range(len(documents)):
        whole = documents.whole(place).tolist()
        assert (whole[0], whole[-1]) == (documents.before, documents.after)
        assert len(whole) == documents.lengths[place] + 1
        found |= set(pairwise(whole))
    return found


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("lengths", "size"), [([3, 0, 7, 1, 12], 4), ([2], 8), ([5, 5, 5], 6), ([40], 7)])
def test_blocks_foretell_what_the_texts_do(lengths: list[int], size: int, same: bool) -> None:
    documents = _documents(lengths, size, same=same)
    blocks = documents.blocks()
    batch = blocks.batch(range(len(blocks)), apart=True)
    assert batch["input_ids"].shape == batch["labels"].shape == (len(blocks), blocks.width)
    assert blocks.lengths.tolist() == [blocks.width] * len(blocks)
    told = set(zip(batch["input_ids"].flatten().tolist(), batch["labels"].flatten().tolist(), strict=True))
    assert told - {(AFTER, BEFORE)} == _pairs(documents)


@pytest.mark.parametrize("same", [True, False])
def test_places_know_their_text_and_count_from_its_beginning(same: bool) -> None:
    documents = _documents([3, 0, 7], 4, same=same)
    blocks = documents.blocks()
    batch = blocks.batch(range(len(blocks)), apart=True)
    for ids, texts, places in zip(
        *(batch[name].tolist() for name in ("input_ids", "documents", "position_ids")), strict=True
    ):
        for at, (token, text, place) in enumerate(zip(ids, texts, places, strict=True)):
            assert place == next(back for back in range(at + 1) if at - back == 0 or texts[at - back - 1] != text)
            if token >= 10:
                assert token in documents.whole(text)


def test_blocks_of_one_text_need_not_be_kept_apart() -> None:
    assert not _documents([40], 7, same=True).blocks().cut
    assert _documents([40, 2], 7, same=True).blocks().cut
    assert len(_documents([], 7, same=True).blocks()) == 0


def test_long_texts_are_measured_in_windows() -> None:
    batch = packing.texts_batch(_documents([6, 0, 2], 4, same=False), [0, 1, 2])
    assert batch["input_ids"].tolist() == [[1, 10, 11, 12], [13, 14, 15, 2], [1, 2, 2, 2], [1, 16, 17, 2]]
    assert batch["labels"].tolist() == [
        [10, 11, 12, 13],
        [14, 15, 2, IGNORED],
        [2, IGNORED, IGNORED, IGNORED],
        [16, 17, 2, IGNORED],
    ]
    assert batch["owner"].tolist() == [0, 0, 1, 2]
    assert batch["ends"].tolist() == [6, 8, 14]


def test_texts_come_back_from_their_tokens() -> None:
    texts = ["To be, or\n not  to BE\t", "我要一杯茶。", "🎉 naïve <|endoftext|>", ""]
    for size in (257, 300):
        learned = tokenizer.train_exact(texts * 3, size)
        assert len(learned) <= size
        told = packing.encode(learned, texts, before=0, after=0, size=8, report=lambda *_: None)
        assert (told.row == learned.eos_token_id).sum() == len(texts) + 1
        for place, text in enumerate(texts):
            assert learned.decode(told.whole(place)[1:-1].tolist()) == text
        if size == 257:
            assert told.lengths.tolist() == [len(text.encode()) + 1 for text in texts]
    learned = tokenizer.train_characters(texts, 1000)
    told = packing.encode(learned, [*texts, "ヴ"], before=0, after=0, size=8, report=lambda *_: None)
    assert [int(length) - 1 for length in told.lengths] == [*map(len, texts), 3]  # what is new is told by its bytes
    for place, text in enumerate([*texts, "ヴ"]):
        assert learned.decode(told.whole(place)[1:-1].tolist()) == text
    few = tokenizer.train_characters(texts, 260)
    assert len(few) == 260
    assert few.decode(few("naïve tea", add_special_tokens=False)["input_ids"]) == "naïve tea"
    assert torch.equal(*(torch.tensor(tokenizer.train_exact(texts * 3, 290).encode("我要 to be")) for _ in range(2)))


def test_few_tokens_may_have_high_numbers() -> None:
    made = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer(models.BPE(vocab={"a": 0, "b": 70_000}, merges=[]))
    )
    told = packing.encode(made, ["ab"], before=0, after=0, size=8, report=lambda *_: None)
    assert told.row.tolist() == [0, 0, 70_000, 0]
