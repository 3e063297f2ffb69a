"""The end of an import: sorted, written in short pieces, and never left for a label's commit to bring into the file."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from desktop_llm.rows import ImportProgress, NewItem
from desktop_llm.store import known
from desktop_llm.store.hashing import content_hash, key_of
from desktop_llm.store.log import Log
from desktop_llm.store.project import Project
from desktop_llm.store.settling import Settling
from tests.store.conftest import TASK, Rows, insert


def test_the_log_hears_of_all_that_is_sorted_at_the_end(project: Project) -> None:
    heard: list[int] = []

    class Heard(Log):
        def grew(self, rows: int) -> None:
            heard.append(rows)
            super().grew(rows)

    connections, rows = project._connections, 2_500
    with closing(Heard(connections)) as log, closing(Settling(connections, log, 31, lambda: False)) as settling:
        settling.add(np.arange(rows), ["1"] * rows)
        settling.finish("")
    assert sum(heard) == 2 * rows  # their keys and their classes


def test_a_text_that_became_known_while_the_import_went_on_is_not_kept_twice(project: Project) -> None:
    texts = [f"more {place}" for place in range(3_000)]
    third = content_hash({"text": texts[2_500]})

    def meanwhile(done: ImportProgress) -> None:
        with project._connections.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO keys (key, item) VALUES (?, 3)", (key_of(third),))

    told = project.items.insert(
        "more.csv",
        [NewItem(content={"text": text}, label="yes") for text in texts],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
        on_progress=meanwhile,
    )
    assert (told.imported, told.duplicates) == (2_999, 1)
    assert project.items.counts().total == 30 + 2_999
    row = project.items.get(3)
    assert row is not None
    assert row.value == project.classes.ensure(["yes"])["yes"]  # it had no label
    assert project.check() == []


def test_many_rows_find_their_known_texts_in_memory(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "ASKED_SINGLY", 1_000)
    rows: Rows = [(f"more {place}", "yes") for place in range(4_000)]
    assert insert(project, rows).imported == 4_000
    again = insert(project, [*((f"new {place}", None) for place in range(4_000)), *rows, ("text number 2", "yes")])
    assert (again.imported, again.duplicates, again.labeled) == (4_000, 4_001, 1)
    monkeypatch.setattr(known, "MOST_AT_HAND", 10)
    assert insert(project, rows).duplicates == 4_000
    assert project.check() == []


def test_a_new_import_looks_at_hidden_rows_alone(project: Project) -> None:
    insert(project, [(f"more {place}", "yes") for place in range(3_000)])
    said: list[str] = []
    with project._connections.reading() as connection:
        connection.set_trace_callback(said.append)
    insert(project, [("one more", "no")])
    connection.set_trace_callback(None)
    swept = [sql for sql in said if sql.startswith("DELETE FROM class_items")]
    assert swept
    for sql in swept:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert all(step.startswith("SEARCH class_items USING PRIMARY KEY (class=? AND item>?)") for step in plan), plan
