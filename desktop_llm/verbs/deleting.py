"""Delete a run for good: what the project knows of it, and its folder with model, checkpoints and data of its day."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.store.runs import ALIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What goes with a run: bytes on the disk, and the numbers of the runs that started from its model."""

    number: int
    bytes: int
    starts: Sequence[int]

    @property
    def words(self) -> str:
        """What it means for the other runs; '' where it means nothing."""
        if not self.starts:
            return ""
        if len(self.starts) == 1:
            return (
                f"Run {self.starts[0]} has started from its model: it stays, and cannot be repeated exactly any more."
            )
        named = ", ".join(str(one) for one in self.starts)
        return f"The runs {named} have started from its model: they stay, and cannot be repeated exactly any more."


def going(project: Project, number: int) -> Going:
    """What would go; changes nothing. Raises UserError where it cannot go now."""
    run = project.runs.get(number)
    run.must_be_here()
    if run.state in ALIVE and run.state != "preparing":
        raise UserError(f"Run {number} is {run.state}; stop it first.")
    folder = project.runs.folder(number)
    model = str(folder.model.resolve())
    from_it = [one for one in project.runs.all() if one.recipe.model == model]
    waiting = sorted(one.number for one in from_it if not one.ended)
    if waiting:
        raise UserError(
            f"Run {waiting[0]} starts from the model of run {number} and has not ended; end or delete it first."
        )
    starts = [one.number for one in from_it]
    return Going(number=number, bytes=_size(folder.path), starts=sorted(starts))


def delete(project: Project, number: int) -> Changes:
    """Delete a run and all of its files. Raises UserError; then nothing is gone."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    going(project, number)
    folder = project.runs.folder(number).path
    # its name is one that opening the project tidies away, should nobody come to it
    aside = folder.with_name(f".{folder.name}.deleted.part")
    try:
        if folder.is_dir():
            folder.rename(aside)
    except OSError as error:
        raise from_os_error(error, "delete the folder of the run", folder) from error
    try:
        changes = project.runs.delete(number)
    except BaseException:  # the project still knows of it: so it must be there; what stopped us goes on up
        if aside.is_dir():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
    return changes


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
