"""The better answer, for the tests that all tasks share."""

from __future__ import annotations

from tests.tasks.fixture import TaskFixture

FIXTURE = TaskFixture(cell=" Answer_B ")
