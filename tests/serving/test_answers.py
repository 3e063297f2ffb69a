"""What a server says: the model's own answers, together or alone; one sentence to whoever asks what cannot be."""

from __future__ import annotations

import json
import shlex
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs import prediction
from desktop_llm.serving.place import Place, check
from tests.serving.conftest import Serve
from tests.serving.requests import ask, connect, head, read

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.loopback
TEXTS = ["soup and bread", "a train ticket " * 20, "x", "好评 😀", "bread"]


def test_answers_are_the_models_however_many_ask_at_once(serve: Serve, model: Path) -> None:
    server = serve(model, gather_seconds=0.05)
    wanted = [prediction.to_json(one) for one in Predictor(model).predict([{"text": text} for text in TEXTS])]
    status, told = ask(server.address, "/predict", {"texts": TEXTS})
    assert status == 200
    assert [one["label"] for one in told["predictions"]] == [one["label"] for one in wanted]
    got: dict[int, Any] = {}

    def one(place: int) -> None:
        got[place] = ask(server.address, "/predict", {"text": TEXTS[place % len(TEXTS)]})

    threads = [threading.Thread(target=one, args=(place,)) for place in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, (status, told) in got.items():
        assert status == 200
        assert told["predictions"][0]["label"] == wanted[place % len(TEXTS)]["label"]
        assert told["predictions"][0]["probability"] == pytest.approx(
            wanted[place % len(TEXTS)]["probability"], abs=1e-5
        )
    _, figures = ask(server.address, "/metrics")
    counts = dict(line.split(" ") for line in figures.splitlines() if not line.startswith("#"))
    assert counts['desktop_llm_requests_total{path="/predict",status="200"}'] == "21"
    assert counts["desktop_llm_texts_total"] == "25"
    assert int(counts["desktop_llm_batches_total"]) < 21
    assert counts["desktop_llm_waiting"] == "0"


def test_it_listens_on_this_machine_alone_and_its_pages_load_nothing(serve: Serve, model: Path) -> None:
    server = serve(model)
    port = int(server.address.rpartition(":")[2])
    places = {
        one.laddr.ip for one in psutil.Process().net_connections() if one.status == "LISTEN" and one.laddr.port == port
    }
    assert places == {"127.0.0.1"}
    status, page = ask(server.address, "/")
    assert status == 200
    assert "/predict" in page
    assert "//" not in page.replace("http://HOST:PORT", "")
    status, schema = ask(server.address, "/openapi.json")
    assert {"/predict", "/health", "/metrics"} <= set(schema["paths"])


def test_a_token_stays_out_of_what_is_printed_and_whole_in_a_shell(serve: Serve, model: Path) -> None:
    token = "it's-16-or-longer"
    server = serve(model, token=token)
    assert token not in repr(server.place)
    assert token not in server.curl("TOKEN")
    assert f"Authorization: Bearer {token}" in shlex.split(server.curl())
    assert json.loads(shlex.split(server.curl())[-2])["texts"]


def test_what_is_not_sent_as_json_is_told_how(serve: Serve, model: Path) -> None:
    server = serve(model)
    status, told = ask(server.address, "/predict", {"text": "x"}, {"Content-Type": "text/plain"})
    assert (status, told["error"]["message"]) == (415, "Send JSON, with the header Content-Type: application/json.")


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/predict", b"{", 422, "JSON"),
        ("/predict", b"\xff\xfe", 422, "JSON"),
        ("/predict", [], 422, "body"),
        ("/predict", {}, 422, "Send one of"),
        ("/predict", {"text": " "}, 422, "Row 1 has no “text”"),
        ("/predict", {"texts": []}, 422, "nothing to ask"),
        ("/predict", {"texts": ["a"] * 5}, 413, "too many at once"),
        ("/predict", {"text": "a" * 300}, 413, "300 characters"),
        ("/predict", {"text": "a" * 3000}, 413, "more than 2,000 bytes"),
        ("/predict", b'{"text": "\\ud800"}', 422, "UTF-8"),
        ("/predict", {"text": 1}, 422, "text"),
        ("/nowhere", {"text": "a"}, 404, "nothing under this address"),
        ("/v1/completions", {"prompt": "a"}, 404, "nothing under this address"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_in_a_sentence(
    served: Any, path: str, body: Any, status: int, words: str
) -> None:
    got, told = ask(served.address, path, body)
    assert (got, words in told["error"]["message"]) == (status, True), told
    assert ask(served.address, "/health") == (200, {"status": "ok"})


@pytest.fixture
def served(serve: Serve, model: Path) -> Any:
    """A server that takes little."""
    return serve(model, body=2000, text=200, texts=4, body_seconds=0.3)


def test_a_slow_request_is_ended(served: Any) -> None:
    with connect(served.address) as connection:
        connection.sendall(head("POST", "/predict", 100) + b'{"te')
        status, told = read(connection)
    assert status == 408
    assert "did not arrive" in json.loads(told)["error"]["message"]


def test_a_full_line_is_told_and_empties_again(serve: Serve, model: Path) -> None:
    server = serve(model, waiting=3, gather_seconds=0.3)
    with connect(server.address) as first:
        body = json.dumps({"texts": ["soup", "bread"]}).encode()
        first.sendall(head("POST", "/predict", len(body)) + body)
        while not server.metrics.waiting:
            pass
        assert ask(server.address, "/predict", {"texts": ["soup", "bread"]})[0] == 429
        assert read(first)[0] == 200
    assert ask(server.address, "/predict", {"texts": ["soup", "bread"]})[0] == 200


def test_a_token_and_the_own_name_are_wanted(serve: Serve, model: Path) -> None:
    server = serve(model, token="0123456789abcdef")
    assert ask(server.address, "/predict", {"text": "soup"})[0] == 401
    assert ask(server.address, "/predict", {"text": "soup"}, {"Authorization": "Bearer 0123456789abcdeF"})[0] == 401
    assert ask(server.address, "/predict", {"text": "soup"}, {"Authorization": "Bearer 0123456789abcdef"})[0] == 200
    assert ask(server.address, "/health")[0] == 200
    with connect(server.address) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert read(connection)[0] == 403


def test_json_within_json_is_refused_however_deep(served: Any) -> None:
    got, told = ask(served.address, "/predict", b"[" * 1900)
    assert got in (400, 422), told  # one reader of JSON gives up where another still finds a fault
    assert told["error"]["message"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"host": "0.0.0.0"}, "token of at least 16"),
        ({"host": "203.0.113.7", "token": "short"}, "token of at least 16"),
        ({"host": "my server"}, "no address"),
        ({"port": 70000}, "between 1 and 65535"),
        ({"token": "with a space in it"}, "without spaces"),
    ],
)
def test_a_server_is_never_open_by_oversight(told: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        check(Place(**told))
    check(Place(host="0.0.0.0", token="0123456789abcdef"))


def test_a_writer_answers_as_openai_does_whole_and_in_pieces(serve: Serve, writer: Path) -> None:
    server = serve(writer)
    asked = {"prompt": "the old", "max_tokens": 8, "temperature": 0}
    status, whole = ask(server.address, "/v1/completions", asked)
    assert status == 200
    assert whole["object"] == "text_completion"
    assert whole["usage"]["completion_tokens"] <= 8
    status, told = ask(server.address, "/v1/completions", {**asked, "stream": True})
    events = [line.removeprefix("data: ") for line in _chunks(told).split("\n\n") if line]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(line)["choices"][0] for line in events[:-1]]
    assert "".join(one["text"] for one in pieces) == whole["choices"][0]["text"]
    assert pieces[-1]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert ask(server.address, "/v1/models")[1]["data"][0]["id"] == server.served.name
    assert ask(server.address, "/v1/completions", {"prompt": "a", "temperature": 99})[0] == 422
    status, told = ask(server.address, "/v1/completions", {"prompt": "a", "max_tokens": -5})
    assert (status, told["error"]["message"].split("”")[0]) == (422, "“max_tokens")


def _chunks(told: str) -> str:
    """The text of chunked transfer: sizes stand on lines of their own."""
    said, rest = "", told
    while rest:
        size, _, rest = rest.partition("\r\n")
        count = int(size, 16)
        said += rest.encode()[:count].decode()
        rest = rest.encode()[count + 2 :].decode()
    return said


def test_a_writer_stops_when_nobody_waits_any_more(serve: Serve, writer: Path) -> None:
    server = serve(writer, writings=1)
    body = json.dumps({"prompt": "the old", "max_tokens": 100_000, "temperature": 1, "stream": True}).encode()
    for _ in range(3):
        with connect(server.address) as connection:
            connection.sendall(head("POST", "/v1/completions", len(body)) + body)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        while server.metrics.waiting:
            pass
    assert ask(server.address, "/v1/completions", {"prompt": "the old", "max_tokens": 2})[0] == 200
