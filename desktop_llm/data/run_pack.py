"""The files of a run on their way to a server, as one ZIP, and back again, as a ZIP or a folder.

    run-0007/  README.txt  run.sh  run.slurm  requirements.txt  program/desktop_llm/…  run/…

Nothing of what comes back is trusted: names and sizes are judged first, only what a run is made of is read, and links
are refused.
"""

from __future__ import annotations

import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from desktop_llm import atomic
from desktop_llm.data.readers import archive
from desktop_llm.data.readers.archive import Member
from desktop_llm.errors import Cancelled, UserError, from_os_error

ENDING = ".zip"
JOB = "job.json"
RUN, PROGRAM = "run", "program"
AT_ONCE = 1 << 20
PACKED_ALREADY = {".safetensors"}
"""What deflate makes no smaller."""
OF_A_RUN = re.compile(
    r"job\.json|events\.jsonl|snapshot/[^/]+|predictions/[^/]+\.jsonl|(model|adapter|checkpoints/(step-\d{8,}|best)"
    r"|dynamics/(part-\d{8,}|summary))/.+"
)
"""The files that are taken from a server, by their names in the run folder."""
LARGEST_JOB = 64 << 20
MODE = 0o644

Place = TypeVar("Place", Path, PurePosixPath)
OnBytes = Callable[[int], None]
"""Hears how many more bytes were read or written; raises Cancelled to stop."""
Files = Mapping[str, Member]
"""What came back, by names in the run folder."""


class Packing:
    """A pack that is being written."""

    def __init__(self, packed: zipfile.ZipFile, top: str, on_bytes: OnBytes) -> None:
        """For `packing`."""
        self._packed, self._top, self._on_bytes = packed, top, on_bytes

    def put(self, name: str, content: bytes) -> None:
        """A small file."""
        with self._open(name) as out:
            out.write(content)

    def copy(self, name: str, source: Path) -> None:
        """A file from the disk. Raises OSError, Cancelled."""
        with source.open("rb") as file, self._open(name) as out:
            while piece := file.read(AT_ONCE):
                out.write(piece)
                self._on_bytes(len(piece))

    def _open(self, name: str) -> IO[bytes]:
        info = zipfile.ZipInfo(f"{self._top}/{name}", date_time=time.localtime()[:6])
        info.external_attr = MODE << 16
        stored = PurePosixPath(name).suffix in PACKED_ALREADY
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        return self._packed.open(info, "w", force_zip64=True)


@contextmanager
def packing(path: Path, top: str, on_bytes: OnBytes) -> Iterator[Packing]:
    """Write a pack with all its files below the folder `top`; it appears whole or not at all. Raises UserError."""
    try:
        with atomic.new_file(path) as file, zipfile.ZipFile(file, "w") as packed:
            yield Packing(packed, top, on_bytes)
    except OSError as error:
        raise from_os_error(error, "write", path) from error


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """The files of the one run in a ZIP or a folder. Raises UserError."""
    if path.is_dir():
        yield _in_folder(path)
        return
    try:
        with zipfile.ZipFile(path):
            pass
    except archive.BROKEN as error:
        words = f"“{path.name}” is no whole ZIP file; choose the folder of a run, or a ZIP of it."
        raise UserError(words, details=str(error)) from error
    except OSError as error:
        raise from_os_error(error, "read", path) from error
    with archive.members(path) as members:
        yield _in_archive(path, {one.name.replace("\\", "/"): one for one in members})


def copy(files: Files, name: str, to: Path, on_bytes: OnBytes) -> None:
    """Write one of the files to `to`. Raises UserError, Cancelled."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("wb") as out:
            for piece in pieces(files, name):
                out.write(piece)
                on_bytes(len(piece))
    except OSError as error:
        raise from_os_error(error, "copy", name) from error


def pieces(files: Files, name: str) -> Iterator[bytes]:
    """The content of one of the files. Raises UserError."""
    try:
        with files[name].path.open("rb") as file:
            while piece := file.read(AT_ONCE):
                yield piece
    except archive.BROKEN as error:
        raise UserError(f"“{name}” is damaged; copy it from the server again.", details=str(error)) from error
    except OSError as error:
        raise from_os_error(error, "read", name) from error


def counter(total: int, on_progress: Callable[[float, str], None], should_stop: Callable[[], bool]) -> OnBytes:
    """Tells how far of `total` bytes one is, and raises Cancelled when one should stop."""
    done = 0

    def on_bytes(more: int) -> None:
        nonlocal done
        done += more
        if should_stop():
            raise Cancelled
        on_progress(min(1.0, done / max(1, total)), f"{done:,}")

    return on_bytes


def _in_folder(path: Path) -> Files:
    try:
        found = [one for one in (path, path / RUN) if (one / JOB).is_file()][:1]
        found = found or [one.parent for one in sorted((*path.glob(f"*/{JOB}"), *path.glob(f"*/{RUN}/{JOB}")))]
        root = _only(found, path.name)
        return {one.name: one for one in _walk(root) if OF_A_RUN.fullmatch(one.name)}
    except OSError as error:
        raise from_os_error(error, "read", path) from error


def _walk(root: Path) -> Iterator[Member]:
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            told = path.relative_to(root).as_posix()
            if path.is_symlink() and not told.startswith("."):
                raise UserError(f"“{path}” is a link; copy from the server what it stands for, and try again.")
            if name in names and path.is_file():
                yield Member(told, path.stat().st_size, path)


def _in_archive(path: Path, members: Mapping[str, Member]) -> Files:
    jobs = [PurePosixPath(name) for name in members if PurePosixPath(name).name == JOB]
    highest = min((len(one.parts) for one in jobs), default=0)
    root = _only([one.parent for one in jobs if len(one.parts) == highest], path.name)
    before = "" if root == PurePosixPath(".") else f"{root}/"
    inside = {name.removeprefix(before): one for name, one in members.items() if name.startswith(before)}
    return {name: one for name, one in inside.items() if OF_A_RUN.fullmatch(name)}


def _only(found: list[Place], name: str) -> Place:
    if not found:
        raise UserError(
            f"“{name}” holds no run: there is no {JOB}; choose the folder “{RUN}” that came from the server."
        )
    if len(found) > 1:
        raise UserError(f"“{name}” holds several runs; choose one of them.")
    return found[0]
