"""Looks into ZIP files without ever writing what they hold to disk, and refuses those made to harm.

Refused are names that lead out of the archive, more or larger members than anybody needs, sizes that grow suspiciously
in unpacking, and passwords.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from desktop_llm.data.readers.held import held
from desktop_llm.data.readers.lines import opened
from desktop_llm.errors import UserError

MOST_MEMBERS = 100_000
LARGEST_WHOLE = 8 << 30
LARGEST_RATIO = 250
RATIO_FROM = 10 << 20
IN_MEMORY = 32 << 20
LARGEST_HELD = 256 << 20
OFFICE = ("xl/", "word/", "ppt/")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)


class Member(NamedTuple):
    """A file of an archive: its name, its bytes when unpacked, and a path that only readers can use."""

    name: str
    size: int
    path: Path


def names(path: Path) -> list[str]:
    """What a ZIP file holds, judged safe to be read. Raises UserError."""
    with opened(path) as file, _archive(path, file) as archive:
        return [info.filename for info in archive.infolist()]


@contextmanager
def members(path: Path) -> Iterator[Sequence[Member]]:
    """The files of an archive, readable while it is open. Raises UserError."""
    with opened(path) as file, _archive(path, file) as archive:
        yield [
            Member(info.filename, info.file_size, held(info.filename, _opener(archive, info)))
            for info in sorted(archive.infolist(), key=lambda one: one.filename)
            if not info.is_dir()
        ]


def broken(name: str, error: Exception) -> UserError:
    """What to say when an archive breaks while it is read."""
    told = str(error).strip().rstrip(".") or "it ends too early"
    return UserError(
        f"“{name}” is a ZIP archive or an Office document that cannot be read ({told}); copy it again, or "
        "save the data as CSV, TSV, JSON or JSON Lines and choose that file."
    )


@contextmanager
def _archive(path: Path, file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_harm(path.name, archive.infolist())
            yield archive
    except BROKEN as error:
        raise broken(path.name, error) from error


def _refuse_harm(name: str, infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > MOST_MEMBERS:
        raise UserError(f"“{name}” holds {len(infos):,} files; at most {MOST_MEMBERS:,} are read: unpack it in parts.")
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        if not parts[0] or ".." in parts or any(":" in part for part in parts) or "\0" in info.filename:
            raise UserError(f"“{name}” is refused: its file “{info.filename[:80]}” would lie outside the archive.")
        if info.flag_bits & 1:
            raise UserError(f"“{name}” is protected by a password; unpack it and choose the folder.")
        if info.file_size > RATIO_FROM and info.file_size > LARGEST_RATIO * max(1, info.compress_size):
            raise UserError(
                f"“{name}” is refused: its file “{info.filename[:80]}” would grow {LARGEST_RATIO} times and more; "
                "if you trust it, unpack it yourself and choose the folder."
            )
    whole = sum(info.file_size for info in infos)
    if whole > LARGEST_WHOLE:
        raise UserError(
            f"“{name}” holds {whole:,} bytes when unpacked; at most {LARGEST_WHOLE:,} are read: "
            "if you trust it, unpack it yourself and choose the folder."
        )


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        member = archive.open(info)
        if info.file_size > IN_MEMORY:
            return io.BufferedReader(member)  # type: ignore[type-var]
        with member:
            return io.BytesIO(member.read())

    return opener
