"""Asks a server about its model and about rows, one request after the other. Opens a connection only when told to.

Nothing is followed elsewhere, no proxy is asked, and what comes back is read as data of no trust.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import prediction
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving import about as abouts
from desktop_llm.serving.about import About
from desktop_llm.serving.address import Address

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 90.0
LOOK_SECONDS = 0.1
MOST_BYTES = 64_000_000
MOST_WORDS = 200
TRIES = 30
"""How often a server that has too much to do is asked again, a second apart."""


class Client:
    """A connection that is kept. Use it in a `with`; one thread asks, and `give_up` may be called from another."""

    def __init__(self, address: Address) -> None:
        """Nothing is opened before the first question."""
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._address = address
        self._connection = kind(address.host, address.port, timeout=CONNECT_SECONDS)
        self._given_up = threading.Event()

    def __enter__(self) -> Client:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def give_up(self) -> None:
        """Whoever waits for an answer hears Cancelled."""
        self._given_up.set()
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(2)  # wakes the thread that reads from it

    def about(self) -> About:
        """What the server says of its model. Raises UserError, Cancelled."""
        status, told = self._asked("GET", "/model", None)
        if status == 404:
            raise UserError(f"{self._address.url} says nothing of a model; is it a server of this program?")
        try:
            return abouts.from_json(told)
        except (KeyError, TypeError, ValueError):
            raise self._strange() from None

    def predict(self, rows: Sequence[Mapping[str, str]]) -> list[Prediction]:
        """Its answers to rows, in their order. Raises UserError, Cancelled."""
        _, told = self._asked("POST", "/predict", {"rows": [dict(row) for row in rows]})
        try:
            answers = [_checked(prediction.from_json(one)) for one in told["predictions"]]
        except (KeyError, TypeError, ValueError):
            raise self._strange() from None
        if len(answers) != len(rows):
            raise self._strange()
        return answers

    def _asked(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON of an answer that is none of refusal, or 404."""
        for _ in range(TRIES):
            status, told = self._once(method, path, body)
            if status == 200 or (status == 404 and method == "GET"):
                return status, told
            if status != 429:
                raise UserError(self._refusal(status, told))
            if self._given_up.wait(1.0):
                raise Cancelled
        raise UserError(f"{self._address.url} has too much to do; try again later.")

    def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        connection = self._connection
        sent = None if body is None else json.dumps(body).encode()
        head = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._address.token:
            head["Authorization"] = f"Bearer {self._address.token}"
        kept = connection.sock is not None
        end = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                connection.request(method, self._address.base + path, sent, head)
                self._check()
                if connection.sock is not None:
                    connection.sock.settimeout(ANSWER_SECONDS)
                answer = connection.getresponse()
                status, text = answer.status, answer.read(MOST_BYTES + 1)
                break
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._check()
                if kept and time.monotonic() < end:  # a connection that was kept may have been closed by now
                    kept = False
                    continue
                raise self._unreached(error) from error
        self._check()
        if answer.will_close:
            connection.close()
        if len(text) > MOST_BYTES:
            raise self._strange()
        try:
            return status, json.loads(text)
        except (ValueError, RecursionError):
            if status == 200:
                raise self._strange() from None
            return status, None

    def _check(self) -> None:
        if self._given_up.is_set():
            raise Cancelled

    def _unreached(self, error: Exception) -> UserError:
        if isinstance(error, TimeoutError):
            return UserError(f"{self._address.url} does not answer; is the server busy, or the address wrong?")
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return UserError(f"{self._address.url} cannot be reached ({why}); is the server running?")

    def _strange(self) -> UserError:
        return UserError(f"{self._address.url} answers with something else than predictions; is it the right server?")

    def _refusal(self, status: int, told: Any) -> str:
        if status == 401:
            return f"{self._address.url} wants its token, or another one."
        said = ""
        if isinstance(told, dict) and isinstance(told.get("error"), dict):
            said = str(told["error"].get("message", ""))
        said = "".join(one if one.isprintable() else " " for one in said[:MOST_WORDS])
        return f"{self._address.url} refuses ({status}){': ' + said if said else '.'}"


def _checked(one: Prediction) -> Prediction:
    """Chances that are some. Raises ValueError."""
    if not all(0.0 <= value <= 1.0 for value in (one.probability, one.uncertainty, *(value for _, value in one.top))):
        raise ValueError("no chance")
    return one


@contextmanager
def stopped_by(client: Client, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Within this somebody may want to stop: what is waited for is then given up."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if should_stop():
                client.give_up()
                return
            over.wait(LOOK_SECONDS)

    if should_stop():
        raise Cancelled

    watching = threading.Thread(target=watch, name="ask-server")
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
