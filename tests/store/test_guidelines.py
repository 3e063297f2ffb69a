"""Versions of the guideline: which is the newest, how it is found, and those of older projects."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.store import events, schema
from desktop_llm.store.project import FILE, Project
from tests.store.conftest import insert

AT = "2026-01-01T00:00:00.000+00:00"


def test_every_key_finds_the_newest_version_by_one_look_into_an_index(project: Project) -> None:
    for place in range(3):
        project.guidelines.write(f"Rule {place}.")
    with project._connections.reading() as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {events.NEWEST_GUIDELINE}")]
    assert plan == ["SCAN guidelines USING COVERING INDEX guidelines_by_time"]  # from its end, for one row: no sorting
    project.labels.set(3, 1, "Ann")
    assert project.labels.history(3)[-1].guideline == project.guidelines.current() == 3


def test_a_label_that_is_still_being_written_is_given_by_the_words_of_now(project: Project) -> None:
    uid = project.labels.keep(3, 1, "Ann")
    project.guidelines.write("Rule.")
    project.labels.keep(3, 2, "Ann", again=uid)
    assert [(one.after, one.guideline) for one in project.labels.history(3)] == [(2, 1)]


def test_a_text_that_is_too_long_is_refused(project: Project) -> None:
    with pytest.raises(UserError, match="100,001 characters"):
        project.guidelines.write("x" * 100_001)
    with pytest.raises(UserError, match="no label number 99"):
        project.guidelines.describe(99, "x")
    assert project.guidelines.all() == []


@pytest.fixture
def older(project: Project) -> Project:
    """The project as it was when versions of the guideline had no uid, with the first label given by the second."""
    project.labels.set(3, 1, "Ann")
    project.close()
    connection = sqlite3.connect(project.path / FILE)
    with connection:
        connection.execute("DROP TABLE guidelines")
        made = next(part for part in schema.HANDS.split(";\n") if "TABLE guidelines" in part)
        connection.execute(made.strip())
        connection.executemany(
            "INSERT INTO guidelines (text, descriptions, at, labeler) VALUES (?, ?, ?, 'Ann')",
            [
                ("First.", "{}", AT),
                ("Second.", '{"99": "of one that was removed"}', AT),
                ("Second.", '{"2": "For short.", "1": "Agrees: “é”.", "99": "of one that was removed"}', AT),
            ],
        )
        connection.execute("UPDATE classes SET description = 'Agrees: “é”.' WHERE id = 1")
        connection.execute("UPDATE classes SET description = 'For short.' WHERE id = 2")
        connection.execute("UPDATE label_history SET guideline = 2")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'guidelines_of_all_copies'")
        connection.execute(f"PRAGMA user_version = {schema.VERSION - 1}")
    connection.close()
    return project


def test_the_guideline_of_an_older_project_is_kept_version_by_version(older: Project) -> None:
    again = Project.open(older.path)
    try:
        told = [(one.version, one.text, [*one.descriptions.items()]) for one in again.guidelines.all()]
        assert told == [
            (3, "Second.", [(1, "Agrees: “é”."), (2, "For short.")]),
            (2, "Second.", []),
            (1, "First.", []),
        ]
        assert again.guidelines.current() == 3
        assert again.labels.history(3)[-1].guideline == 2
        uids = [one.uid for one in again.joining.guidelines()]
        assert len(set(uids)) == 3
        again.guidelines.describe(2, "", "Ben")
        assert again.guidelines.get().descriptions == {1: "Agrees: “é”."}
        assert again.check() == []
    finally:
        again.close()


def test_guidelines_of_two_older_projects_come_together(older: Project, tmp_path: Path) -> None:
    again = Project.open(older.path)
    other = Project.create(tmp_path / "Other", again.task)
    try:
        insert(other, [("text number 0", "yes"), ("text number 1", "no")])
        other.guidelines.describe(1, "Rather not.", "Ben")  # it came later than all of the other project
        other.joining.take_classes(again.joining.classes())
        assert other.joining.take_guidelines(again.joining.guidelines()) == 3
        now = other.guidelines.get()
        assert (now.text, now.descriptions) == ("Second.", {1: "Rather not.", 2: "For short."})
        assert [one.description for one in other.classes.all()] == ["Rather not.", "For short."]
        again.joining.take_classes(other.joining.classes())
        again.joining.take_guidelines(other.joining.guidelines())
        assert again.joining.guidelines() == other.joining.guidelines()
        assert again.joining.take_guidelines(other.joining.guidelines()) == 0
        assert [one.description for one in again.classes.all()] == ["Rather not.", "For short."]
    finally:
        again.close()
        other.close()
