"""Pairs that teach nothing: left out and told, or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_llm.engine import read_back
from desktop_llm.jobs.events import Evaluated, Failed, Finished, Noted
from tests.exported import handed_on
from tests.run_ends import final_of, finish
from tests.run_folders import Kind
from tests.tasks.preference.fixture import rows
from tests.tasks.preference.tiny import LEARN, kind_of, make

GOOD = rows(1)[0]
EMPTY = {**GOOD, "b": "  "}
SAME = {**GOOD, "b": GOOD["a"]}
LONG = {**GOOD, "a": "the old new " * 40}
UNDECIDED = {**GOOD, "label": "tie"}


def test_rows_that_cannot_be_answered_forbid_no_export(tmp_path: Path) -> None:
    told = make(tmp_path / "run", kind_of([{**GOOD, "prompt": "the old new " * 40}, GOOD]), max_steps=2)
    end, _ = finish(told)
    assert isinstance(end, Finished), end
    compared = handed_on(told, tmp_path / "out")
    assert compared.rows == 32  # those that are too long are passed over
    assert compared.same == compared.answers > 0
    learner: Any = LEARN.load(told.model)
    assert read_back._openings(learner, iter([{**GOOD, "prompt": "the old new " * 40}]), 8) == [list(range(16))]


def test_held_out_pairs_of_which_none_is_better_choose_no_model(tmp_path: Path) -> None:
    def of(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        return [{**(UNDECIDED if seed else GOOD), "id": first_id + place} for place in range(count)]

    kind = Kind(task="preference", rows=of, classes=())
    end, heard = finish(make(tmp_path, kind, max_steps=3, eval_steps=1, early_stopping_patience=1))
    assert isinstance(end, Finished), end
    assert end.step == 3
    told = [one for one in heard if isinstance(one, Evaluated)]
    assert [one.best for one in told if not one.final] == [False] * 3
    assert all("loss" not in one.metrics for one in told)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    end, heard = finish(make(tmp_path, kind_of([GOOD, EMPTY, SAME, LONG, UNDECIDED, GOOD]), max_steps=2))
    assert isinstance(end, Finished), end
    said = [one.message for one in heard if isinstance(one, Noted)]
    assert said[0] == (
        "64 of 96 pairs are left out. 16 have no better answer (tie, or both bad). 16 have an empty answer. "
        "16 have the same answer twice. 16 are longer than the 64 tokens that are read at once; “max_length” raises it."
    )
    assert final_of(heard, "test").details["left_out"] == 11
    assert final_of(heard, "test").details["pairs"] == 5


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (EMPTY, "There is no pair to learn from. 96 have an empty answer."),
        (SAME, "There is no pair to learn from. 96 have the same answer twice."),
        (LONG, "There is no pair to learn from. 96 are longer than the 64 tokens that are read at once; “max_length”"),
        (UNDECIDED, "There is no pair to learn from. 96 have no better answer (tie, or both bad)."),
    ],
    ids=["empty", "same", "long", "undecided"],
)
def test_where_nothing_can_be_learned_it_says_why(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    end, _ = finish(make(tmp_path, kind_of([row]), max_steps=2))
    assert isinstance(end, Failed)
    assert end.message.startswith(words)


def test_labels_that_are_mostly_wrong_are_refused(tmp_path: Path) -> None:
    end, _ = finish(make(tmp_path, max_steps=2, label_smoothing_factor=0.5))
    assert isinstance(end, Failed)
    assert end.message.startswith("With “label_smoothing_factor” at 0.5 or more")
