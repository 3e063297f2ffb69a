"""One label a text, for the tests that all tasks share."""

from __future__ import annotations

from tests import run_folders
from tests.tasks.fixture import TaskFixture

FIXTURE = TaskFixture(kind=run_folders.FIRST, cell="  two   words ")
