"""The file format of a bundle: a ZIP of JSON Lines, each part a list of records of one kind.

Nothing in it is trusted: names, sizes and every record are judged before anything is believed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from desktop_llm import atomic
from desktop_llm.data.readers import archive
from desktop_llm.errors import UserError, from_os_error

ENDING = ".dllm"
HEAD, CLASSES, ROWS, EVENTS = "bundle.json", "classes.jsonl", "rows.jsonl", "events.jsonl"
GUIDELINES = "guidelines.jsonl"
LONGEST_LINE = 64 << 20
T = TypeVar("T")


class Packing:
    """A bundle that is being written."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        """For `packing`."""
        self._packed = packed

    def put(self, part: str, records: Iterable[object]) -> int:
        """Write a part, record after record; how many they were."""
        count = 0
        with self._packed.open(part, "w", force_zip64=True) as out:
            for record in records:
                out.write(msgspec.json.encode(record) + b"\n")
                count += 1
        return count


@contextmanager
def packing(path: Path) -> Iterator[Packing]:
    """Write a bundle, which appears whole or not at all. Raises UserError."""
    try:
        with atomic.new_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            yield Packing(packed)
    except OSError as error:
        raise from_os_error(error, "write the bundle", path) from error


class Unpacking:
    """A bundle that is being read."""

    def __init__(self, path: Path, members: dict[str, Path]) -> None:
        """For `unpacking`."""
        self._path, self._members = path, members

    def take(self, part: str, kind: type[T], *, needed: bool = True) -> Iterator[T]:
        """The records of a part. Raises UserError where one is no `kind`, or the part is `needed` and not there."""
        if part not in self._members:
            if not needed:
                return
            raise UserError(f"“{self._path.name}” is no bundle of desktop_llm: it holds no {part}.")
        decode = msgspec.json.Decoder(kind).decode
        with self._members[part].open("rb") as file:
            for number, line in enumerate(_lines(file), 1):
                try:
                    yield decode(line)
                except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                    raise UserError(
                        f"“{self._path.name}” is damaged: line {number:,} of {part} cannot be read; "
                        "ask for the bundle again.",
                        details=str(error),
                    ) from error


@contextmanager
def unpacking(path: Path) -> Iterator[Unpacking]:
    """Read a bundle. Raises UserError."""
    try:
        with path.open("rb") as file:  # one that is not there, or may not be read, is to say so
            sound = zipfile.is_zipfile(file)
        if not sound:
            raise UserError(f"“{path.name}” is no bundle of desktop_llm; choose a file that ends in {ENDING}.")
        with archive.members(path) as members:
            yield Unpacking(path, {one.name: one.path for one in members})
    except archive.BROKEN as error:
        raise UserError(f"“{path.name}” is damaged; ask for the bundle again.", details=str(error)) from error
    except OSError as error:
        raise from_os_error(error, "read the bundle", path) from error


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line
