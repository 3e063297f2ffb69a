"""Many clients that ask a server at once, and how long they wait: bare sockets, so that the machine is left to it.

Each client has one connection that it keeps, asks one text, waits for the answer, and asks the next.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.serving.about import About
from desktop_llm.serving.address import Address
from desktop_llm.serving.client import Client

CLIENTS, SECONDS = 32, 10.0
MOST_CLIENTS, MOST_SECONDS = 256, 3600.0
ANSWER_SECONDS = 90.0
LOOK_SECONDS = 0.2
NONE = 0
"""In place of a status: no answer came."""
TEXTS = (
    "I lost my card and need a new one.",
    "Where is the parcel that I ordered last week?",
    "The app says that my payment was declined, although there is enough money on the account. What can I do?",
    "Thank you!",
    "Please tell me how long a transfer to another country takes, and what it costs.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of a load: answers, answers a second, milliseconds to an answer, and what else came, by status."""

    clients: int
    seconds: float
    answers: int
    speed: float
    median_ms: float
    p95_ms: float
    p99_ms: float
    errors: Mapping[int, int] = field(default_factory=dict)

    def words(self) -> str:
        """For a person."""
        told = (
            f"{self.clients} clients, {self.seconds:.0f} s: {self.speed:,.1f} answers a second; half of them within "
            f"{self.median_ms:,.0f} ms, 95 % within {self.p95_ms:,.0f} ms, 99 % within {self.p99_ms:,.0f} ms"
        )
        if not self.answers:
            told = f"{self.clients} clients, {self.seconds:.0f} s: no answer"
        wrong = ", ".join(
            f"{count:,} × {'no answer' if status == NONE else status}" for status, count in sorted(self.errors.items())
        )
        return f"{told}; errors: {wrong}." if wrong else f"{told}; no errors."


def bodies(about: About, texts: Sequence[str]) -> tuple[str, list[bytes]]:
    """Where a server with such a model is asked, and what it is asked about each text."""
    if about.writes:
        made: list[dict[str, Any]] = [{"prompt": text, "max_tokens": 16} for text in texts]
        return "/v1/completions", [json.dumps(one).encode() for one in made]
    if len(about.fields) == 1:
        return "/predict", [json.dumps({"text": text}).encode() for text in texts]
    return "/predict", [json.dumps({"rows": [dict.fromkeys(about.fields, text)]}).encode() for text in texts]


def put(
    address: Address,
    *,
    clients: int = CLIENTS,
    seconds: float = SECONDS,
    texts: Sequence[str] = TEXTS,
    on_progress: Callable[[float, str], object] = lambda fraction, words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Loaded:
    """Put load on a server. Raises UserError where it cannot be, or the server is not there; Cancelled."""
    check(clients, seconds)
    with Client(address) as one:
        path, asked = bodies(one.about(), texts)
    return press(address, path, asked, clients, seconds, on_progress, should_stop)


def check(clients: int, seconds: float) -> None:
    """Raise UserError for a load that cannot be."""
    if not 1 <= clients <= MOST_CLIENTS:
        raise UserError(f"Between 1 and {MOST_CLIENTS} clients can ask at once, not {clients:,}.")
    if not 0 < seconds <= MOST_SECONDS:
        raise UserError(f"A load takes between 1 and {MOST_SECONDS:,.0f} seconds, not {seconds:g}.")


def press(
    address: Address,
    path: str,
    asked: Sequence[bytes],
    clients: int,
    seconds: float,
    on_progress: Callable[[float, str], object] = lambda fraction, words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Loaded:
    """Ask any server there under `path`, body after body, from so many sides for so many seconds. Raises Cancelled."""
    return asyncio.run(_Load(address, path, asked, clients, seconds).run(on_progress, should_stop))


def work(address: Address, clients: int, seconds: float, pipe: Connection) -> None:
    """A process of its own for the window: tells {"done"} as it goes on, at last {"loaded"} or {"error"}."""
    with suppress(OSError):  # the window is gone
        try:
            told = put(
                address,
                clients=clients,
                seconds=seconds,
                on_progress=lambda fraction, words: pipe.send({"done": fraction, "words": words}),
                should_stop=pipe.poll,
            )
            pipe.send({"loaded": told})
        except UserError as error:
            pipe.send({"error": error.message})
        except Cancelled:
            pass


class _Load:
    """One load."""

    def __init__(self, address: Address, path: str, asked: Sequence[bytes], clients: int, seconds: float) -> None:
        self._address, self._clients, self._seconds = address, clients, seconds
        head = [f"POST {address.base}{path} HTTP/1.1", f"Host: {address.host}:{address.port}"]
        head += ["Content-Type: application/json"]
        if address.token:
            head += [f"Authorization: Bearer {address.token}"]
        begins = "\r\n".join(head)
        whole = [f"{begins}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in asked]
        self._source: Iterator[bytes] = itertools.cycle(whole)
        self._times: list[float] = []
        self._errors: Counter[int] = Counter()
        self._until = 0.0

    async def run(self, on_progress: Callable[[float, str], object], should_stop: Callable[[], bool]) -> Loaded:
        began = time.perf_counter()
        self._until = began + self._seconds
        tasks = [asyncio.create_task(self._client()) for _ in range(self._clients)]
        try:
            while True:
                _, waiting = await asyncio.wait(tasks, timeout=LOOK_SECONDS)
                if should_stop():
                    raise Cancelled
                spent = time.perf_counter() - began
                on_progress(min(1.0, spent / self._seconds), f"{len(self._times):,}")
                if not waiting:
                    break
        finally:
            for task in tasks:
                task.cancel()
            told = await asyncio.gather(*tasks, return_exceptions=True)
        for error in told:
            if isinstance(error, Exception):
                raise error
        return self._figures(time.perf_counter() - began)

    def _figures(self, spent: float) -> Loaded:
        ordered = sorted(self._times)

        def at(share: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0

        return Loaded(
            clients=self._clients,
            seconds=spent,
            answers=len(ordered),
            speed=len(ordered) / spent,
            median_ms=at(0.5),
            p95_ms=at(0.95),
            p99_ms=at(0.99),
            errors=dict(self._errors),
        )

    async def _client(self) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while time.perf_counter() < self._until:
                began = time.perf_counter()
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        streams = streams or await self._connected()
                        streams[1].write(next(self._source))
                        status, kept = await _answer(streams[0])
                except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError):
                    status, kept = NONE, False
                if status == 200:
                    self._times.append(time.perf_counter() - began)
                else:
                    self._errors[status] += 1
                    await asyncio.sleep(0.05)  # who is refused at once must not ask without end
                if not kept and streams is not None:
                    streams[1].close()
                    streams = None
        finally:
            if streams is not None:
                streams[1].close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        secure = ssl.create_default_context() if self._address.scheme == "https" else None
        return await asyncio.open_connection(self._address.host, self._address.port, ssl=secure)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of an answer, which is read to its end, and whether the connection is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    lines = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    size = lines.get(b"content-length")
    if size is None:
        await reader.read(-1)
        return status, False
    await reader.readexactly(int(size))
    return status, lines.get(b"connection", b"").strip() != b"close"
