"""How many rows a second each step of cleaning takes, and finding personal data, splitting and the profile.

Run by hand: python -m tests.benchmarks.cleaning [--rows 20000]
Rows are generated: short messages in English, German and Chinese, some with markup, odd characters, personal data,
footers, and some that repeat others exactly or nearly. Steps that learn read the rows twice; that is in their time.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from hashlib import blake2b

from desktop_llm.data.cleaning.leakage import leaks
from desktop_llm.data.cleaning.pipeline import plan
from desktop_llm.data.cleaning.step import Row, Step
from desktop_llm.data.cleaning.steps import STEPS
from desktop_llm.data.personal.find import find
from desktop_llm.data.personal.masking import replace
from desktop_llm.data.personal.pseudonyms import Pseudonyms
from desktop_llm.data.profile import Profiler
from desktop_llm.data.splits import METHODS, SplitRow, split

ENGLISH = "the parcel order card payment was not my when where has been lost and for two weeks please help refund"
GERMAN = "das Paket die Bestellung meine Karte wurde nicht wann wo ist seit zwei Wochen bitte Hilfe für schön"
CHINESE = "我的包裹订单银行卡付款没有收到什么时候退款请帮忙两个星期谢谢你们客服电话"
EXTRAS = (
    " <b>urgent</b> &amp; important<br>",
    " schÃ¶n",
    " zero\u200bwidth 👩‍👩‍👧",
    " jane.doe@mailbox.com",
    " 13812345678",
    " +49 30 2312399",
    " 4111 1111 1111 1111",
    " order 4500012345 of 2024-01-15",
    "\r\n\r\n\r\n  Sent from my mobile phone, please excuse typing mistakes.",
)


def generated(count: int) -> list[Row]:
    """So many rows, the same each time."""
    chance = random.Random(7)
    rows: list[Row] = []
    for number in range(count):
        kind = chance.random()
        if rows and kind < 0.05:
            text = chance.choice(rows)[1]
        elif rows and kind < 0.1:
            text = chance.choice(rows)[1] + " now"
        elif kind < 0.4:
            text = "".join(chance.choices(CHINESE, k=chance.randint(8, 60)))
        else:
            text = " ".join(chance.choices(chance.choice((ENGLISH, GERMAN)).split(), k=chance.randint(5, 40)))
        rows.append((number, text + (chance.choice(EXTRAS) if chance.random() < 0.3 else "")))
    return rows


def measured(name: str, rows: int, work: Callable[[], object]) -> None:
    """Print how many rows a second the work takes."""
    began = time.perf_counter()
    outcome = work()
    seconds = time.perf_counter() - began
    print(f"{name:28} {rows / seconds:>12,.0f} rows/s   {outcome}", flush=True)


def _planned(rows: list[Row], steps: tuple[Step, ...]) -> str:
    return f"{sum(1 for _ in plan(rows, steps)):,} rows concerned"


def _profiled(rows: list[Row]) -> str:
    profiler = Profiler()
    for _, text in rows:
        profiler.add(text)
    return f"{profiler.profile().duplicates:,} duplicates"


def _personal(rows: list[Row]) -> None:
    pseudonyms = Pseudonyms(b"only for this benchmark")
    measured("personal: find", len(rows), lambda: f"{sum(len(find(text)) for _, text in rows):,} finds")
    found = [(text, finds) for _, text in rows if (finds := find(text))]
    measured("personal: replace", len(found), lambda: len([replace(text, finds, pseudonyms) for text, finds in found]))


def _splits(rows: list[Row]) -> None:
    ready = [
        SplitRow(
            id=number,
            hash=blake2b(text.encode()).digest(),
            stratum=str(number % 77),
            split="",
            group=str(number // 3),
            time=float(number),
        )
        for number, text in rows
    ]
    for method in METHODS:
        measured(f"split: {method}", len(rows), lambda method=method: len(split(ready, method)))  # type: ignore[misc]
    sides = split(ready, "random")
    measured("leakage", len(rows), lambda: f"{len(leaks((id, text, sides[id]) for id, text in rows)):,} leaks")


def main() -> None:
    """Print rows a second for everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = generated(parser.parse_args().rows)
    # Libraries and models are loaded beforehand.
    list(plan(rows[:50], STEPS))
    find("+49 30 2312399 and 11010519491231002X and DE89370400440532013000")
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for step in STEPS:
        used = type(step)(languages="en, de, zh") if step.name == "language" else step  # type: ignore[call-arg]
        measured(step.name, len(rows), lambda used=used: _planned(rows, (used,)))  # type: ignore[misc]
    measured("all steps", len(rows), lambda: _planned(rows, STEPS))
    _personal(rows)
    _splits(rows)
    measured("profile", len(rows), lambda: _profiled(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / 1024:,.0f} MB, of which {(peak - began) / 1024:,.0f} MB by the work", file=sys.stderr)


if __name__ == "__main__":
    main()
