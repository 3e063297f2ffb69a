"""Personal data of a project: found, let stay, masked or replaced as one operation, and in the way of an export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import personal

TASK = next(iter(TASKS.values()))
ROWS = [
    "Write to jane.doe@mailbox.com, please",
    "jane.doe@mailbox.com or shop@mailbox.com?",
    "call +49 30 2312399 or 13812345678",
    "nothing here",
    "card 4111 1111 1111 1111",
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Five texts, four with personal data."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": text}, label="a") for text in ROWS]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def texts(project: Project) -> list[str]:
    """All texts."""
    return [item.content["text"] for item in project.items.page(Filter(), 0, 100)]


def test_finds_are_counted_and_shown_in_their_texts(project: Project) -> None:
    told: list[float] = []
    found = personal.scan(project, on_progress=told.append)
    assert (found.rows, dict(found.open), dict(found.kept)) == (5, {"email": 3, "phone": 2, "card": 1}, {})
    first = found.examples["email"][0]
    assert (first.row, first.text[first.found.start : first.found.end]) == (1, "jane.doe@mailbox.com")
    assert told[-1] == 1.0


def test_values_that_may_stay_are_known_wherever_they_come_up(project: Project) -> None:
    assert personal.keep(project, "email", ["shop@mailbox.com"]) == 1
    found = personal.scan(project)
    assert (found.open["email"], found.kept["email"]) == (2, 1)
    assert "mailbox" not in str(project.notes.get(personal.KEPT, default={}))
    assert personal.keep(project, "phone") == 2
    assert personal.scan(project).open.get("phone", 0) == 0
    personal.treat(project, {"email": "mask"})
    assert texts(project)[1] == "[EMAIL] or shop@mailbox.com?"


def test_each_kind_in_its_way_and_all_of_it_undone(project: Project) -> None:
    done = personal.treat(project, {"email": "replace", "phone": "blocks", "card": "mask"}, labeler="Ada")
    after = texts(project)
    assert done.changed == 4
    assert after[2] == "call ██████████████ or ███████████"
    assert after[4] == "card [CARD]"
    jane = after[0].removeprefix("Write to ").removesuffix(", please")
    assert jane.endswith("@example.org")
    # the same person has the same pseudonym everywhere
    assert after[1].startswith(f"{jane} or person.")
    assert personal.scan(project).open == {}
    assert project.operations.all()[0].details["ways"]["card"] == "mask"
    project.operations.undo(done.operation)
    assert texts(project) == ROWS


def test_stopped_nothing_has_changed(project: Project) -> None:
    with pytest.raises(Cancelled):
        personal.treat(project, {"email": "mask"}, should_stop=lambda: True)
    assert texts(project) == ROWS


def test_a_model_of_unreviewed_texts_is_not_exported_where_that_is_wanted(project: Project) -> None:
    number = project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
    folder = project.runs.folder(number)
    folder.path.mkdir(parents=True, exist_ok=True)
    rows = [{"id": place, "label": "a", "text": text} for place, text in enumerate(ROWS, 1)]
    snapshot.write(folder.snapshot, {"train": rows})
    personal.must_be_reviewed(project, number)
    personal.set_refuses(project, refuse=True)
    with pytest.raises(UserError, match=r"learned from 4 texts with personal data .* \(6 finds\)"):
        personal.must_be_reviewed(project, number)
    for kind in ("email", "phone", "card"):
        personal.keep(project, kind)
    personal.must_be_reviewed(project, number)


def test_a_project_that_is_open_elsewhere_is_looked_through_but_not_changed(project: Project) -> None:
    personal.keep(project, "email", ["shop@mailbox.com"])
    other = Project.open(project.path)
    assert personal.scan(other).kept["email"] == 1
    with pytest.raises(UserError, match="can only be read now"):
        personal.treat(other, {"email": "mask"})
    other.close()
