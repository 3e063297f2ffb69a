"""Many requests, one model: what has come while it computed is computed together, sorted by length and padded.

Several threads ask it, each on its share of the cores: that is quicker than one computation spread over all of them,
and while one thread's answers go out, the others compute. When nobody computes, the first text waits some milliseconds
for others to come along; under load nobody waits for more than the batch before his own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.serving.limits import Limits, Refused
from desktop_llm.serving.metrics import Metrics

Row = Mapping[str, Any]
Ask = Callable[[Sequence[Row]], list[Prediction]]
Asked = tuple[Sequence[Row], "asyncio.Future[list[Prediction]]"]


class Batcher:
    """One model, asked in threads of its own. All else happens in the event loop's."""

    def __init__(self, ask: Ask, limits: Limits, metrics: Metrics, workers: int = 1) -> None:
        """`ask` answers rows in their order, and sorts them by length itself; so many threads call it at once."""
        self._ask, self._limits, self._metrics = ask, limits, metrics
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="model")
        self._queue: deque[Asked] = deque()
        self._come = asyncio.Event()
        self._workers = workers
        self._computing = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, in a running event loop."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._workers)]

    async def close(self) -> None:
        """End; what waits is refused."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, answer in self._queue:
            if not answer.done():
                answer.set_exception(Refused(503, "The server is stopping."))
        self._queue.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def submit(self, rows: Sequence[Row]) -> list[Prediction]:
        """Answers to rows, in their order. Raises Refused or UserError."""
        if self._metrics.waiting + len(rows) > self._limits.waiting:
            raise Refused(429, f"{self._metrics.waiting:,} texts are waiting already; try again in a moment.")
        answer: asyncio.Future[list[Prediction]] = asyncio.get_running_loop().create_future()
        self._queue.append((rows, answer))
        self._metrics.waiting += len(rows)
        self._come.set()
        return await answer

    async def _run(self) -> None:
        while True:
            if not self._queue:
                self._come.clear()
                await self._come.wait()
                await asyncio.sleep(self._limits.gather_seconds)
            taken = self._take()
            if not taken:
                continue
            count = sum(len(some) for some, _ in taken)
            self._computing += count
            try:
                await self._answer(taken, count)
            finally:
                self._computing -= count

    async def _answer(self, taken: Sequence[Asked], count: int) -> None:
        self._metrics.batch(count)
        rows = [row for some, _ in taken for row in some]
        try:
            told = await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, rows)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            await self._one_by_one(taken, error)
            return
        place = 0
        for some, answer in taken:
            if not answer.done():
                answer.set_result(told[place : place + len(some)])
            place += len(some)

    def _take(self) -> list[Asked]:
        """What is computed next: as many requests as there is room for, at least one; the given up are dropped.

        A thread takes no more than its share of all texts that are there: with the rest the next one begins at once.
        """
        share = -(-(self._metrics.waiting + self._computing) // self._workers)
        most = min(self._limits.batch, share)
        taken: list[Asked] = []
        count = 0
        while self._queue and (not taken or count + len(self._queue[0][0]) <= most):
            some, answer = self._queue.popleft()
            self._metrics.waiting -= len(some)
            if not answer.done():
                taken.append((some, answer))
                count += len(some)
        return taken

    async def _one_by_one(self, taken: Sequence[Asked], error: Exception) -> None:
        """One bad row must not spoil the answers to others: each request again, alone."""
        loop = asyncio.get_running_loop()
        for some, answer in taken:
            if answer.done():
                continue
            if len(taken) == 1:
                answer.set_exception(_told(error))
                continue
            try:
                answer.set_result(await loop.run_in_executor(self._threads, self._ask, some))
            except Exception as own:  # noqa: BLE001 - as above
                answer.set_exception(_told(own))


def _told(error: Exception) -> Exception:
    if isinstance(error, UserError):
        return Refused(422, error.message)
    return Refused(500, f"The model could not answer ({type(error).__name__}).")
