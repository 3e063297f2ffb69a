"""The models that a person keeps: what they are, what they serve, more of them, and fewer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop_llm.catalog import folder as folders
from desktop_llm.catalog import shelf
from desktop_llm.catalog.folder import Look
from desktop_llm.catalog.shelf import Entry
from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.verbs import sources
from desktop_llm.verbs.sources import Serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A folder on the list, as it looks now, and what can start from it."""

    entry: Entry
    look: Look
    serves: tuple[Serves, ...]

    @property
    def ours(self) -> bool:
        """Whether this program has downloaded it, into its own folder."""
        return bool(self.entry.source) and self.entry.path.is_relative_to(shelf.models_dir().absolute())

    def can(self, task: str) -> bool:
        """Whether it can be trained for this task."""
        return any(told.task == task and not told.why_not for told in self.serves)


def kept(should_stop: Callable[[], bool] = lambda: False) -> list[Kept]:
    """The list. Raises Cancelled."""
    told = []
    for entry in shelf.entries():
        if should_stop():
            raise Cancelled
        told.append(_kept(entry))
    return told


def paths() -> list[str]:
    """The folders of the list that are there, in its order."""
    return [str(one.path) for one in shelf.entries() if one.path.is_dir()]


def add(some: Iterable[Path]) -> list[Kept]:
    """Put folders on the list. Raises UserError for what is no model folder."""
    return [_kept(shelf.add(one)) for one in some]


def add_below(below: Path, should_stop: Callable[[], bool] = lambda: False) -> list[Kept]:
    """Put on the list what model folders there are in a folder. Raises UserError, also where there are none."""
    found = shelf.find(below, should_stop)
    if not found:
        raise UserError(f"There is no model folder in “{below}”: none has a config.json beside its weights.")
    there = {one.path for one in shelf.entries()}
    return add(one for one in found if one not in there)


def remove(folder: Path, *, files: bool = False) -> None:
    """Take a folder from the list; with `files`, what was downloaded into it goes, too. Raises UserError."""
    path = folder.absolute()
    entry = next((one for one in shelf.entries() if one.path == path), None)
    if entry is None:
        raise UserError(f"“{path}” is not on the list of models.")
    if files:
        if not _kept(entry).ours:
            raise UserError(f"“{path}” was not downloaded by this program; delete its files yourself.")
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise from_os_error(error, "delete", path) from error
    shelf.remove(path)


def _kept(entry: Entry) -> Kept:
    look = folders.look(entry.path)
    return Kept(entry=entry, look=look, serves=tuple(sources.serves(look)))
