"""Who computes what: texts that wait are shared out among the threads, and nobody hears what was asked by another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving.batching import Batcher, Row
from desktop_llm.serving.limits import Limits, Refused
from desktop_llm.serving.metrics import Metrics

SECONDS = 20


def _answers(rows: Sequence[Row]) -> list[Prediction]:
    return [Prediction(label=row["text"], probability=1.0, uncertainty=0.0) for row in rows]


class Asked:
    """A model that answers when all its threads are at work, and keeps what each was given."""

    def __init__(self, workers: int) -> None:
        self.barrier = threading.Barrier(workers)
        self.sizes: list[int] = []

    def ask(self, rows: Sequence[Row]) -> list[Prediction]:
        self.sizes.append(len(rows))
        self.barrier.wait(SECONDS)
        return _answers(rows)


async def _all(batcher: Batcher, asked: Sequence[Sequence[Row]]) -> list[list[Prediction]]:
    batcher.start()
    try:
        return await asyncio.wait_for(asyncio.gather(*(batcher.submit(rows) for rows in asked)), SECONDS)
    finally:
        await batcher.close()


def test_threads_share_what_waits_and_compute_at_once() -> None:
    asked = Asked(2)
    batcher = Batcher(asked.ask, Limits(), Metrics(), workers=2)
    told = asyncio.run(_all(batcher, [[{"text": str(place)}] for place in range(10)]))
    assert [one.label for (one,) in told] == [str(place) for place in range(10)]
    assert asked.sizes == [5, 5]  # were one asked after the other, the barrier would break


def test_a_request_larger_than_its_share_stays_whole() -> None:
    asked = Asked(2)
    batcher = Batcher(asked.ask, Limits(batch=4), Metrics(), workers=2)
    told = asyncio.run(_all(batcher, [[{"text": f"a{place}"} for place in range(7)], [{"text": "b"}]]))
    assert sorted(asked.sizes) == [1, 7]
    assert [[one.label for one in some] for some in told] == [[f"a{place}" for place in range(7)], ["b"]]


def test_one_bad_row_spoils_no_answer_but_its_own() -> None:
    def ask(rows: Sequence[Row]) -> list[Prediction]:
        if any(row["text"] == "bad" for row in rows):
            raise ValueError("bad")
        return _answers(rows)

    async def go() -> list[object]:
        batcher = Batcher(ask, Limits(), Metrics())
        batcher.start()
        try:
            words = ("good", "bad", "better")
            waiting = (batcher.submit([{"text": text}]) for text in words)
            return list(await asyncio.gather(*waiting, return_exceptions=True))
        finally:
            await batcher.close()

    first, second, third = asyncio.run(go())
    assert (_label(first), _label(third)) == ("good", "better")
    assert isinstance(second, Refused)
    assert second.status == 500


def _label(told: object) -> str:
    assert isinstance(told, list)
    return str(told[0].label)


def test_what_waits_when_a_server_ends_is_refused() -> None:
    free, begun = threading.Event(), threading.Event()

    def ask(rows: Sequence[Row]) -> list[Prediction]:
        begun.set()
        free.wait(SECONDS)
        return _answers(rows)

    async def go() -> None:
        batcher = Batcher(ask, Limits(gather_seconds=0.0), Metrics())
        batcher.start()
        first = asyncio.ensure_future(batcher.submit([{"text": "a"}]))
        await asyncio.to_thread(begun.wait, SECONDS)
        second = asyncio.ensure_future(batcher.submit([{"text": "b"}]))
        await asyncio.sleep(0)
        free.set()
        await batcher.close()
        with pytest.raises(Refused, match="stopping"):
            await second
        first.cancel()

    asyncio.run(go())
