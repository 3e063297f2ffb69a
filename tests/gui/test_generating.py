"""Texts as a model writes them: in order, stopped half way, failed in a sentence, from the engine's own process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop_llm.engine.run import run
from desktop_llm.gui.generating import Generating
from desktop_llm.gui.inference import Line
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from tests import run_folders
from tests.gui import workers
from tests.tasks.language_modelling.fixture import FIXTURE
from tests.windows import LONG


class Heard:
    """Everything that is said, by number."""

    def __init__(self, one: Generating) -> None:
        self.pieces: dict[int, list[Piece]] = {}
        self.endings: dict[int, Ending] = {}
        self.failures: dict[int, str] = {}
        one.came.connect(lambda number, pieces: self.pieces.setdefault(number, []).extend(pieces))
        one.ended.connect(self.endings.__setitem__)
        one.failed.connect(self.failures.__setitem__)

    def text(self, number: int) -> str:
        """What was written under a number."""
        return "".join(piece.text for piece in self.pieces.get(number, ()))


@pytest.fixture
def line(qtbot: QtBot) -> Iterator[Line]:
    one = Line(worker=workers.writing)
    yield one
    one.close()


def _few(count: int) -> Sampling:
    return Sampling(max_new_tokens=count)


def test_texts_come_one_after_the_other(qtbot: QtBot, line: Line, tmp_path: Path) -> None:
    one = Generating(line)
    heard = Heard(one)
    numbers = [one.ask(tmp_path, {"text": "a"}, _few(3)) for _ in range(2)]
    qtbot.waitUntil(lambda: len(heard.endings) == 2, timeout=LONG)
    first, second = numbers
    assert heard.text(first) == heard.text(second) == f"{line.pid} 1 2 3"
    assert heard.pieces[first][0].top == (("a", 0.5),)
    assert heard.endings[first].speed == pytest.approx(30.0)
    assert not one.busy


def test_what_is_stopped_ends_where_it_is_and_what_waits_never_begins(qtbot: QtBot, line: Line, tmp_path: Path) -> None:
    one = Generating(line)
    heard = Heard(one)
    first, second = (one.ask(tmp_path, {"text": "a"}, _few(100_000)) for _ in range(2))
    qtbot.waitUntil(lambda: len(heard.pieces.get(first, ())) > 3, timeout=LONG)
    one.stop()
    qtbot.waitUntil(lambda: len(heard.endings) == 2, timeout=LONG)
    assert heard.endings[first].reason == heard.endings[second].reason == "cancelled"
    assert heard.endings[first].tokens == len(heard.pieces[first]) - 1
    assert second not in heard.pieces
    third = one.ask(tmp_path, {"text": "a"}, _few(1))
    qtbot.waitUntil(lambda: third in heard.endings, timeout=LONG)
    assert heard.endings[third].reason == "length"


def test_it_can_be_stopped_before_its_process_is_there(qtbot: QtBot, line: Line, tmp_path: Path) -> None:
    one = Generating(line)
    heard = Heard(one)
    number = one.ask(tmp_path, {"text": "a"}, _few(100_000))
    one.stop()
    qtbot.waitUntil(lambda: number in heard.endings, timeout=LONG)
    assert heard.endings[number].reason == "cancelled"


def test_of_what_is_dropped_nothing_is_heard(qtbot: QtBot, line: Line, tmp_path: Path) -> None:
    one = Generating(line)
    heard = Heard(one)
    first = one.ask(tmp_path, {"text": "a"}, _few(100_000))
    qtbot.waitUntil(lambda: first in heard.pieces, timeout=LONG)
    one.drop()
    assert not one.busy
    before = len(heard.pieces[first])
    second = one.ask(tmp_path, {"text": "a"}, _few(2))
    qtbot.waitUntil(lambda: second in heard.endings, timeout=LONG)
    assert first not in heard.endings
    assert len(heard.pieces[first]) == before


def test_closing_in_the_middle_leaves_no_process(qtbot: QtBot, tmp_path: Path) -> None:
    line = Line(worker=workers.writing)
    one = Generating(line)
    heard = Heard(one)
    first, second = (one.ask(tmp_path, {"text": "a"}, _few(100_000)) for _ in range(2))
    qtbot.waitUntil(lambda: first in heard.pieces, timeout=LONG)
    pid = int(heard.pieces[first][0].text)
    line.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    qtbot.waitUntil(lambda: {first, second} <= heard.endings.keys(), timeout=LONG)
    assert not one.busy


@pytest.mark.expects_warnings
def test_a_process_that_dies_while_it_writes_is_not_asked_again(qtbot: QtBot, line: Line, tmp_path: Path) -> None:
    one = Generating(line)
    heard = Heard(one)
    numbers = [one.ask(tmp_path, {"text": text}, _few(2)) for text in ("die", "bad", "a")]
    qtbot.waitUntil(lambda: numbers[2] in heard.endings, timeout=LONG)
    assert "ended in the middle of it (signal 9" in heard.failures[numbers[0]]
    assert heard.failures[numbers[1]] == "The model reads at most 8 tokens."
    assert len(heard.pieces[numbers[0]]) == 1


def test_the_engines_own_process_writes_and_stops(qtbot: QtBot, tmp_path: Path) -> None:
    folder = run_folders.make(
        tmp_path, kind=FIXTURE.kind, torch_compile=False, vocab_size=300, max_length=1024, max_steps=2
    )
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    line = Line()
    try:
        one = Generating(line)
        heard = Heard(one)
        short = one.ask(folder.model, {"text": "the a"}, Sampling(max_new_tokens=7, seed=1, temperature=2.0, top_k=0))
        again = one.ask(
            folder.model,
            {"text": "the a"},
            Sampling(max_new_tokens=7, seed=1, temperature=2.0, top_k=0),
            task=FIXTURE.kind.task,
        )
        qtbot.waitUntil(lambda: again in heard.endings, timeout=LONG)
        assert heard.text(short) == heard.text(again) != ""
        assert sum(1 for _ in heard.pieces[short]) == heard.endings[short].tokens
        endless = one.ask(folder.model, {"text": "a"}, Sampling(max_new_tokens=900, temperature=0.0, top_k=1))
        qtbot.waitUntil(lambda: len(heard.pieces.get(endless, ())) > 2, timeout=LONG)
        one.stop()
        qtbot.waitUntil(lambda: endless in heard.endings, timeout=LONG)
        assert heard.endings[endless].reason == "cancelled"
        nothing = one.ask(tmp_path / "nowhere", {"text": "a"}, Sampling())
        qtbot.waitUntil(lambda: nothing in heard.failures, timeout=LONG)
        assert "There is no folder" in heard.failures[nothing]
    finally:
        line.close()
