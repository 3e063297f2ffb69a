"""Personal data of a project: found, let stay, masked or replaced as one operation, and in the way of an export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.data.personal.find import KINDS, Kind
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import personal, saving, staying
from desktop_llm.verbs.staying import Values

TASK = next(iter(TASKS.values()))
ROWS = [
    "Write to jane.doe@mailbox.com, please",
    "jane.doe@mailbox.com or shop@mailbox.com?",
    "call +49 30 2312399 or 13812345678",
    "nothing here",
    "card 4111 1111 1111 1111",
]

EMAIL: tuple[Kind, ...] = ("email",)
PHONE: tuple[Kind, ...] = ("phone",)
SHOP = Values(rows=1, of={"email": ["shop@mailbox.com"]})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Five texts, four with personal data."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": text}, label="a") for text in ROWS]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


@pytest.fixture
def columns(project: Project) -> Project:
    """A further row with personal data in a further field of the content and in further cells."""
    content = {"text": "plain words", "reply": "ask jim@mailbox.com"}
    extra: dict[str, Any] = {"customer": "jane.doe@mailbox.com", "phone": 13812345678, "paid": True, "none": None}
    row = NewItem(content=content, extra=extra, label="a")
    project.items.insert("b.csv", [row], to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    return project


def test_further_columns_are_looked_through_and_told_by_name(columns: Project) -> None:
    found = personal.scan(columns)
    assert dict(found.columns["email"]) == {"text": 3, "reply": 1, "customer": 1}
    assert dict(found.columns["phone"]) == {"text": 2, "phone": 1}
    assert (found.rows, found.open["email"]) == (6, 5)
    assert [(one.row, one.column, one.main) for one in found.examples["email"]][-2:] == [
        (6, "reply", False),
        (6, "customer", False),
    ]


def test_further_columns_are_masked_in_the_same_operation_and_undone_with_it(columns: Project) -> None:
    before = columns.items.get(6)
    done = personal.treat(columns, {"email": "mask", "phone": "mask"})
    assert done.changed == 4
    after = columns.items.get(6)
    assert before is not None
    assert after is not None
    assert after.content == {"text": "plain words", "reply": "ask [EMAIL]"}
    assert after.extra == {"customer": "[EMAIL]", "phone": "[PHONE]", "paid": True, "none": None}
    assert personal.scan(columns).open == {"card": 1}
    columns.operations.undo(done.operation)
    assert columns.items.get(6) == before


def test_a_column_that_changed_since_is_left_alone(columns: Project) -> None:
    done = personal.treat(columns, {"email": "mask"})
    columns.operations.apply("by hand", "by hand", [Edit(item=6, extra={"customer": "nobody"})])
    outcome = columns.operations.undo(done.operation)
    assert (outcome.changed, outcome.left) == (2, 1)
    row = columns.items.get(6)
    assert row is not None
    assert (row.extra, row.content["reply"]) == ({"customer": "nobody"}, "ask jim@mailbox.com")


def test_saved_rows_hold_no_cell_that_was_not_reviewed(columns: Project, tmp_path: Path) -> None:
    personal.treat(columns, dict.fromkeys(KINDS, "mask"))
    saving.save(columns, Filter(), tmp_path / "rows.csv", "csv")
    assert "mailbox" not in (tmp_path / "rows.csv").read_text("utf-8")


def test_values_of_further_columns_may_stay(columns: Project) -> None:
    staying.keep(columns, personal.there(columns, EMAIL))
    assert "email" not in personal.scan(columns).open


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
    staying.keep(project, SHOP)
    found = personal.scan(project)
    assert (found.open["email"], found.kept["email"]) == (2, 1)
    assert "mailbox" not in str([project.decisions.standing(staying.OPERATION), project.operations.all()])
    phones = personal.there(project, PHONE)
    assert (phones.rows, len(phones.of["phone"])) == (1, 2)
    staying.keep(project, phones)
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
    kept = staying.keep(project, personal.there(project, ("email", "phone", "card")))
    personal.must_be_reviewed(project, number)
    project.operations.undo(kept.operation)
    with pytest.raises(UserError, match="6 finds"):
        personal.must_be_reviewed(project, number)


def test_that_values_may_stay_is_undone_and_done_again(project: Project) -> None:
    shop = staying.keep(project, SHOP, labeler="Ada")
    every = staying.keep(project, personal.there(project, ("email", "card")))
    assert staying.keep(project, SHOP).operation == 0  # it says nothing new
    told = [(one.title, one.count, one.labeler) for one in project.operations.all()]
    assert told == [
        ("Personal data: e-mail addresses, bank cards may stay", 3, ""),
        ("Personal data: e-mail addresses may stay", 1, "Ada"),
    ]
    project.operations.undo(every.operation)
    found = personal.scan(project)
    assert (found.open["email"], found.open["card"], dict(found.kept)) == (2, 1, {"email": 1})
    project.operations.undo(shop.operation)
    assert personal.scan(project).kept == {}
    project.operations.redo(every.operation)
    assert "email" not in personal.scan(project).open


def test_what_was_let_stay_by_earlier_versions_still_may(project: Project) -> None:
    known = staying.Kept(project).hash("email", "shop@mailbox.com")
    project.notes.put(staying.EARLIER, {"email": known})
    assert personal.scan(project).kept == {"email": 1}


def test_a_project_that_is_open_elsewhere_is_looked_through_but_not_changed(project: Project) -> None:
    staying.keep(project, SHOP)
    other = Project.open(project.path)
    assert personal.scan(other).kept["email"] == 1
    with pytest.raises(UserError, match="can only be read now"):
        personal.treat(other, {"email": "mask"})
    with pytest.raises(UserError, match="can only be read now"):
        staying.keep(other, SHOP)
    other.close()
