"""Keys of a million rows and more are sorted in little memory, and texts that come twice are found anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store import keys, log, settling
from desktop_llm.store.hashing import content_hash, key_of
from desktop_llm.store.keys import Keys, keys_of
from desktop_llm.store.known import AtHand
from desktop_llm.store.project import Project
from tests.store.conftest import insert


def test_a_key_is_the_beginning_of_a_hash() -> None:
    digests = [content_hash({"text": f"text {place}"}) for place in range(100)]
    assert keys_of(b"".join(digests)).tolist() == [key_of(one) for one in digests]
    assert min(map(key_of, digests)) < 0 < max(map(key_of, digests))


@pytest.mark.parametrize("part", [4, 50, 1000])
@pytest.mark.parametrize("run", [5, 100, 1000])
def test_keys_come_back_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int, part: int) -> None:
    monkeypatch.setattr(keys, "RUN", run)
    monkeypatch.setattr(keys, "PART", part)
    source = np.random.default_rng(0)
    told = source.integers(-(2**63), 2**63 - 1, 600)
    told[::7] = told[3]
    gathered = Keys(tmp_path, 11)
    for some in np.array_split(told, 13):
        gathered.add(some)
    parts = list(gathered.sorted())
    gathered.close()
    assert not list(tmp_path.iterdir())
    found = [pair for part in parts for pair in zip(part.keys.tolist(), part.items.tolist(), strict=True)]
    assert found == sorted((key, place) for place, key in enumerate(told.tolist(), 11))
    full = [part.keys for part in parts if len(part.keys)]
    assert all(one[-1] < two[0] for one, two in pairwise(full))


def test_no_keys_are_no_keys(tmp_path: Path) -> None:
    assert list(Keys(tmp_path, 1).sorted()) == []


def test_a_folder_that_takes_no_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "RUN", 1)
    with pytest.raises(UserError, match="gather the rows"):
        Keys(tmp_path / "missing", 1).add(np.array([1]))


@pytest.mark.parametrize("seed", range(8))
def test_of_equal_texts_the_first_stays_with_the_first_label(
    project: Project, monkeypatch: pytest.MonkeyPatch, reopened: Callable[[], Project], seed: int
) -> None:
    for module, name in (
        (keys, "RUN"),
        (keys, "PART"),
        (settling, "ROWS_A_PIECE"),
        (settling, "CLASSES_AT_ONCE"),
        (log, "ROWS"),
    ):
        monkeypatch.setattr(module, name, 7 + seed)
    source = random.Random(seed)
    labels = {f"text number {place}": ("yes", "no", None)[place % 3] for place in range(30)}
    for turn in range(3):
        rows: list[tuple[str, str | None]] = [
            (f"text number {source.randrange(20 * turn, 60 * (turn + 1))}", source.choice(("yes", "no", "maybe", None)))
            for _ in range(150)
        ]
        new = conflicts = came = 0
        for text, label in rows:
            new += text not in labels
            old = labels.setdefault(text, None)
            if label is not None and old is None:
                labels[text] = label
                came += 1
            conflicts += label is not None and old is not None and label != old
        told = insert(project, rows, f"{turn}.csv")
        assert (told.imported, told.labeled, told.conflicts, told.duplicates) == (new, came, conflicts, 150 - new)
    project = reopened()
    names = project.classes.names()
    found = {one.content["text"]: one.value for one in project.items.page(Filter(), 0, 1000)}
    assert {text: None if value is None else names[value] for text, value in found.items()} == labels
    for one in project.classes.all():
        assert one.count == project.items.count(Filter(class_id=one.id)) == list(labels.values()).count(one.name)
    counts = project.items.counts()
    assert counts.labeled == sum(counts.by_class.values()) == len(labels) - list(labels.values()).count(None)
    assert project.check() == []
    project.close()


@given(here=st.sets(st.integers(-(2**63), 2**63 - 1), max_size=50), others=st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_keys_at_hand_are_found_among_others(here: set[int], others: list[int]) -> None:
    # of some of them the end alone is the same
    told = [*others, *here, *(key ^ 1 << 62 for key in here)]
    found = AtHand(np.array(sorted(here), np.int64)).among(np.array(told, np.int64))
    assert found.tolist() == [key for key in told if key in here]
