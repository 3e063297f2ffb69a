"""A server among those who mean it ill: it goes on answering, grows no larger, and is reached from nowhere else."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_llm.child import Child
from desktop_llm.serving import process
from desktop_llm.serving.limits import Entrance, Guard, Limits
from desktop_llm.serving.metrics import Metrics
from desktop_llm.serving.place import Place
from tests.serving.misuse import first_word, hard_use
from tests.serving.requests import ask

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = [pytest.mark.loopback, pytest.mark.spawned]  # what one swells by is measured as it is in the program
SECONDS = 6.0
GROWTH = 48 * 1024 * 1024
"""Bytes that a process may be larger after it than before: freed memory is not all given back."""


def test_bad_requests_neither_stop_nor_swell_a_server(model: Path) -> None:
    place = Place(port=0, limits=Limits(body=100_000, body_seconds=1.0))
    child = Child(process.serve, str(model), place, name="desktop-llm-serve")
    try:
        said = first_word(child)
        assert "address" in said, said
        address, server = str(said["address"]), psutil.Process(child.pid)
        hard_use(address, 1.0)  # what it takes once is taken
        before = server.memory_info().rss
        kinds, answered = hard_use(address, SECONDS)
        assert len(kinds) == 8
        assert answered
        assert server.is_running()
        assert server.memory_info().rss - before < GROWTH
        assert {one.laddr.ip for one in server.net_connections() if one.status == "LISTEN"} == {"127.0.0.1"}
        end = time.monotonic() + 20
        while server.net_connections("tcp")[1:] and time.monotonic() < end:
            time.sleep(0.1)
        assert len(server.net_connections("tcp")) == 1
        assert ask(address, "/health")[0] == 200
    finally:
        child.send("stop")
        assert child.close(grace=60) == 0


def test_a_stream_that_nobody_reads_is_given_up() -> None:
    ended = False

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal ended
        try:
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            await send({"type": "http.response.body", "body": b"data: x", "more_body": True})
        finally:
            ended = True

    async def receive() -> Any:
        if heard:
            await asyncio.Event().wait()
        heard.append("request")
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":  # the other side takes no more
            await asyncio.Event().wait()

    heard: list[str] = []
    limits = Limits(seconds=0.05, body_seconds=0.05)
    guard = Guard(app, limits, Entrance(), Metrics())
    scope = {"type": "http", "path": "/v1/completions", "headers": []}
    asyncio.run(asyncio.wait_for(guard(scope, receive, send), 20))
    assert ended
