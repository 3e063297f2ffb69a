"""Who has a project open: one writer at a time, held by the operating system, so that a dead holder never blocks."""

from __future__ import annotations

import getpass
import json
import os
import socket
from contextlib import suppress
from io import BufferedRandom
from pathlib import Path

NAME = "project.lock"


class Lock:
    """The writer's lock of a project folder."""

    def __init__(self, folder: Path) -> None:
        """Try to take it at once. Raises OSError where the folder cannot be written or its disk knows no locks."""
        self._path = folder / NAME
        self._file: BufferedRandom | None = None
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        file = os.fdopen(handle, "r+b", buffering=0)  # unbuffered: what is written is there at once
        try:
            taken = _take(file.fileno())
        except OSError:
            file.close()
            raise
        if not taken:
            file.close()
            return
        self._file = file  # type: ignore[assignment]
        told = {"pid": os.getpid(), "user": _user(), "host": socket.gethostname()}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(told).encode())

    @property
    def held(self) -> bool:
        """Whether we have it."""
        return self._file is not None

    def holder(self) -> str:
        """Who has it, in words."""
        try:
            told = json.loads(self._path.read_bytes()[:1000] or b"{}")
            return f"{told['user']} on {told['host']} has it open (process {told['pid']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another program has it open"

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            with suppress(OSError):
                self._file.truncate(0)
            self._file.close()
            self._file = None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


if os.name == "nt":
    import msvcrt

    def _take(handle: int) -> bool:
        # the locked byte lies far behind the words, so that others can read who has it
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
