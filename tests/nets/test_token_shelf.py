"""Token ids on the disk: the same as in memory, made once, and made again where something is wrong with them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.nets import encoding, packing, token_shelf, tokenizer
from desktop_llm.nets.packing import Documents
from desktop_llm.nets.token_shelf import Shelf

TEXTS = ["one two three", "", "two two", "我要一杯茶 three"] * 700
LEARNED = tokenizer.train_exact(TEXTS, 300)


class Read:
    """Texts that know how often they were read."""

    def __init__(self) -> None:
        self.times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return iter(TEXTS)


def _encode(texts: Read, shelf: Shelf | None, *, before: int = 0) -> Documents:
    return packing.encode(LEARNED, texts, before=before, after=0, size=8, report=lambda *_: None, shelf=shelf)


@pytest.mark.parametrize("before", [0, 1])
def test_what_is_kept_is_what_was_made_and_is_made_once(before: int, tmp_path: Path) -> None:
    texts, shelf = Read(), Shelf(tmp_path, "data", "train")
    plain = _encode(Read(), None, before=before)
    for _ in range(2):
        told = _encode(texts, shelf, before=before)
        assert told.row.dtype == np.uint16
        assert isinstance(told.row, np.memmap)
        np.testing.assert_array_equal(told.row, plain.row)
        np.testing.assert_array_equal(told.begins, plain.begins)
        assert len(told) == len(TEXTS)
    assert texts.times == 1


def test_other_data_parts_and_tokenizers_have_places_of_their_own(tmp_path: Path) -> None:
    texts = Read()
    for shelf in (Shelf(tmp_path, "data", "train"), Shelf(tmp_path, "data", "test"), Shelf(tmp_path, "more", "train")):
        _encode(texts, shelf)
    _encode(texts, Shelf(tmp_path, "data", "train"), before=1)
    assert texts.times == 4
    other = tokenizer.train_exact(TEXTS, 270)
    assert encoding.name_of(other) != encoding.name_of(LEARNED) == encoding.name_of(tokenizer.train_exact(TEXTS, 300))


def test_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    texts, shelf = Read(), Shelf(tmp_path, "data", "train")
    made = np.array(_encode(texts, shelf).row)
    path = next(tmp_path.rglob(token_shelf.IDS))
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    np.testing.assert_array_equal(_encode(texts, shelf).row, made)
    assert texts.times == 2


def test_who_stops_leaves_nothing_and_no_text_is_a_row_too(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    shelf = Shelf(tmp_path, "data", "train")
    with pytest.raises(Cancelled):
        packing.encode(LEARNED, TEXTS, before=0, after=0, size=8, report=stop, shelf=shelf)
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]
    for before in (0, 1):
        none = packing.encode(LEARNED, (), before=before, after=0, size=8, report=lambda *_: None, shelf=shelf)
        assert (len(none), len(none.blocks())) == (0, 0)


def test_two_processes_of_a_run_may_make_the_same_at_once(tmp_path: Path) -> None:
    plain, shelf = _encode(Read(), None), Shelf(tmp_path, "data", "train")
    others: list[Documents] = []

    def other_comes(*_: object) -> None:
        if not others:
            others.append(_encode(Read(), shelf))

    told = packing.encode(LEARNED, TEXTS, before=0, after=0, size=8, report=other_comes, shelf=shelf)
    for one in (told, *others):
        np.testing.assert_array_equal(one.row, plain.row)
        np.testing.assert_array_equal(one.begins, plain.begins)
    assert [one.name for one in next(tmp_path.iterdir()).iterdir()] == ["train"]


def test_what_a_killed_process_left_goes_once_nobody_can_be_filling_it(tmp_path: Path) -> None:
    texts, shelf = Read(), Shelf(tmp_path, "data", "train")
    _encode(texts, shelf)
    left = next(tmp_path.iterdir()) / ".train.killed.part"
    left.mkdir()
    (left / token_shelf.IDS).write_bytes(b"half")
    _encode(texts, shelf)
    assert left.exists()
    long_ago = time.time() - 2 * token_shelf.ABANDONED_SECONDS
    for one in (left / token_shelf.IDS, left):
        os.utime(one, (long_ago, long_ago))
    _encode(texts, shelf)
    assert not left.exists()
    assert texts.times == 1


def test_only_what_was_used_last_stays(tmp_path: Path) -> None:
    for place in range(token_shelf.KEPT + 2):
        packing.encode(
            LEARNED,
            TEXTS[:3],
            before=0,
            after=0,
            size=8,
            report=lambda *_: None,
            shelf=Shelf(tmp_path, str(place), "train"),
        )
    assert len(list(tmp_path.iterdir())) == token_shelf.KEPT


def test_a_disk_that_refuses_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="keep the tokens of the texts"):
        _encode(Read(), Shelf(tmp_path / "file", "data", "train"))


def test_chunks_end_by_count_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _encode(Read(), None)
    monkeypatch.setattr(encoding, "CHUNK", 7)
    monkeypatch.setattr(encoding, "CHUNK_CHARACTERS", 20)
    np.testing.assert_array_equal(_encode(Read(), None).row, whole.row)


def test_a_vocabulary_is_learned_from_a_sample_of_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(tokenizer.sampled(lambda: TEXTS)) == TEXTS
    monkeypatch.setattr(tokenizer, "ENOUGH", sum(map(len, TEXTS)) // 3)
    few = list(tokenizer.sampled(lambda: TEXTS))
    assert 0.98 * tokenizer.ENOUGH < sum(map(len, few)) <= tokenizer.ENOUGH
    assert set(few) >= set(TEXTS)
    assert few == list(tokenizer.sampled(lambda: TEXTS))
