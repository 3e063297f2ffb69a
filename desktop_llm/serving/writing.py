"""A model that writes, behind OpenAI's shapes: whole answers, or piece by piece as server-sent events.

It writes one text at a time, in a thread of its own; others wait in line, and one whose reader has gone ends at its
next token.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs import generation
from desktop_llm.jobs.generation import BETWEEN, Ending, Piece, Sampling
from desktop_llm.serving.limits import Limits, Refused
from desktop_llm.serving.metrics import Metrics
from desktop_llm.serving.shapes import Chat, Completion

Row = Mapping[str, Any]
Write = Callable[[Row, Sampling, Callable[[], bool]], Iterator[Piece | Ending]]
REASONS = {"end": "stop", "stop": "stop", "length": "length", "context": "length", "cancelled": "length"}


class Pen:
    """The one thread that writes, and the line before it."""

    def __init__(self, write: Write, limits: Limits, metrics: Metrics) -> None:
        """`write(row, sampling, should_stop)` goes on from a row, piece by piece."""
        self._write, self._limits, self._metrics = write, limits, metrics
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._stopping = threading.Event()

    async def close(self) -> None:
        """End what is being written."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    async def pieces(self, row: Row, told: Sampling) -> AsyncGenerator[Piece | Ending, None]:
        """What is written, as it comes, the ending last. Raises Refused."""
        if self._metrics.waiting >= self._limits.writings:
            raise Refused(429, f"{self._metrics.waiting:,} texts are being written already; try again in a moment.")
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Piece | Ending | Exception] = asyncio.Queue()
        gone = threading.Event()
        end = time.monotonic() + self._limits.seconds

        def should_stop() -> bool:
            return gone.is_set() or self._stopping.is_set() or time.monotonic() > end

        def put(one: Piece | Ending | Exception) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, one)

        def work() -> None:
            try:
                for one in self._write(row, told, should_stop):
                    put(one)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                put(error)

        self._metrics.waiting += 1
        waiting = self._thread.submit(work)
        try:
            while True:
                one = _written(await queue.get())
                yield one
                if isinstance(one, Ending):
                    self._metrics.tokens(one.tokens)
                    return
        finally:
            gone.set()
            waiting.cancel()
            self._metrics.waiting -= 1


def _written(one: Piece | Ending | Exception) -> Piece | Ending:
    if isinstance(one, UserError):
        raise Refused(422, one.message)
    if isinstance(one, Exception):
        raise Refused(500, f"The model could not write ({type(one).__name__}).")
    return one


def sampling_of(asked: Completion | Chat, usual: Sampling) -> Sampling:
    """How the next token is chosen: as models of the kind usually do, but for what was asked. Raises Refused."""
    stops = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
    if any(BETWEEN in one for one in stops):
        raise Refused(422, f"A text to stop at has no “{BETWEEN}”.")
    most = asked.max_tokens if isinstance(asked, Completion) else asked.max_completion_tokens or asked.max_tokens
    told = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "max_new_tokens": most,
        "seed": asked.seed,
        "stop": BETWEEN.join(stops) or None,
        "num_beams": 1 if asked.temperature else None,  # who wants it to choose freely wants no beams
    }
    try:
        return generation.changed(usual, {key: value for key, value in told.items() if value is not None})
    except UserError as error:
        # as whoever asks calls it
        raise Refused(422, error.message.replace("max_new_tokens", "max_tokens")) from None


class Reply:
    """One answer in OpenAI's shape; `chat` or a completion."""

    def __init__(self, model: str, *, chat: bool) -> None:
        """`model` is the name of what answers."""
        self._chat = chat
        kind = "chat.completion" if chat else "text_completion"
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex[:24]}",
            "object": kind,
            "created": int(time.time()),
            "model": model,
        }

    async def whole(self, pieces: AsyncIterator[Piece | Ending]) -> dict[str, Any]:
        """All of it at once. Raises Refused."""
        said: list[str] = []
        async for one in pieces:
            if isinstance(one, Piece):
                said.append(one.text)
                continue
            text = "".join(said)
            content = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
            usage = {
                "prompt_tokens": one.prompt,
                "completion_tokens": one.tokens,
                "total_tokens": one.prompt + one.tokens,
            }
            choice = {"index": 0, **content, "logprobs": None, "finish_reason": REASONS[one.reason]}
            return {**self._head, "choices": [choice], "usage": usage}
        raise Refused(500, "The model wrote nothing.")

    async def events(self, pieces: AsyncIterator[Piece | Ending]) -> AsyncIterator[bytes]:
        """Piece by piece, as server-sent events."""
        try:
            if self._chat:
                yield self._event({"role": "assistant", "content": ""}, None)
            async for one in pieces:
                if isinstance(one, Piece):
                    if one.text:
                        yield self._event({"content": one.text}, None)
                else:
                    yield self._event({}, REASONS[one.reason])
        except Refused as refused:
            yield _line({"error": {"message": refused.message, "type": "server_error"}})
        yield b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, str], reason: str | None) -> bytes:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        content: dict[str, Any] = {"delta": delta} if self._chat else {"text": delta.get("content", "")}
        return _line({**self._head, "object": kind, "choices": [{"index": 0, **content, "finish_reason": reason}]})


def _line(told: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
