#!/usr/bin/env python3
"""Runs the tests where there is no network: in a Linux namespace that has no interface but a loopback that is down.

    python packaging/without_network.py [--loopback] [arguments of pytest]

Whatever the tests or any library tried, in Python or not, would find no way out. Tests that need this machine to speak
to itself (marked `loopback`) are left out; with --loopback they alone run, with the loopback up and nothing else.
Needs `unshare` (util-linux) and a kernel that lets everybody make namespaces.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

INSIDE = "--inside"
LOOPBACK = "--loopback"
SETS_FLAGS, UP_AND_RUNNING = 0x8914, 0x41
"""What the kernel calls it: SIOCSIFFLAGS, IFF_UP | IFF_RUNNING."""
USUAL = "not slow and not benchmark and not gpu"


def main(arguments: list[str]) -> int:
    """Go into a namespace and run pytest there; returns the exit status."""
    if arguments[:1] == [INSIDE]:
        return _inside(arguments[1:])
    unshare = shutil.which("unshare")
    if unshare is None:
        print("There is no program “unshare” here; install util-linux, on Linux.", file=sys.stderr)
        return 1
    command = [unshare, *_flags(LOOPBACK in arguments), sys.executable, str(Path(__file__).resolve()), INSIDE]
    return subprocess.call([*command, *arguments])


def _flags(loopback: bool) -> list[str]:
    """As whom one is there: as oneself, for tests look at what a file lets one do; to raise the loopback, as root."""
    if os.geteuid() == 0:
        return ["--net"]
    return ["--user", "--map-root-user" if loopback else "--map-current-user", "--net"]


def _inside(arguments: list[str]) -> int:
    loopback = LOOPBACK in arguments
    rest = [one for one in arguments if one != LOOPBACK]
    there = {name for _, name in socket.if_nameindex()}
    if there != {"lo"}:
        print(f"There are interfaces here: {', '.join(sorted(there))}; nothing was run.", file=sys.stderr)
        return 1
    if loopback:
        _raise_loopback()
    marked = f"{USUAL} and {'loopback' if loopback else 'not loopback'}"
    return subprocess.call([sys.executable, "-m", "pytest", "-m", marked, *rest])


def _raise_loopback() -> None:
    """Let this machine speak to itself."""
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, SETS_FLAGS, struct.pack("16sh14x", b"lo", UP_AND_RUNNING))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
