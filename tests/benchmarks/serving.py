"""How many texts a second a served export answers, against a plain FastAPI handler around a transformers pipeline.

Run by hand: python -m tests.benchmarks.serving EXPORT [EXPORT …] --texts FILE.csv [--clients 32] [--seconds 8]
Each EXPORT is an exported folder (Hugging Face or ONNX); the pipeline takes the first one. All servers are started,
each in a process of its own, and loaded in turn, some rounds long: so many clients, each with a connection that is
kept, send one text at a time and wait for its answer. Printed are the medians of the rounds: answers a second,
the median and the 99th percentile of the time to an answer, and processor seconds of the server, and of the clients,
which are another process, for a thousand answers.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
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

from desktop_llm.serving import address as addresses
from desktop_llm.serving import load, process
from desktop_llm.serving.place import Place

ROUNDS = 3
START_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one round: answers a second, median and 99th percentile in milliseconds, and processor seconds for a thousand
    answers, of the server and of whoever asks."""

    speed: float
    median: float
    slow: float
    processor: float
    generator: float


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


def generator(port: int, asked: list[bytes], clients: int, seconds: float, pipe: Connection) -> None:
    """In a process of its own: the load, and the processor seconds that it took itself."""
    before = time.process_time()
    made = load.press(addresses.parse(f"127.0.0.1:{port}"), "/predict", asked, clients, seconds)
    pipe.send((made, time.process_time() - before))


def measure(leg: Leg, asked: Sequence[bytes], clients: int, seconds: float) -> Figures:
    """One round."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    made = spawn.Process(target=generator, args=(leg.port, list(asked), clients, seconds, theirs), daemon=True)
    before = leg.process.cpu_times()
    made.start()
    assert ours.poll(seconds + START_SECONDS), "no load came to its end"
    told, own = ours.recv()
    made.join(10)
    after = leg.process.cpu_times()
    assert not told.errors, told.errors
    busy = after.user + after.system - before.user - before.system
    return Figures(
        speed=told.speed,
        median=told.median_ms,
        slow=told.p99_ms,
        processor=busy / told.answers * 1000,
        generator=own / told.answers * 1000,
    )


def main() -> None:
    """Start all, load each in turn, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", type=Path)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    told = parser.parse_args()
    with told.texts.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    asked = [json.dumps({"text": text}).encode() for text in texts]
    with ExitStack() as stack:
        legs = [stack.enter_context(started(f"ours, {one.name}", process.serve, one)) for one in told.exports]
        legs.append(stack.enter_context(started("FastAPI + pipeline", plain, told.exports[0])))
        found: dict[str, list[Figures]] = {leg.name: [] for leg in legs}
        for leg in legs:
            measure(leg, asked, told.clients, min(2.0, told.seconds))
        for _ in range(told.rounds):
            for leg in legs:
                found[leg.name].append(measure(leg, asked, told.clients, told.seconds))
    print(
        "| server | answers a second | median ms | p99 ms | processor s for 1,000 | clients' |\n" + "| --- " * 6 + "|"
    )
    for name, figures in found.items():
        speed, median, slow, processor, own = (
            statistics.median(getattr(one, key) for one in figures)
            for key in ("speed", "median", "slow", "processor", "generator")
        )
        print(f"| {name} | {speed:,.1f} | {median:.0f} | {slow:.0f} | {processor:.2f} | {own:.2f} |")
    base = found["FastAPI + pipeline"]
    for name, figures in found.items():
        ratios = [f"{one.speed / other.speed:.2f}" for one, other in zip(figures, base, strict=True)]
        print(f"{name}: {', '.join(ratios)} times the answers a second of FastAPI + pipeline, round by round")


if __name__ == "__main__":
    main()
