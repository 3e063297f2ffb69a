"""Which checkpoints stay: the newest, those at every so many steps, and no more than a disk budget allows.

The newest whole checkpoint and the best model always stay. Where the budget is too small, the oldest goes first,
whatever it was kept for.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_llm.engine import checkpoint
from desktop_llm.jobs.recipe import Recipe

GIGABYTE = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`last` newest stay, those at multiples of `every` (0: none) too; `room` in bytes for all (0: no limit)."""

    last: int = 2
    every: int = 0
    room: int = 0

    def is_marked(self, step: int) -> bool:
        """Whether the checkpoint of `step` is to stay for good."""
        return self.every > 0 and step > 0 and step % self.every == 0

    def surplus(self, kept: Sequence[tuple[int, int]], others: int) -> list[int]:
        """The steps that go, of `kept` (step, bytes) newest first; `others` are bytes that stay anyway."""
        going = [step for step, _ in kept[self.last :] if not self.is_marked(step)]
        if self.room:
            sizes = {step: size for step, size in kept if step not in going}
            for step in sorted(sizes)[: len(sizes) - 1]:
                if others + sum(sizes.values()) <= self.room:
                    break
                del sizes[step]
                going.append(step)
        return going


def of(recipe: Recipe) -> Retention:
    """The rule of a recipe."""
    room = recipe.save_gigabytes
    return Retention(
        last=recipe.save_total_limit,
        every=recipe.save_kept_steps or 0,
        room=int(room * GIGABYTE) if room is not None else 0,
    )


def tidy(folder: Path, rule: Retention, coming: int = 0) -> None:
    """Remove the checkpoints in `folder` that go by `rule`, when `coming` bytes are to be written beside them.

    What is about to be written takes none of the places of the newest: until it is whole it may be all there is.
    """
    kept = [(checkpoint.step_of(path), size(path)) for path in checkpoint.steps(folder)]
    others = size(folder / checkpoint.BEST) + coming
    for step in rule.surplus(kept, others):
        shutil.rmtree(folder / checkpoint.name_of(step), ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of the files in `folder`; 0 when it is not there."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0
