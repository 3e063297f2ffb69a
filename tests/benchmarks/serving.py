"""How many texts a second a served export answers, against a plain FastAPI handler around a transformers pipeline.

Run by hand: python -m tests.benchmarks.serving EXPORT [EXPORT …] --texts FILE.csv [--clients 32] [--seconds 8]
Each EXPORT is an exported folder (Hugging Face or ONNX); the pipeline takes the first one. All servers are started,
each in a process of its own, and loaded in turn, some rounds long: so many clients, each with a connection that is
kept, send one text at a time and wait for its answer. Printed are the medians of the rounds: answers a second,
the median and the 99th percentile of the time to an answer, and processor seconds of the server for a thousand answers.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from desktop_llm.serving import process
from desktop_llm.serving.place import Place

ROUNDS = 3
START_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one round: answers a second, median and 99th percentile in milliseconds, processor seconds for a thousand."""

    speed: float
    median: float
    slow: float
    processor: float


def plain(folder: str, place: Place, pipe: Connection) -> None:
    """What one writes who wants a model behind HTTP in ten lines."""
    from desktop_llm.engine import worker

    worker.offline()
    import uvicorn
    from fastapi import FastAPI
    from transformers import pipeline

    from desktop_llm.serving.server import listen

    app = FastAPI()
    model = pipeline("text-classification", model=folder)

    @app.post("/predict")
    def predict(asked: dict[str, str]) -> list[dict[str, object]]:
        told: list[dict[str, object]] = model(asked["text"], top_k=5)
        return told

    listening = listen(place)
    pipe.send({"address": f"http://127.0.0.1:{listening.getsockname()[1]}"})
    config = uvicorn.Config(app, log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


@dataclass(frozen=True, slots=True)
class Leg:
    """A server under its name."""

    name: str
    port: int
    process: psutil.Process


@contextmanager
def started(name: str, target: object, folder: Path) -> Iterator[Leg]:
    """A server in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    made = spawn.Process(target=target, args=(str(folder), Place(port=0), theirs), daemon=True)  # type: ignore[arg-type]
    made.start()
    try:
        assert ours.poll(START_SECONDS), f"{name} did not start"
        told = ours.recv()
        yield Leg(name, int(told["address"].rpartition(":")[2]), psutil.Process(made.pid))
    finally:
        made.terminate()
        made.join(10)


async def client(port: int, texts: Iterator[str], until: float, times: list[float]) -> None:
    """One that asks, waits and asks again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        body = json.dumps({"text": next(texts)}).encode()
        head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        began = time.perf_counter()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        told = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert told.startswith(b"http/1.1 200"), told
        await reader.readexactly(int(told.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        times.append(time.perf_counter() - began)
    writer.close()


async def load(leg: Leg, texts: Sequence[str], clients: int, seconds: float) -> Figures:
    """One round."""
    source = itertools.cycle(texts)
    times: list[float] = []
    before = leg.process.cpu_times()
    began = time.perf_counter()
    await asyncio.gather(*(client(leg.port, source, began + seconds, times) for _ in range(clients)))
    spent = time.perf_counter() - began
    after = leg.process.cpu_times()
    busy = after.user + after.system - before.user - before.system
    ordered = sorted(times)
    return Figures(
        speed=len(times) / spent,
        median=statistics.median(ordered) * 1000,
        slow=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
        processor=busy / len(times) * 1000,
    )


def main() -> None:
    """Start all, load each in turn, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", type=Path)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=8.0)
    told = parser.parse_args()
    with told.texts.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with ExitStack() as stack:
        legs = [stack.enter_context(started(f"ours, {one.name}", process.serve, one)) for one in told.exports]
        legs.append(stack.enter_context(started("FastAPI + pipeline", plain, told.exports[0])))
        found: dict[str, list[Figures]] = {leg.name: [] for leg in legs}
        for leg in legs:
            asyncio.run(load(leg, texts, told.clients, min(2.0, told.seconds)))
        for _ in range(ROUNDS):
            for leg in legs:
                found[leg.name].append(asyncio.run(load(leg, texts, told.clients, told.seconds)))
    print("| server | answers a second | median ms | p99 ms | processor s for 1,000 |\n| --- | --- | --- | --- | --- |")
    for name, figures in found.items():
        cells = [
            statistics.median(getattr(one, key) for one in figures) for key in ("speed", "median", "slow", "processor")
        ]
        print(f"| {name} | {cells[0]:,.0f} | {cells[1]:.0f} | {cells[2]:.0f} | {cells[3]:.2f} |")


if __name__ == "__main__":
    main()
