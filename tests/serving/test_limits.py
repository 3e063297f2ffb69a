"""The guard around the service, asked without a network."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("fastapi")

from desktop_llm.serving.limits import Entrance, Guard, Limits
from desktop_llm.serving.metrics import Metrics

Message = dict[str, Any]


def _counted_at_the_end(token: str, stream: bool) -> tuple[list[int], int]:
    """The requests counted as each piece of the answer left, and those counted after all of it."""
    metrics = Metrics()
    counts: list[int] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if stream:
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            counts.append(metrics.told()["requests"])

    scope = {"type": "http", "path": "/predict", "headers": []}
    asyncio.run(Guard(app, Limits(), Entrance(token=token), metrics)(scope, receive, send))
    return counts, metrics.told()["requests"]


@pytest.mark.parametrize(
    ("token", "stream", "counts"), [("", False, [1]), ("", True, [0, 1]), ("a token that nobody gives", False, [1])]
)
def test_whoever_has_the_whole_answer_finds_it_counted_once(token: str, stream: bool, counts: list[int]) -> None:
    assert _counted_at_the_end(token, stream) == (counts, 1)
