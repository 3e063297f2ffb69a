"""A server among those who mean it ill: it goes on answering, grows no larger, and is reached from nowhere else."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_llm.child import Child
from desktop_llm.serving import process
from desktop_llm.serving.limits import Entrance, Guard, Limits
from desktop_llm.serving.metrics import Metrics
from desktop_llm.serving.place import Place
from tests.serving.requests import ask, connect, head, read

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.loopback
SECONDS = 6.0
GROWTH = 48 * 1024 * 1024
"""Bytes that a process may be larger after it than before: freed memory is not all given back."""


def _bad_request(address: str, source: random.Random) -> str:
    """One of many kinds; which."""
    kind = source.choice(("garbage", "giant", "slow", "aborted", "half", "method", "deep", "many"))
    good = json.dumps({"text": "soup and bread " * source.randint(1, 40)}).encode()
    with connect(address) as one:
        if kind == "garbage":
            one.sendall(source.randbytes(source.randint(1, 4000)))
        elif kind == "giant":
            one.sendall(head("POST", "/predict", 10**9) + b"x" * 10_000)
            assert read(one)[0] == 413
        elif kind == "slow":
            for piece in (head("POST", "/predict", len(good)), good[:4]):
                one.sendall(piece)
                time.sleep(0.05)
        elif kind == "aborted":
            one.sendall(head("POST", "/predict", len(good)) + good)
        elif kind == "half":
            one.sendall(head("POST", "/predict", len(good))[: source.randint(1, 60)])
        elif kind == "method":
            one.sendall(head("DELETE", f"/{source.random()}", 0))
            assert read(one)[0] == 404
        elif kind == "deep":
            one.sendall(head("POST", "/predict", 4000) + b"[" * 4000)
            assert read(one)[0] in (400, 422)
        else:
            body = json.dumps({"texts": ["soup"] * 300}).encode()
            one.sendall(head("POST", "/predict", len(body)) + body)
            assert read(one)[0] == 413
    return kind


def hard_use(address: str, seconds: float) -> tuple[Counter[str], int]:
    """Bad requests of all kinds from four sides, good ones from two; how many of each kind, and good answers."""
    kinds: Counter[str] = Counter()
    answered = 0
    until = time.monotonic() + seconds
    failures: list[Exception] = []

    def bad(number: int) -> None:
        source = random.Random(number)
        while time.monotonic() < until:
            kinds[_bad_request(address, source)] += 1

    def good() -> None:
        nonlocal answered
        while time.monotonic() < until:
            status, told = ask(address, "/predict", {"texts": ["soup and bread", "a train"]})
            assert status == 200, told
            answered += 1

    def kept(work: Callable[..., None], *words: int) -> None:
        try:
            work(*words)
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the threads
            failures.append(error)

    threads = [threading.Thread(target=kept, args=(bad, number)) for number in range(4)]
    threads += [threading.Thread(target=kept, args=(good,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return kinds, answered


def test_bad_requests_neither_stop_nor_swell_a_server(model: Path) -> None:
    place = Place(port=0, limits=Limits(body=100_000, body_seconds=1.0))
    child = Child(process.serve, str(model), place, name="desktop-llm-serve")
    try:
        said = _first(child)
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
        assert child.close(grace=15) == 0


def _first(child: Child) -> dict[str, object]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for told in child.wait(0.2):
            if isinstance(told, dict):
                return told
    raise AssertionError("the server did not start")


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
