"""Requests of those who mean it ill, and of some who do not, from several sides at once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from desktop_llm.child import Child
from tests.serving.requests import ask, connect, head, read


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


def hard_use(address: str, seconds: float, patience: float = 120.0) -> tuple[Counter[str], int]:
    """Bad requests of all kinds from four sides, good ones from two; how many of each kind, and good answers.

    `patience` is how many seconds a good one waits for its answer.
    """
    kinds: Counter[str] = Counter()
    answered = 0
    until = time.monotonic() + seconds
    failures: list[Exception] = []

    def bad(number: int) -> None:
        source = random.Random(number)
        while time.monotonic() < until:
            kinds[_bad_request(address, source)] += 1

    def good(number: int) -> None:
        nonlocal answered
        source = random.Random(-number - 1)
        while time.monotonic() < until:
            texts = ["soup and bread " * source.randint(1, 40) for _ in range(source.randint(1, 4))]
            status, told = ask(address, "/predict", {"texts": texts}, seconds=patience)
            assert status == 200, told
            assert len(told["predictions"]) == len(texts)
            answered += 1

    def kept(work: Callable[..., None], *words: int) -> None:
        try:
            work(*words)
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the threads
            failures.append(error)

    threads = [threading.Thread(target=kept, args=(bad, number)) for number in range(4)]
    threads += [threading.Thread(target=kept, args=(good, number)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return kinds, answered


def first_word(child: Child, seconds: float = 120.0) -> dict[str, object]:
    """What the process of a server says first: its address, or what is wrong."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for told in child.wait(0.2):
            if isinstance(told, dict):
                return told
    raise AssertionError("the server did not start")
