"""Files that lie in no folder of their own (members of an archive), in the shape in which readers know a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast


class Held:
    """A name and a way to open what it stands for; nothing of it is ever written to disk."""

    def __init__(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        """`opener` gives a fresh, seekable, binary file at its start."""
        self._told = name
        self._opener = opener
        self.name = PurePosixPath(name).name
        self.suffix = PurePosixPath(name).suffix

    def open(self, mode: str = "rb") -> BinaryIO:
        """The content, from its start."""
        if mode != "rb":
            raise ValueError(f"what an archive holds cannot be opened as {mode!r}")
        return self._opener()

    def is_dir(self) -> bool:
        """Never a folder."""
        return False

    def is_file(self) -> bool:
        """Always a file."""
        return True

    def exists(self) -> bool:
        """It was listed, so it is there."""
        return True

    def __str__(self) -> str:
        """The whole name."""
        return self._told


def held(name: str, opener: Callable[[], BinaryIO]) -> Path:
    """Such a file for the readers, which take paths but only open them, ask what they are, and say their names."""
    return cast(Path, Held(name, opener))
