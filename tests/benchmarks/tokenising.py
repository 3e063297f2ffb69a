"""Texts to token ids: our way onto the disk against the `tokenizers` library's own encode_batch, on the same cores.

Run by hand: python -m tests.benchmarks.tokenising [--text FILE] [--megabytes 20] [--rounds 5]
FILE is plain text, its rows parted by blank lines; without it the texts of ../shared/data/language_modelling are used,
as often as it takes. Ours reads a snapshot (JSON lines) from the disk, encodes and writes memory-mapped files with
their hashes; the bare calls have all texts in memory, a thousand at a time, and keep nothing. Both take turns; the
table has medians over the rounds of MB/s by the clock and by the processor's time, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FILES = ("tinyshakespeare.txt", "song_ci_zh.txt")
VOCABULARY, CHUNK = 8192, 1000
LEGS = ("encode_batch_fast", "encode_batch", "ours")


def texts(told: argparse.Namespace) -> list[str]:
    """Rows of about so many megabytes."""
    size = int(told.megabytes * 1e6)
    if told.text:
        with Path(told.text).open(encoding="utf-8") as file:
            whole = file.read(size)
    else:
        folder = Path(told.data) / "language_modelling"
        whole = "\n\n".join((folder / name).read_text(encoding="utf-8") for name in FILES)
        whole = (whole + "\n\n") * (1 + size // len(whole.encode()))
    rows: list[str] = []
    for part in whole.split("\n\n"):
        if part.strip():
            rows.append(part)
            size -= len(part.encode())
            if size <= 0:
                break
    return rows


def main() -> None:
    """Take turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("DESKTOP_LLM_SHARED", "../shared") + "/data")
    parser.add_argument("--text", default="")
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    from desktop_llm.jobs import snapshot
    from desktop_llm.nets import packing, tokenizer
    from desktop_llm.nets.token_shelf import Shelf

    rows = texts(told)
    size = sum(len(row.encode()) for row in rows) / 1e6
    learned = tokenizer.train_exact(rows[: len(rows) // 4], VOCABULARY)
    backend = learned.backend_tokenizer
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot.write(folder / "snapshot", {"train": ({"id": at, "text": row} for at, row in enumerate(rows))})

        def bare(encode: Callable[..., object]) -> None:
            for start in range(0, len(rows), CHUNK):
                encode(rows[start : start + CHUNK], add_special_tokens=False)

        def ours(place: int) -> None:
            packing.encode(
                learned,
                (row["text"] for row in snapshot.Listed(folder / "snapshot")),
                before=0,
                after=0,
                size=128,
                report=lambda *_: None,
                shelf=Shelf(folder / "tokens", str(place), "train"),
            )

        speeds: dict[str, list[tuple[float, float]]] = {leg: [] for leg in LEGS}
        for place in range(told.rounds):
            for leg in LEGS if place % 2 == 0 else reversed(LEGS):
                clock, worked = time.perf_counter(), time.process_time()
                if leg == "ours":
                    ours(place)
                else:
                    bare(getattr(backend, leg))
                speeds[leg].append((size / (time.perf_counter() - clock), size / (time.process_time() - worked)))
    middle = {leg: [statistics.median(one[at] for one in found) for at in (0, 1)] for leg, found in speeds.items()}
    say = sys.stdout.write
    say(f"{len(rows):,} rows, {size:.1f} MB, {len(learned):,} tokens in the vocabulary, {os.cpu_count()} cores\n")
    say(f"{'':20s}{'MB/s':>8s}{'MB/s of a core':>16s}{'to encode_batch':>18s}{'to …_fast':>12s}\n")
    for leg, (clock, worked) in middle.items():
        ratios = [f"{clock / middle[one][0]:.2f} ({worked / middle[one][1]:.2f})" for one in LEGS[1::-1]]
        say(f"{leg:20s}{clock:8.2f}{worked:16.2f}{ratios[0]:>18s}{ratios[1]:>12s}\n")
    say("Ratios by the clock, and by the processor's time in brackets.\n")


if __name__ == "__main__":
    main()
