"""A conversation, for the tests that all tasks share."""

from __future__ import annotations

from tests.tasks.fixture import TaskFixture

FIXTURE = TaskFixture(cell=[{"role": "user", "content": "two  words "}, {"role": "assistant", "content": "好"}])
