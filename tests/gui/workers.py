"""Training processes of several characters for the supervisor's tests; spawned, so importable by name."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection

from desktop_llm.jobs import events
from desktop_llm.jobs.events import Event


def _say(pipe: Connection, event: Event) -> None:
    pipe.send(events.to_line(event))


def _step(pipe: Connection, step: int) -> None:
    _say(
        pipe,
        events.StepDone(
            at=time.time(),
            step=step,
            epoch=step / 10,
            loss=1.0 / step,
            learning_rate=1e-3,
            grad_norm=1.0,
            tokens_per_second=100.0,
            memory=1,
            seconds=0.01,
        ),
    )


def steady(folder: str, pipe: Connection) -> None:
    """Three steps and a regular end."""
    for step in range(1, 4):
        _step(pipe, step)
    _say(pipe, events.Finished(at=time.time(), step=3, reason="completed", seconds=0.1))


def flood(folder: str, pipe: Connection) -> None:
    """Thirty thousand steps as fast as the pipe takes them."""
    for step in range(1, 30_001):
        _step(pipe, step)
    _say(pipe, events.Finished(at=time.time(), step=30_000, reason="completed", seconds=0.1))


def obedient(folder: str, pipe: Connection) -> None:
    """Steps until it is told; answers pause, continue, stop and leave like the engine."""
    step, paused = 0, False
    while True:
        if paused or pipe.poll(0.005):
            try:
                word = pipe.recv()
            except EOFError:
                return
            if word == "pause":
                paused = True
                _say(pipe, events.Paused(at=time.time(), step=step))
            elif word == "continue":
                paused = False
                _say(pipe, events.Continued(at=time.time(), step=step))
            elif word == "stop":
                _say(pipe, events.Finished(at=time.time(), step=step, reason="stopped", seconds=0.1))
                return
            else:
                _say(pipe, events.Interrupted(at=time.time(), step=step))
                return
        if not paused:
            step += 1
            _step(pipe, step)


def killed(folder: str, pipe: Connection) -> None:
    """Dies from outside after two steps."""
    _step(pipe, 1)
    _step(pipe, 2)
    os.kill(os.getpid(), signal.SIGKILL)


def crashing(folder: str, pipe: Connection) -> None:
    """Crashes as a broken library does."""
    _step(pipe, 1)
    os.kill(os.getpid(), signal.SIGSEGV)


def babbling(folder: str, pipe: Connection) -> None:
    """Says what no engine says, then ends without a word."""
    pipe.send("not json")
    pipe.send(b"bytes")
    pipe.send_bytes(b"\x80\x05no pickle")


def deaf(folder: str, pipe: Connection) -> None:
    """Takes one step, then hears and says nothing, and shrugs off a polite end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _step(pipe, 1)
    while True:
        signal.pause()


def answering(pipe: Connection) -> None:
    """A model that calls every text by its length and knows its own process; dies of the text `die`."""
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        if request.get("quit"):
            return
        texts = [row["text"] for row in request["rows"]]
        if "die" in texts and not os.path.exists(request["folder"] + "/died"):
            open(request["folder"] + "/died", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        if "always die" in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        if "bad" in texts:
            pipe.send({"id": request["id"], "error": "The model folder has no weights."})
            continue
        told = [
            {
                "label": str(len(text)),
                "probability": 0.5,
                "uncertainty": 0.5,
                "top": [[str(os.getpid()), 0.5]],
            }
            for text in texts
        ]
        pipe.send({"id": request["id"], "predictions": told, "milliseconds": 1.0})


def writing(pipe: Connection) -> None:
    """A model that counts up to `max_new_tokens`, its process first; ends when it is told; dies of the text `die`."""
    asked = pipe.recv()
    while not asked.get("quit"):
        number, row = asked["id"], asked["write"]
        count, reason = 0, "length"
        pipe.send({"id": number, "pieces": [[str(os.getpid()), 0.5, [["a", 0.5]]]]})
        if row["text"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if row["text"] == "bad":
            pipe.send({"id": number, "error": "The model reads at most 8 tokens."})
        else:
            while count < asked["sampling"]["max_new_tokens"]:
                if pipe.poll(0.002):
                    told = pipe.recv()
                    if told.get("quit"):
                        return
                    assert told == {"unwanted": number}
                    reason = "cancelled"
                    break
                count += 1
                pipe.send({"id": number, "pieces": [[f" {count}", 0.25, []]]})
            ending = {"reason": reason, "tokens": count, "seconds": 0.1, "prompt": 1, "before": 0.0}
            pipe.send({"id": number, "ending": ending})
        try:
            asked = pipe.recv()
        except EOFError:
            return
