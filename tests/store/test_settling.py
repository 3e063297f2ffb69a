"""The end of an import: sorted, written in short pieces, and never left for a label's commit to bring into the file."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from desktop_llm.store.log import Log
from desktop_llm.store.project import Project
from desktop_llm.store.settling import Settling
from tests.store.conftest import insert


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
