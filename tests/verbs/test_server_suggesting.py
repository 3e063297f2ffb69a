"""Suggestions by a served model: kept, named, ordered; a model that does not fit is refused; nothing else is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import LOOP, Filter, NewItem
from desktop_llm.serving.address import parse
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import naming, server_suggesting
from tests import projects, run_folders
from tests.serving import answering
from tests.serving.answering import DIGEST

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
TASK = TASKS[run_folders.TASK]
LONG = "word " * 30_000
WAITING = ["soup", "a train and a ticket and a map", "bread with soup", LONG]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """104 rows with labels and four without, one of which is too long for a server."""
    made = Project.open(projects.make(tmp_path / "Tickets", waiting=WAITING))
    yield made
    made.close()


def _queue(project: Project) -> list[tuple[str, str, int | None]]:
    found = []
    for row in project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100):
        told = naming.in_names_of_now(project, row, TASK.labels)
        label = str(told.prediction.label) if told.prediction is not None else ""
        found.append((row.content["text"], label, row.predicted_by))
    return found


@pytest.mark.loopback
def test_what_waits_gets_suggestions_the_least_certain_first(project: Project) -> None:
    asked: list[Mapping[str, Any]] = []

    def ask(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        asked.extend(rows)
        return answering.rule(rows)

    fractions: list[float] = []
    with answering.running(ask) as server:
        told, changes = server_suggesting.suggest(
            project, parse(server.address), lambda done, _: fractions.append(done)
        )
    assert changes.predictions
    assert (told.guesses, told.strange, told.unsent, told.stopped) == (3, 0, 1, False)
    assert _queue(project)[:3] == [
        ("soup", "food", LOOP),
        ("bread with soup", "food", LOOP),
        ("a train and a ticket and a map", "travel", LOOP),
    ]
    # the texts alone are sent, and those with a label stay here
    assert sorted(row["text"] for row in asked) == sorted(WAITING[:3])
    assert {name for row in asked for name in row} == {"text"}
    assert fractions == [1.0]
    kept = server_suggesting.last(project)
    assert (kept["name"], kept["digest"], kept["url"], kept["guesses"]) == ("the rule", DIGEST, told.url, 3)
    assert "“the rule” (abababababab)" in told.words()
    assert "1 rows are empty or too long" in told.words()


@pytest.mark.loopback
def test_labels_that_the_project_does_not_have_make_no_suggestion(project: Project) -> None:
    def ask(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        return [
            Prediction(label="weather" if "train" in row["text"] else "food", probability=0.9, uncertainty=0.1)
            for row in rows
        ]

    with answering.running(ask, labels=("food", "weather")) as server:
        told, _ = server_suggesting.suggest(project, parse(server.address))
    assert (told.guesses, told.strange) == (2, 1)
    # what the model knows least about is what it has no name for
    assert _queue(project)[0] == ("a train and a ticket and a map", "", None)
    assert "got a label that the project does not have" in told.words()


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"task": "token_tagging"}, "“the rule” does token_tagging, and this project is"),
        ({"labels": ("rain", "snow")}, "None of the labels of “the rule” (“rain”, “snow” …)"),
    ],
)
def test_a_model_that_does_not_fit_is_sent_nothing(project: Project, told: dict[str, Any], words: str) -> None:
    def ask(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        raise AssertionError("asked")

    with answering.running(ask, **told) as server:
        with pytest.raises(UserError) as raised:
            server_suggesting.suggest(project, parse(server.address))
        assert server.metrics.told()["requests"] == 1
    assert words in raised.value.message
    assert project.suggestions.count() == 0
    assert server_suggesting.last(project) == {}


def test_a_task_without_classes_of_texts_asks_nobody(tmp_path: Path) -> None:
    made = Project.create(tmp_path / "Tags", "token_tagging")
    try:
        with pytest.raises(UserError, match="takes no suggestions from a server"):
            server_suggesting.suggest(made, parse("192.0.2.7:80"))  # the guard of these tests would refuse it
    finally:
        made.close()


@pytest.mark.loopback
def test_what_came_before_a_stop_is_kept(project: Project) -> None:
    texts = [f"soup {place}" for place in range(3 * server_suggesting.ROWS)]
    items = [NewItem(content={"text": text}, label=None) for text in texts]
    project.items.insert("more.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    stop, free = threading.Event(), threading.Event()

    def ask(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        if stop.is_set():
            free.wait(20)
        return answering.rule(rows)

    with answering.running(ask) as server:
        try:
            told, _ = server_suggesting.suggest(
                project, parse(server.address), lambda done, words: stop.set(), stop.is_set
            )
        finally:
            free.set()
        assert told.stopped
        assert 0 < told.guesses < len(texts)
        assert project.suggestions.count() == told.guesses
        assert told.words().startswith("Stopped; ")
        with pytest.raises(Cancelled):
            server_suggesting.suggest(project, parse(server.address), should_stop=lambda: True)
