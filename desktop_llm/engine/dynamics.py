"""Keeps how each training example was judged, epoch by epoch, in the run's folder.

    dynamics/part-00000120/  records.safetensors MANIFEST.json    what was seen since the checkpoint before
    dynamics/summary/        summary.safetensors MANIFEST.json    at the end of the run, see `loop.dynamics`

A part is written just before the checkpoint of its step. Who goes on from a checkpoint drops the parts beyond it and
sees their steps again: so a resumed run ends with the same records.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from desktop_llm import atomic
from desktop_llm.engine.ranks import ALONE, Ranks
from desktop_llm.errors import from_os_error
from desktop_llm.loop import dynamics
from desktop_llm.loop.dynamics import Records, Summary
from desktop_llm.nets.learner import Judged

RECORDS, SUMMARY = "records.safetensors", "summary.safetensors"


class Dynamics:
    """Owns the folder `dynamics/` while a run goes on."""

    def __init__(self, folder: Path, ranks: Ranks = ALONE) -> None:
        """Nothing is written before something was seen. Of several processes the first writes what all have seen."""
        self._folder, self._ranks = folder, ranks
        self._unread: list[tuple[int, np.ndarray, Judged]] = []
        self._late = dynamics.NO_RECORDS
        """What was read, and the disk refused."""
        self._troubled = False

    def begin(self, step: int) -> None:
        """The run goes on after `step`: forget what was seen beyond."""
        self._unread.clear()
        self._late = dynamics.NO_RECORDS
        if not self._ranks.first:
            return
        for part in self._parts():
            if _step(part) > step:
                shutil.rmtree(part, ignore_errors=True)
        for left in self._folder.glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)

    def add(self, epoch: int, judged: Sequence[tuple[np.ndarray, Judged]]) -> None:
        """Keep how a step's examples were judged; the figures stay on the device until they are written."""
        self._unread.extend((epoch, indices, one) for indices, one in judged)

    def write(self, step: int) -> str:
        """Write what was seen since the last time; a sentence where the disk refuses, the first time, else ''."""
        seen = self._read()
        if not len(seen.example):
            return ""
        try:
            with atomic.new_folder(self._folder / f"part-{step:08d}") as filling:
                save_file(_arrays(seen), filling / RECORDS)
        except (OSError, SafetensorError) as error:
            first, self._troubled, self._late = not self._troubled, True, seen
            told = _refused(error, self._folder)
            return f"How the training texts were judged is not kept yet: {told}" if first else ""
        return ""

    def finish(self, items: Callable[[], Sequence[int]]) -> str:
        """Sum all up; a sentence where something is missing, else ''.

        `items` gives the ids of the training rows; what was seen of further rows behind them is left out.
        """
        unwritten = self._read()
        if not self._ranks.first:
            return ""
        parts = self._parts()
        whole = [part for part in parts if not atomic.damage(part)]
        missing = f"{len(parts) - len(whole)} of {len(parts)} parts are damaged" if len(whole) < len(parts) else ""
        try:
            records = dynamics.joined([*(Records(**load_file(part / RECORDS)) for part in whole), unwritten])
            if not len(records.example):
                return ""
            told = dynamics.summarise(records, np.asarray(items(), dtype=np.int64))
            with atomic.new_folder(self._folder / "summary") as filling:
                save_file(_arrays(told), filling / SUMMARY)
        except (OSError, SafetensorError) as error:
            missing = _refused(error, self._folder)
        return f"How the training texts were judged is not kept as a whole: {missing}" if missing else ""

    def _parts(self) -> list[Path]:
        return sorted(self._folder.glob("part-*"))

    def _read(self) -> Records:
        """What is not written yet, of all processes on the first."""
        every = [self._late, *self._ranks.gathered(self._read_here())]
        self._unread, self._late = [], dynamics.NO_RECORDS
        return dynamics.joined(every)

    def _read_here(self) -> Records:
        """What is not written yet; reads it from the device in one go."""
        if not self._unread:
            return dynamics.NO_RECORDS
        places = [indices for _, indices, _ in self._unread]
        judged = [one for _, _, one in self._unread]
        epochs = np.repeat([epoch for epoch, _, _ in self._unread], [len(one) for one in places])
        return Records(
            example=np.concatenate(places).astype(np.int32),
            epoch=epochs.astype(np.int32),
            sure=torch.cat([one.sure for one in judged]).cpu().numpy().astype(np.float16),
            right=torch.cat([one.right for one in judged]).cpu().numpy().astype(np.bool_),
            against=torch.cat([one.against for one in judged]).cpu().numpy().astype(np.int32),
            against_sure=torch.cat([one.against_sure for one in judged]).cpu().numpy().astype(np.float16),
        )


def _arrays(told: Records | Summary) -> dict[str, np.ndarray]:
    return {one.name: np.ascontiguousarray(getattr(told, one.name)) for one in fields(told)}


def _refused(error: Exception, folder: Path) -> str:
    return from_os_error(error, "write to", folder).message if isinstance(error, OSError) else f"{error}."


def _step(part: Path) -> int:
    number = part.name.removeprefix("part-")
    return int(number) if number.isdecimal() else 0
