"""Threads that compute give Python up often."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from desktop_llm.gui import precedence


@pytest.fixture
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_as_before")
def test_a_thread_is_asked_ten_times_as_often() -> None:
    sys.setswitchinterval(0.005)
    precedence.take()
    assert sys.getswitchinterval() == pytest.approx(0.0005)
