"""A real server whose model is a rule: quick to start, and its answers are known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving.about import About
from desktop_llm.serving.app import Served
from desktop_llm.serving.place import Place
from desktop_llm.serving.server import Server, listen
from tests import run_folders

LABELS = ("food", "travel")
DIGEST = "ab" * 32
SECONDS = 20


def rule(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
    """Food where soup or bread is spoken of, else travel; the longer the text, the surer."""
    told = []
    for row in rows:
        words = str(row["text"]).split()
        label = LABELS[0] if {"soup", "bread"}.intersection(words) else LABELS[1]
        sure = len(words) / (len(words) + 1)
        other = LABELS[1] if label == LABELS[0] else LABELS[0]
        told.append(
            Prediction(label=label, probability=sure, uncertainty=1 - sure, top=((label, sure), (other, 1 - sure)))
        )
    return told


@contextmanager
def running(
    ask: Callable[[Sequence[Mapping[str, Any]]], list[Prediction]] = rule,
    *,
    task: str = run_folders.TASK,
    labels: tuple[str, ...] = LABELS,
    token: str = "",
) -> Iterator[Server]:
    """A server on a free port until the block ends."""
    about = About(name="the rule", task=task, title=task, fields=("text",), labels=labels, digest=DIGEST)
    place = Place(port=0, token=token)
    server = Server(Served(about=about, ask=ask), place, listen(place))
    with answering(server):
        yield server


@contextmanager
def answering(server: Server) -> Iterator[None]:
    """Let a server answer in a thread until the block ends."""
    thread = threading.Thread(target=server.go, name="server")
    thread.start()
    try:
        end = time.monotonic() + SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        assert server.started
        yield
    finally:
        server.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()
