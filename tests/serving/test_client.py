"""Whoever asks a server: where it is, what it says, what is said of one that is not there, or is something else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving import about as abouts
from desktop_llm.serving.address import parse
from desktop_llm.serving.client import Client, stopped_by
from tests.serving import answering
from tests.serving.answering import DIGEST, LABELS

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
TOKEN = "0123456789abcdef"
NAMED = "name:word"
SECONDS = 20


@pytest.mark.parametrize(
    ("given", "url", "own"),
    [
        ("127.0.0.1:8765", "http://127.0.0.1:8765", True),
        (" http://localhost:1/ ", "http://localhost:1", True),
        ("http://[::1]:8765", "http://[::1]:8765", True),
        ("https://models.example/served/", "https://models.example:443/served", False),
        ("192.0.2.7:80", "http://192.0.2.7:80", False),
        ("http://localhost.example", "http://localhost.example:80", False),
    ],
)
def test_an_address_says_whether_it_is_this_machine(given: str, url: str, own: bool) -> None:
    found = parse(given, TOKEN)
    assert (found.url, found.own) == (url, own)
    assert TOKEN not in repr(found)
    warning = found.warning("All texts")
    assert bool(warning) is not own
    assert ("not encrypted" in warning) is (not own and found.scheme == "http")


@pytest.mark.parametrize(
    "given",
    [
        "", "http://", "ftp://a", "http://a:x", f"http://{NAMED}@a", "http://a?b", "a b", "http://a:99999", "a:0",
        "http://a..b", f"http://{70 * 'a'}.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told(given: str) -> None:
    with pytest.raises(UserError, match="no address of a server"):
        parse(given)
    with pytest.raises(UserError, match="without spaces"):
        parse("http://a", "to ken")


@pytest.mark.loopback
def test_a_server_tells_of_its_model_and_answers(tmp_path: Path) -> None:
    with answering.running(token=TOKEN) as server, Client(parse(server.address, TOKEN)) as client:
        about = client.about()
        assert (about.name, about.labels, about.digest, about.writes) == ("the rule", LABELS, DIGEST, False)
        told = client.predict([{"text": "soup and bread"}, {"text": "a train"}])
        assert [one.label for one in told] == ["food", "travel"]
        with pytest.raises(UserError, match="refuses"):
            client.predict([{"text": " "}])
        assert client.predict([{"text": "a train"}])[0].label == "travel"  # the connection is none the worse for it
        with Client(parse(server.address, "another")) as other, pytest.raises(UserError, match="wants its token"):
            other.about()


def test_the_digest_is_that_of_the_weights(tmp_path: Path) -> None:
    assert abouts.digest_of(tmp_path) == ""
    (tmp_path / "model.onnx").write_bytes(b"weights")
    one = abouts.digest_of(tmp_path)
    assert len(one) == 64
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"files": {"model.onnx": {"bytes": 7, "sha256": "written"}}}))
    assert abouts.digest_of(tmp_path) == "written"
    (tmp_path / "model.onnx").write_bytes(b"other weights")  # since then: what was written counts no more
    assert abouts.digest_of(tmp_path) not in ("written", one)
    (tmp_path / "model.safetensors").write_bytes(b"more")
    assert len(abouts.digest_of(tmp_path)) == 64


@pytest.mark.loopback
def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(parse(f"127.0.0.1:{port}")) as client, pytest.raises(UserError, match="is the server running"):
        client.about()


@contextmanager
def _saying(body: bytes, status: bytes = b"200 OK") -> Iterator[str]:
    """Somebody who answers the same to everything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def work() -> None:
            while True:
                made, _ = listening.accept()
                with made:
                    if over.is_set():
                        return
                    made.recv(65536)
                    head = b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
                    made.sendall(head + body)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join(SECONDS)


def _predictions(**more: Any) -> bytes:
    one = {"label": "food", "probability": 0.5, "uncertainty": 0.5, "top": [], **more}
    return json.dumps({"predictions": [one]}).encode()


@pytest.mark.loopback
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b'{"predictions": []}',
        b'{"predictions": [1]}',
        _predictions(probability=7),
        _predictions(uncertainty=float("nan")),
        _predictions(top=[["food", -1]]),
        _predictions(top=7),
    ],
)
def test_what_is_no_answer_is_not_believed(body: bytes) -> None:
    strange = pytest.raises(UserError, match="is it the right server")
    with _saying(body) as address, Client(parse(address)) as client, strange:
        client.predict([{"text": "soup"}])


@pytest.mark.loopback
@pytest.mark.parametrize(
    "more",
    [{"name": 1001 * "x"}, {"labels": ["food", 1001 * "x"]}, {"labels": 100_001 * ["a"]}, {"fields": 7}],
    ids=["name", "label", "labels", "fields"],
)
def test_a_model_of_endless_names_is_not_believed(more: dict[str, Any]) -> None:
    told = {
        "name": "n",
        "task": "t",
        "title": "T",
        "fields": ["text"],
        "labels": [1000 * "y"],
        "digest": "",
        "writes": 0,
    }
    assert abouts.from_json(told).labels == (1000 * "y",)
    strange = pytest.raises(UserError, match="is it the right server")
    with _saying(json.dumps({**told, **more}).encode()) as address, Client(parse(address)) as client, strange:
        client.about()


@pytest.mark.loopback
def test_a_server_of_another_kind_and_its_words_are_told_in_one_line() -> None:
    body = json.dumps({"error": {"message": "no\nway " + "x" * 1000}}).encode()
    elsewhere = b"302 Found\r\nLocation: http://192.0.2.7/"  # nothing is followed there
    for said, status, words in (
        (b"{}", b"404 Not Found", "is it a server of this program"),
        (body, b"503 Busy", r"refuses \(503\): no way x+$"),
        (b"", elsewhere, r"refuses \(302\)\.$"),
    ):
        refused = pytest.raises(UserError, match=words)
        with _saying(said, status) as address, Client(parse(address)) as client, refused as told:
            client.about()
        assert len(told.value.message) < 300


@pytest.mark.loopback
def test_who_waits_can_stop() -> None:
    asked, free = threading.Event(), threading.Event()

    def slow(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        asked.set()
        free.wait(SECONDS)
        return answering.rule(rows)

    with answering.running(slow) as server:
        try:
            with Client(parse(server.address)) as client, stopped_by(client, asked.is_set), pytest.raises(Cancelled):
                client.predict([{"text": "soup"}])
        finally:
            free.set()
