"""Verbs in a process of their own: answers, refusals, defects and deaths come back, and a cancel ends them cleanly."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui import elsewhere


def share(value: int) -> int:
    """A part of 84; refuses what is below nothing, and has a defect for nothing."""
    if value < 0:
        raise UserError("That is too little.", details="below nothing")
    return 84 // value


def die() -> None:
    """As the kernel ends a process that has taken too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def fill(folder: Path) -> None:
    """Begin to write a folder and never end."""
    with atomic.new_folder(folder):
        (folder.parent / "begun").touch()
        while True:
            time.sleep(0.01)


def never() -> bool:
    """Nobody cancels."""
    return False


def test_an_answer_comes_back() -> None:
    assert elsewhere.call(never, share, 2) == 42


def test_a_refusal_comes_back_with_its_details() -> None:
    with pytest.raises(UserError, match="too little") as refused:
        elsewhere.call(never, share, -1)
    assert refused.value.details == "below nothing"


def test_a_defect_comes_back_as_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        elsewhere.call(never, share, 0)


def test_a_death_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"ended by itself .*signal 9"):
        elsewhere.call(never, die)


def test_a_cancel_takes_away_what_was_half_written(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        elsewhere.call((tmp_path / "begun").exists, fill, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["begun"]
