"""A guard around every test: a warning or error in our log that the test did not announce fails it.

Loaded by conftest.py. A test that provokes warnings says so with the marker `expects_warnings`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

OURS = "desktop_llm"


@pytest.fixture(autouse=True)
def _no_unexpected_log_records(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect our records of WARNING and above, and undo what the test did to our loggers."""
    unexpected: list[str] = []
    make_record = logging.getLogRecordFactory()

    def collecting(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make_record(*arguments, **named)
        if record.levelno >= logging.WARNING and f"{record.name}.".startswith(f"{OURS}."):
            unexpected.append(f"{record.levelname} {record.name}: {record.getMessage()}")
        return record

    ours = logging.getLogger(OURS)
    handlers, level, propagate = list(ours.handlers), ours.level, ours.propagate
    # By the factory, not by a handler: the program's own start-up replaces the handlers.
    logging.setLogRecordFactory(collecting)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make_record)
        for handler in set(ours.handlers) - set(handlers):
            handler.close()
        ours.handlers[:] = handlers
        ours.setLevel(level)
        ours.propagate = propagate
    if unexpected and not request.node.get_closest_marker("expects_warnings"):
        pytest.fail("unexpected in the log:\n" + "\n".join(unexpected), pytrace=False)
