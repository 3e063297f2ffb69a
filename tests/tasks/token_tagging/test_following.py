"""Spans stay on their words when texts are cleaned or personal data is masked, and come back when that is undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.data.cleaning.step import Step
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import cleaning, personal
from tests.tasks.token_tagging import texts
from tests.tasks.token_tagging.texts import span

MARKED = "<p>Anna&nbsp;Smith   of  <b>New\u200b York</b></p>"
MAIL = "Write to Anna Smith, anna@example.org, in Berlin."


def _on(text: str, *pieces: tuple[str, str]) -> list[dict[str, object]]:
    return [span(text.index(piece), text.index(piece) + len(piece), label) for piece, label in pieces]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three texts with spans, one without a label."""
    made = texts.make(
        tmp_path / "Names",
        [
            (MARKED, _on(MARKED, ("Anna&nbsp;Smith", "person"), ("New\u200b York", "place"))),
            (MAIL, _on(MAIL, ("Anna Smith", "person"), ("anna@example.org", "person"), ("Berlin", "place"))),
            ("nothing  here", []),
            ("not  yet", None),
        ],
    )
    yield made
    made.close()


def _pieces(project: Project) -> dict[str, list[str] | None]:
    return {
        text: None if spans is None else [text[one["start"] : one["end"]] for one in spans]
        for text, spans in texts.held(project).items()
    }


def _steps(*names: str) -> list[Step]:
    return [cleaning.step_named(name) for name in names]


def test_spans_follow_a_text_that_is_cleaned(project: Project) -> None:
    before = _pieces(project)
    done = cleaning.apply(project, _steps("html", "invisible", "whitespace"))
    assert done.cut == 0
    after = _pieces(project)
    assert after["Anna Smith of New York"] == ["Anna Smith", "New York"]
    assert after["nothing here"] == []
    assert after["not yet"] is None
    project.operations.undo(done.operation)
    assert _pieces(project) == before
    project.operations.redo(done.operation)
    assert _pieces(project) == after
    assert project.check() == []


def test_a_masked_piece_keeps_its_label_and_the_others_move(project: Project) -> None:
    done = personal.treat(project, {"email": "mask"})
    assert (done.changed, done.cut) == (1, 0)
    assert _pieces(project)["Write to Anna Smith, [EMAIL], in Berlin."] == ["Anna Smith", "[EMAIL]", "Berlin"]


def test_what_is_cut_is_taken_away_and_counted(project: Project) -> None:
    item = next(item for item in project.items.page(Filter(), 0, 9) if item.content["text"] == MAIL)
    place = next(one.id for one in project.classes.all() if one.name == "place")
    cut = [[MAIL.index("example"), MAIL.index("Berlin") + 3, place], [0, 5, place]]
    project.labels.set(item.id, cut)
    done = personal.treat(project, {"email": "mask"})
    assert done.cut == 1
    assert _pieces(project)["Write to Anna Smith, [EMAIL], in Berlin."] == ["Write"]
