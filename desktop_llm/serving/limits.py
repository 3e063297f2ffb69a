"""What a server takes at most, and the guard before it: size, time, token and host, each refused in one sentence.

The guard reads a request's body whole before anything else sees it: one that is too large or too slow costs no more
than it may.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from desktop_llm import log
from desktop_llm.serving.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
OPEN = ("/health",)
"""Asked by whatever watches over servers, which has no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of a body, characters of a text, texts of a request, texts and writings that wait, seconds.

    `body_seconds` for a request to arrive, `seconds` for its answer. `batch` texts are computed at once, and
    `gather_seconds` are waited for others to come along.
    """

    body: int = 1_000_000
    text: int = 100_000
    texts: int = 256
    waiting: int = 2048
    writings: int = 16
    body_seconds: float = 10.0
    seconds: float = 60.0
    batch: int = 64
    gather_seconds: float = 0.003


class Refused(Exception):
    """A request that is not answered: a status of HTTP and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        """Both as the client sees them."""
        super().__init__(message)
        self.status, self.message = status, message


class _Late(Exception):
    """The client went before its answer was there."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in: `token` is wanted of everybody ('': none); `hosts` are the names asked for (none: any)."""

    token: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()


class Guard:
    """ASGI around the application."""

    def __init__(self, app: App, limits: Limits, entrance: Entrance, metrics: Metrics) -> None:
        """All requests are counted in `metrics`, the refused ones, too."""
        self._app, self._limits, self._entrance, self._metrics = app, limits, entrance, metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(
            send, lambda status: self._metrics.request(str(scope["path"]), status, time.perf_counter() - began)
        )
        try:
            self._check(scope)
            body = await self._body(scope, receive)
            async with asyncio.timeout(self._limits.seconds) as limit:
                answer.on_stream = lambda: limit.reschedule(self._longest())
                await self._answer(scope, body, receive, answer)
        except _Late:
            answer.status = 499
        except Refused as refused:
            await answer.refuse(refused)
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            if not isinstance(error, TimeoutError):
                log.logger("serve").error("answering a request failed", exc_info=error)
                await answer.refuse(Refused(500, f"The server met a defect ({type(error).__name__})."))
                return
            await answer.refuse(Refused(408, f"The answer took more than {self._limits.seconds:g} seconds; ask less."))
        finally:
            answer.count()

    def _longest(self) -> float:
        """When a stream that begins now is over: it ends by itself in time, but not where nobody reads it."""
        return asyncio.get_running_loop().time() + self._limits.seconds + self._limits.body_seconds

    async def _answer(self, scope: MutableMapping[str, Any], body: bytes, receive: Receive, answer: _Answer) -> None:
        """Let the application answer, as long as somebody waits: what nobody waits for any more is not computed."""
        gone = asyncio.Event()
        work = asyncio.ensure_future(self._app(scope, _again(body, gone), answer))
        watch = asyncio.ensure_future(_until_gone(receive, gone))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not answer.begun:
                raise _Late
            await work
        finally:
            for one in (work, watch):
                one.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        told = {name.lower(): value for name, value in scope["headers"]}
        if self._entrance.hosts:
            host = told.get(b"host", b"").decode("latin-1").rpartition(":")
            name = host[0] if host[0] and host[2].isdecimal() else "".join(host)
            if name.strip("[]").casefold() not in self._entrance.hosts:
                raise Refused(403, "This server answers under the address of this machine alone.")
        if self._entrance.token and scope["path"] not in OPEN:
            given = told.get(b"authorization", b"")
            if not hmac.compare_digest(given, f"Bearer {self._entrance.token}".encode()):
                raise Refused(401, "This server wants its token: Authorization: Bearer TOKEN.")
        size = told.get(b"content-length", b"0")
        if size.isdigit() and int(size) > self._limits.body:
            raise self._too_large()

    def _too_large(self) -> Refused:
        return Refused(413, f"The request has more than {self._limits.body:,} bytes; send less at once.")

    async def _body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes:
        pieces, size = [], 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Late
                    piece = message.get("body", b"")
                    size += len(piece)
                    if size > self._limits.body:
                        raise self._too_large()
                    pieces.append(piece)
                    if not message.get("more_body"):
                        return b"".join(pieces)
        except TimeoutError:
            seconds = self._limits.body_seconds
            raise Refused(408, f"The request did not arrive within {seconds:g} seconds; send it at once.") from None


class _Answer:
    """What is sent, watched: its status, and whether it has begun."""

    def __init__(self, send: Send, on_end: Callable[[int], object]) -> None:
        """`on_end` hears the status once, before the last piece leaves: who has the answer finds it counted."""
        self._send, self._on_end = send, on_end
        self._counted = False
        self.status = 500
        self.begun = False
        self.on_stream: Callable[[], object] = lambda: None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, int(message["status"])
            if any(value.startswith(b"text/event-stream") for _, value in message.get("headers", ())):
                self.on_stream()
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.count()
        await self._send(message)

    def count(self) -> None:
        """Count this request, unless it is counted."""
        if not self._counted:
            self._counted = True
            self._on_end(self.status)

    async def refuse(self, refused: Refused) -> None:
        """Say so, where nothing was said yet."""
        if self.begun:
            return
        self.status = refused.status
        self.count()
        body = json.dumps(problem(refused.message), ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            # what is left of the request is not read
            (b"connection", b"close"),
        ]
        if refused.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if refused.status == 429:
            headers.append((b"retry-after", b"1"))
        await self._send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def problem(message: str) -> dict[str, Any]:
    """An error as OpenAI's clients read it, too."""
    return {"error": {"message": message, "type": "invalid_request_error"}}


async def _until_gone(receive: Receive, gone: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _again(body: bytes, gone: asyncio.Event) -> Receive:
    """The body once more, then that the client has gone."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            await gone.wait()
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
