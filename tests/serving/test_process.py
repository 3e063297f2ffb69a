"""A server's way to whoever started it: one who does not listen holds up nobody."""

from __future__ import annotations

import multiprocessing

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
SECONDS = 20
MORE_THAN_A_PIPE_HOLDS = 5_000


def test_a_pipe_that_nobody_reads_does_not_hold_up_who_tells() -> None:
    from desktop_llm.serving.process import Newest

    ours, theirs = multiprocessing.Pipe()
    newest = Newest(theirs.send)
    for count in range(MORE_THAN_A_PIPE_HOLDS):
        newest.put({"requests": count})
    newest.close()
    told: dict[str, int] = {}
    while told != {"requests": MORE_THAN_A_PIPE_HOLDS - 1}:  # what comes last is heard, when somebody listens again
        assert ours.poll(SECONDS)
        told = ours.recv()
    newest.thread.join(SECONDS)
    assert not newest.thread.is_alive()
    ours.close()
    theirs.close()
