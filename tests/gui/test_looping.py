"""The model in the loop behind the window: it hears of labels, and its guesses are there, also after a restart."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.looping import Looping
from desktop_llm.rows import LOOP, Changes, Filter
from desktop_llm.store.project import Project
from tests import run_folders
from tests.gui.pages.conftest import Rows, hub, opened  # noqa: F401 - fixtures

TRUTH = [(row["text"], row["label"]) for row in run_folders.rows(120, seed=4)]
SECONDS = 60_000


@pytest.fixture
def project(opened: Callable[[Rows], Project]) -> Project:  # noqa: F811 - the fixture
    """A hundred texts, two of them labeled, so that both classes are there."""
    labels = [name for _, name in TRUTH]
    first = {labels.index(name) for name in dict.fromkeys(labels)}
    return opened([(text, name if place in first else None) for place, (text, name) in enumerate(TRUTH[:100])])


def _label(hub: Hub, project: Project, count: int) -> None:  # noqa: F811
    """Label the next rows as a person would: on disk, then the window hears of it."""
    truth, numbers = dict(TRUTH), {name: number for number, name in project.classes.names().items()}
    for row in project.items.queue(Filter(show="unlabeled"), "file", None, count):
        project.labels.set(row.id, numbers[truth[row.content["text"]]])
        hub.changed.emit(Changes(labels=True))


def _idle(qtbot: QtBot, hub: Hub, looping: Looping) -> None:  # noqa: F811
    qtbot.waitUntil(lambda: not looping.busy and hub.background.idle, timeout=SECONDS)


def test_guesses_are_there_from_the_twentieth_label_on(qtbot: QtBot, hub: Hub, project: Project) -> None:  # noqa: F811
    """Then anew after every twenty; before that the order alone is the loop's."""
    looping = hub.looping
    looping.choose(on=True)
    _idle(qtbot, hub, looping)
    assert project.ordering.has_any()
    assert project.suggestions.count() == 0
    _label(hub, project, 17)
    _idle(qtbot, hub, looping)
    assert project.suggestions.count() == 0
    with qtbot.waitSignal(hub.changed, timeout=SECONDS, check_params_cb=lambda told: told.predictions):
        _label(hub, project, 1)
    _idle(qtbot, hub, looping)
    row = project.items.queue(Filter(show="unlabeled"), "uncertain", None, 1)[0]
    assert row.predicted_by == LOOP
    with qtbot.waitSignal(hub.changed, timeout=SECONDS, check_params_cb=lambda told: told.predictions):
        _label(hub, project, 20)
    _idle(qtbot, hub, looping)
    assert [one.labels for one in looping.curve] == [2, 20, 40]
    assert looping.curve[-1].asked == 20
    assert looping.curve[-1].agreed >= 15


def test_what_was_chosen_and_found_is_there_after_a_restart(qtbot: QtBot, hub: Hub, project: Project) -> None:  # noqa: F811
    """The guesses at once, before anything is learned again."""
    _label(hub, project, 30)
    hub.looping.choose(on=True, wanted="disagreement")
    _idle(qtbot, hub, hub.looping)
    count, path = project.suggestions.count(), project.path
    assert count > 0
    hub.close_project()
    qtbot.waitUntil(lambda: hub.background.idle)
    with qtbot.waitSignal(hub.project_opened):
        hub.open_project(path)
    assert hub.project is not None
    assert hub.project.suggestions.count() == count
    assert hub.looping.choice.on
    assert hub.looping.choice.wanted == "disagreement"
    assert [one.labels for one in hub.looping.curve] == [32]
    _idle(qtbot, hub, hub.looping)


def test_a_killed_process_is_started_again(qtbot: QtBot, hub: Hub, project: Project) -> None:  # noqa: F811
    """Nothing but a few guesses is late."""
    _label(hub, project, 20)
    looping = hub.looping
    looping.choose(on=True)
    _idle(qtbot, hub, looping)
    assert looping.pid > 0
    os.kill(looping.pid, signal.SIGKILL)
    with qtbot.waitSignal(looping.failed, timeout=SECONDS):
        _label(hub, project, 20)
    _idle(qtbot, hub, looping)
    with qtbot.waitSignal(hub.changed, timeout=SECONDS, check_params_cb=lambda told: told.predictions):
        _label(hub, project, 20)
    _idle(qtbot, hub, looping)
    assert looping.curve[-1].labels == 62


def test_doubts_and_advice(qtbot: QtBot, hub: Hub, project: Project) -> None:  # noqa: F811
    """Asked by hand, whether the loop is on or not."""
    _label(hub, project, 60)
    with qtbot.waitSignal(hub.looping.doubts_found, timeout=SECONDS) as found:
        hub.looping.find_mistakes()
    assert found.args is not None
    assert project.doubts.count() == len(found.args[0].doubts)
    _idle(qtbot, hub, hub.looping)
    with qtbot.waitSignal(hub.looping.advised, timeout=SECONDS) as advised:
        hub.looping.advise(100)
    assert advised.args is not None
    assert advised.args[0].more == 100
    _idle(qtbot, hub, hub.looping)


def test_what_it_says_while_it_works_ends_with_the_work(qtbot: QtBot, hub: Hub, project: Project) -> None:  # noqa: F811
    """Looking ahead and what was cancelled leave the words of before."""
    looping = hub.looping
    _label(hub, project, 58)
    looping.choose(on=True)
    _idle(qtbot, hub, looping)
    words = looping.state
    assert "60 labels" in words
    with qtbot.waitSignal(looping.advised, timeout=SECONDS):
        looping.advise(100)
    _idle(qtbot, hub, looping)
    assert looping.state == words
    looping.find_mistakes()
    assert looping.state == "learning…"
    assert looping._work is not None
    looping._work.cancel()
    _idle(qtbot, hub, looping)
    assert looping.state == words
