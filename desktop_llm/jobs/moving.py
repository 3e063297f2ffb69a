"""Where the model folders of a kept recipe lie: those inside the project are named by their place from it.

So a project can be moved, and its runs and searches still find the models of its runs, and its smaller starts.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from desktop_llm.jobs import provenance
from desktop_llm.jobs.recipe import SCRATCH, Recipe

RUNS, STARTS = "runs", "starts"
"""Where the model folders of a project lie."""


def kept(recipe: Recipe, home: Path) -> Recipe:
    """The recipe as it is kept in `home`, the folder of a run or of a search."""
    around = home.parent.resolve()

    def place(model: str) -> str:
        path = Path(model)
        for inside in (RUNS, STARTS):
            if path.is_absolute() and path.is_relative_to(around.parent / inside):
                return Path(os.path.relpath(path, around / home.name)).as_posix()
        return model

    return replace(recipe, model=place(recipe.model), teacher=place(recipe.teacher))


def found(recipe: Recipe, home: Path) -> Recipe:
    """The recipe that was kept in `home`, its model folders by paths that are good from everywhere."""

    def place(model: str) -> str:
        if model in ("", SCRATCH) or model.isdecimal() or model.startswith("~"):
            return model
        # the paths of other systems, too, keep their names: a project may come from there
        if any(kind(model).is_absolute() for kind in (Path, PurePosixPath, PureWindowsPath)):
            return model
        return str((home / model).resolve())

    return replace(recipe, model=place(recipe.model), teacher=place(recipe.teacher))


def found_again(model: str, weights: str, home: Path) -> str:
    """A model folder that is named by where its project lay before, by where it lies now, if it came along.

    `weights` is their hash, '' where nobody noted it.
    """
    if model in ("", SCRATCH) or model.startswith("~") or Path(model).is_dir():
        return model
    parts = PureWindowsPath(model).parts  # it reads the paths of other systems, too
    for inside in (parts[-3:], parts[-2:]):
        there = home.resolve().parents[1].joinpath(*inside)
        if inside[:1] in ((RUNS,), (STARTS,)) and there.is_dir():
            with suppress(OSError):
                return str(there) if not weights or provenance.weights(there) == weights else model
    return model
