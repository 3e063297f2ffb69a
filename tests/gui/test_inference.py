"""The warm process: answers, only the newest counts, one restart, idle end, no process left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop_llm.errors import UserError
from desktop_llm.gui import inference
from desktop_llm.gui.inference import Answer, Inference
from tests.gui import workers


@pytest.fixture
def asked(qtbot: QtBot) -> Iterator[Inference]:
    one = Inference(worker=workers.answering)
    yield one
    one.close()


def answer(one: Inference, qtbot: QtBot, folder: Path, text: str) -> Answer:
    with qtbot.waitSignal(one.answered, timeout=20_000) as got:
        number = one.ask(folder, [{"text": text}])
    assert got.args[0] == number
    told = got.args[1]
    assert isinstance(told, Answer)
    return told


def process_of(told: Answer) -> int:
    return int(told.predictions[0].top[0][0])


def test_the_process_stays_warm_between_requests(asked: Inference, qtbot: QtBot, tmp_path: Path) -> None:
    assert asked.line.pid == 0
    first, second = answer(asked, qtbot, tmp_path, "four"), answer(asked, qtbot, tmp_path, "seventh")
    assert (first.predictions[0].label, second.predictions[0].label) == ("4", "7")
    assert process_of(first) == process_of(second) == asked.line.pid


def test_late_answers_are_dropped(asked: Inference, qtbot: QtBot, tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []
    asked.answered.connect(lambda number, told: seen.append((number, told.predictions[0].label)))
    numbers = [asked.ask(tmp_path, [{"text": "x" * size}]) for size in range(1, 30)]
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    asked.line.submit(tmp_path, [{"text": "last in line"}], urgent=False).result(timeout=20)
    qtbot.waitUntil(lambda: seen == [(numbers[-1], "29")])


@pytest.mark.expects_warnings
def test_a_dead_process_is_restarted_once(asked: Inference, qtbot: QtBot, tmp_path: Path) -> None:
    before = process_of(answer(asked, qtbot, tmp_path, "a"))
    after = process_of(answer(asked, qtbot, tmp_path, "die"))
    assert before != after
    with qtbot.waitSignal(asked.failed, timeout=20_000) as told:
        asked.ask(tmp_path, [{"text": "always die"}])
    assert "ended twice (signal 9" in told.args[1]
    assert answer(asked, qtbot, tmp_path, "lives").predictions[0].label == "5"


def test_a_sentence_of_the_engine_is_passed_on(asked: Inference, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(asked.failed, timeout=20_000) as told:
        asked.ask(tmp_path, [{"text": "bad"}])
    assert told.args[1] == "The model folder has no weights."
    with pytest.raises(UserError, match="no weights"):
        asked.line.submit(tmp_path, [{"text": "bad"}], urgent=False).result(timeout=20)


def test_an_idle_process_leaves(
    asked: Inference, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "IDLE_SECONDS", 0.05)
    pid = process_of(answer(asked, qtbot, tmp_path, "a"))
    qtbot.waitUntil(lambda: asked.line.pid == 0, timeout=10_000)
    qtbot.waitUntil(lambda: not os.path.exists(f"/proc/{pid}"), timeout=10_000)


def test_closing_leaves_no_process_and_cancels_what_waits(qtbot: QtBot, tmp_path: Path) -> None:
    one = Inference(worker=workers.answering)
    pid = process_of(answer(one, qtbot, tmp_path, "a"))
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert one.line.submit(tmp_path, [{"text": "late"}], urgent=True).cancelled()
