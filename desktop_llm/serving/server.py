"""One export as a server: loads it, listens, answers, and stops when it is told to."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from desktop_llm.engine import device
from desktop_llm.engine.generator import Generator
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import from_os_error
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.jobs.model_note import task_of
from desktop_llm.serving import page
from desktop_llm.serving.about import About, digest_of
from desktop_llm.serving.app import Served, build
from desktop_llm.serving.limits import Entrance
from desktop_llm.serving.metrics import Metrics
from desktop_llm.serving.place import LOOPBACK, Place, check
from desktop_llm.tasks import task as task_named

HEAD_SECONDS = 10.0
"""A connection that has not said what it wants by then is closed."""
MOST_CONNECTIONS = 512
MOST_WORKERS = 4
"""Threads that ask a model at once; more of them wait for Python between their steps."""
STOP_SECONDS = 5
TELL_SECONDS = 1.0


def listen(place: Place) -> socket.socket:
    """A socket that listens there. Raises UserError."""
    host = LOOPBACK if place.host == "localhost" else place.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, place.port))
        made.listen(MOST_CONNECTIONS)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise from_os_error(error, "listen on", f"{host}:{place.port}") from error
    return made


def served_of(folder: Path) -> Served:
    """The model in an export, ready to be asked. Raises UserError."""
    task = task_named(task_of(folder))
    about = About(
        name=_name_of(folder),
        task=task.name,
        title=task.title,
        fields=tuple(one.name for one in task.content if one.required),
        digest=digest_of(folder),
        writes=task.writes,
    )
    if not task.writes:
        workers = device.settle_service(MOST_WORKERS)
        predictor = Predictor(folder)
        predictor.settle()
        predictor.predict([dict.fromkeys(about.fields, "warm")])  # the first answer pays for what later ones find ready
        if predictor.device.torch.type != "cpu":
            workers = 1  # a GPU does one thing after the other
        labels = tuple(getattr(predictor.learner, "classes", ()))
        return Served(about=replace(about, labels=labels), ask=predictor.predict, workers=workers)
    device.settle_thread()
    generator = Generator(folder)

    def write(row: Mapping[str, Any], told: Sampling, should_stop: Callable[[], bool]) -> Iterator[Piece | Ending]:
        return generator.write(row, told, should_stop)

    return Served(about=about, write=write, talks=task.content[0].structured, usual=task.sampling)


def _name_of(folder: Path) -> str:
    return folder.resolve().name or "model"


class Impatient(H11Protocol):
    """HTTP/1.1 on a connection that is closed when a request's head does not come: uvicorn itself waits for ever."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has come."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Somebody has said something."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._head is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody has gone."""
        self._forget()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Runs until it is told to stop; `tell` hears of it."""

    def __init__(self, served: Served, place: Place, listening: socket.socket) -> None:
        """`listening` is a socket of `listen`."""
        self.metrics = Metrics()
        host, port = listening.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.served, self.place, self._listening = served, place, listening
        hosts = (LOOPBACK, "localhost", "::1", host) if place.own else ()
        app = build(served, place.limits, Entrance(place.token, hosts), self.metrics)
        super().__init__(
            uvicorn.Config(
                app,
                http=Impatient,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=STOP_SECONDS,
                limit_concurrency=MOST_CONNECTIONS,
            )
        )

    def stop(self) -> None:
        """Answer what was asked, and end. From any thread."""
        self.should_exit = True

    def curl(self, token: str | None = None) -> str:
        """A line that asks it, with its token or what is to stand for that."""
        path = "/predict" if self.served.ask is not None else "/v1/completions"
        path = "/v1/chat/completions" if self.served.talks else path
        return page.curl(self.address, path, page.example(self.served, path), self._said(token))

    def _said(self, token: str | None) -> str:
        return self.place.token if token is None or not self.place.token else token

    def go(self, tell: Callable[[dict[str, Any]], object] | None = None) -> None:
        """Answer until told to stop. `tell` hears each second what was done."""
        asyncio.run(self._go(tell))

    async def _go(self, tell: Callable[[dict[str, Any]], object] | None) -> None:
        telling = asyncio.create_task(self._tell(tell)) if tell is not None else None
        try:
            await self.serve(sockets=[self._listening])
        finally:
            if telling is not None:
                telling.cancel()

    async def _tell(self, tell: Callable[[dict[str, Any]], object]) -> None:
        before: Any = None
        while True:
            now = self.metrics.told()
            if now != before:
                tell(now)
            before = now
            await asyncio.sleep(TELL_SECONDS)


def ready(folder: Path, place: Place) -> Server:
    """A server that has loaded its model and listens. Raises UserError."""
    check(place)
    # that somebody sends nonsense is no news, nor where a second Ctrl+C has met it; defects are logged by the guard
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    listening = listen(place)  # before the model is loaded: a taken port is said at once
    try:
        return Server(served_of(folder), place, listening)
    except BaseException:
        listening.close()
        raise
