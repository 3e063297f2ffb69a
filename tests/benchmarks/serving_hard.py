"""Whether a server stays as it is under minutes of malformed, giant, slow, aborted and good requests.

Run by hand: python -m tests.benchmarks.serving_hard EXPORT [--minutes 10]
The server is a process of its own, as the window starts it. Printed each minute: its memory, threads, open files, what
it was asked and what it answered. At the end it must still answer, listen on this machine alone (as the system's own
table says), have no connection left, and be as large as after the second minute, but for some megabytes. Exit 1 where
it is not.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections import Counter
from pathlib import Path

import psutil

from desktop_llm.child import Child
from desktop_llm.serving import process
from desktop_llm.serving.limits import Limits
from desktop_llm.serving.place import Place
from tests.serving.misuse import first_word, hard_use
from tests.serving.requests import ask

MB = 1e6
SETTLED = 2
"""Minutes after which all is there that a server needs."""
PATIENCE = 600.0
"""Seconds that a server may take to start, and a good request wait for its answer: it is memory that is looked at."""
GROWTH = 32
"""Megabytes by which it may differ from then: what the system gives and takes back in pieces."""


def main() -> int:
    """Start, ill-treat, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--minutes", type=int, default=10)
    told = parser.parse_args()
    place = Place(port=0, limits=Limits(body=100_000, body_seconds=2.0, seconds=PATIENCE))
    child = Child(process.serve, str(told.export), place, name="desktop-llm-serve")
    try:
        said = first_word(child, PATIENCE)
        if "address" not in said:
            print(said)
            return 1
        wrong = use(str(said["address"]), psutil.Process(child.pid), told.minutes)
    finally:
        child.send("stop")
        code = child.close(grace=60)
    if code:
        wrong.append(f"it ended with {code}")
    print("; ".join(wrong) if wrong else "All is well.")
    return 1 if wrong else 0


def use(address: str, server: psutil.Process, minutes: int) -> list[str]:
    """Minutes of hard use; what is wrong at their end."""
    kinds: Counter[str] = Counter()
    answered = 0
    sizes: list[float] = []
    print("| minute | MB | threads | open files | good answers | bad requests |\n" + "| --- " * 6 + "|")
    for minute in range(1, minutes + 1):
        bad, good = hard_use(address, 60.0, PATIENCE)
        kinds, answered = kinds + bad, answered + good
        sizes.append(server.memory_info().rss / MB)
        cells = (minute, round(sizes[-1]), server.num_threads(), server.num_fds(), answered, sum(kinds.values()))
        print("| " + " | ".join(f"{one:,}" for one in cells) + " |", flush=True)
    print(", ".join(f"{count:,} × {kind}" for kind, count in sorted(kinds.items())))
    return wrong_at_the_end(address, server, sizes)


def wrong_at_the_end(address: str, server: psutil.Process, sizes: list[float]) -> list[str]:
    """What is not as it should be."""
    end = time.monotonic() + 20
    while len(server.net_connections("tcp")) > 1 and time.monotonic() < end:
        time.sleep(0.1)
    wrong = []
    left = [one for one in server.net_connections("tcp") if one.status != "LISTEN"]
    if left:
        wrong.append(f"{len(left)} connections are left")
    places = {one.laddr.ip for one in server.net_connections() if one.status == "LISTEN"} | listening(address)
    print(f"It listens on {', '.join(sorted(places))}.")
    if places != {"127.0.0.1"}:
        wrong.append("it listens elsewhere, too")
    status, told = ask(address, "/predict", {"text": "soup and bread"})
    print(f"It answers {status}: {told}")
    if status != 200:
        wrong.append("it does not answer any more")
    if len(sizes) > SETTLED and sizes[-1] - sizes[SETTLED - 1] > GROWTH:
        wrong.append(f"it has grown by {sizes[-1] - sizes[SETTLED - 1]:.0f} MB since minute {SETTLED}")
    return wrong


def listening(address: str) -> set[str]:
    """The addresses on which anybody listens on the server's port, by the system's own table (Linux)."""
    port = int(address.rpartition(":")[2])
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        table = Path("/proc/net") / name
        if not table.is_file():
            continue
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            place, state = line.split()[1], line.split()[3]
            host, _, number = place.partition(":")
            if state == "0A" and int(number, 16) == port:
                words = [bytes.fromhex(host[start : start + 8])[::-1] for start in range(0, len(host), 8)]
                found.add(socket.inet_ntop(family, b"".join(words)))
    return found


if __name__ == "__main__":
    sys.exit(main())
