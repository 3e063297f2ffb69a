"""A load on a server: every answer is counted, and what is no answer by its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from desktop_llm.child import Child
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving import load
from desktop_llm.serving.about import About
from desktop_llm.serving.address import parse
from tests.serving import answering

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
TOKEN = "0123456789abcdef"


@pytest.mark.loopback
def test_answers_are_counted_as_the_server_counts_them() -> None:
    fractions: list[float] = []
    with answering.running() as server:
        told = load.put(
            parse(server.address), clients=4, seconds=0.6, on_progress=lambda done, _: fractions.append(done)
        )
        assert server.metrics.told()["requests"] == told.answers + 1  # and one about the model
    assert told.answers > 4
    assert told.errors == {}
    assert 0 < told.median_ms <= told.p95_ms <= told.p99_ms
    assert told.speed == pytest.approx(told.answers / told.seconds)
    assert fractions[-1] == 1.0
    assert "4 clients" in told.words()
    assert told.words().endswith("no errors.")


@pytest.mark.loopback
def test_refusals_are_counted_by_their_status() -> None:
    def fails(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        raise ValueError("no")

    with answering.running(fails, token=TOKEN) as server:
        told = load.put(parse(server.address, TOKEN), clients=2, seconds=0.2)
        assert set(told.errors) == {500}
        assert told.answers == 0
        assert "no answer; errors:" in told.words()
        with pytest.raises(UserError, match="wants its token"):
            load.put(parse(server.address), clients=2, seconds=0.2)
        told = load.press(parse(server.address), "/predict", [b"{}"], 2, 0.2)
        assert set(told.errors) == {401}
    told = load.press(parse(server.address), "/predict", [b"{}"], 1, 0.1)
    assert set(told.errors) == {load.NONE}


@pytest.mark.loopback
def test_a_load_stops_at_once() -> None:
    with answering.running() as server, pytest.raises(Cancelled):
        load.put(parse(server.address), clients=2, seconds=600.0, should_stop=lambda: True)


@pytest.mark.loopback
def test_a_process_of_its_own_tells_what_came() -> None:
    with answering.running() as server:
        child = Child(load.work, parse(server.address), 2, 0.3, name="load")
        try:
            told: list[Any] = []
            while not child.ended and not any("loaded" in one for one in told):
                told += child.wait(1.0)
        finally:
            assert child.close() == 0
    assert told[-1]["loaded"].answers > 0


def test_what_cannot_be_is_said_before_anybody_is_asked() -> None:
    with pytest.raises(UserError, match="Between 1 and"):
        load.put(parse("192.0.2.1"), clients=0)
    with pytest.raises(UserError, match="seconds"):
        load.put(parse("192.0.2.1"), seconds=0)


def test_each_kind_of_model_is_asked_in_its_way() -> None:
    about = About(name="m", task="t", title="t", fields=("text",))
    assert load.bodies(about, ["a"]) == ("/predict", [b'{"text": "a"}'])
    two = About(name="m", task="t", title="t", fields=("one", "two"))
    assert load.bodies(two, ["a"]) == ("/predict", [b'{"rows": [{"one": "a", "two": "a"}]}'])
    writer = About(name="m", task="t", title="t", fields=("text",), writes=True)
    assert load.bodies(writer, ["a"])[0] == "/v1/completions"
