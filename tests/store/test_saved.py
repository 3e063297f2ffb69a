"""Filters with a name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project


def test_filters_are_kept_by_name_and_forgotten(project: Project, reopened: Callable[[], Project]) -> None:
    long, wrong = Filter(min_length=100, show="unlabeled"), Filter(disagrees=True, predicted="no")
    project.filters.put("  to   look at ", wrong)
    project.filters.put("Long", Filter())
    project.filters.put("Long", long)
    again = reopened()
    assert list(again.filters.all().items()) == [("Long", long), ("to look at", wrong)]
    again.filters.remove("Long")
    assert again.filters.all() == {"to look at": wrong}
    again.close()


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_filter_needs_a_name(project: Project, name: str) -> None:
    with pytest.raises(UserError, match="needs a name"):
        project.filters.put(name, Filter())


def test_what_a_newer_version_wrote_is_left_out(project: Project) -> None:
    with project._connections.writing() as connection:
        connection.execute('INSERT INTO meta VALUES (\'filters\', \'{"odd": {"colour": 3}, "fine": {"text": "a"}}\')')
    assert project.filters.all() == {"fine": Filter(text="a")}
