"""A finished model as a folder that others can load: Hugging Face layout with a model card, read back and compared."""

from __future__ import annotations

import shutil
from pathlib import Path

from desktop_llm import atomic
from desktop_llm.engine import evaluate
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import RunFolder

TOLERANCE = 1e-5
COMPARED = 32


def huggingface(run_folder: RunFolder, to: Path, card: str) -> float:
    """Write the run's model and `card` (README.md) to the new folder `to`; returns the largest difference.

    The copy is loaded again and compared with the run's own model on held-out rows before it appears under its
    name. Raises UserError when the model is damaged, `to` is not empty, or the copy does not answer the same.
    """
    wrong = atomic.damage(run_folder.model) if run_folder.model.is_dir() else "it has not ended yet"
    if wrong:
        raise UserError(f"The run in “{run_folder.path}” has no whole model ({wrong}); resume or train again.")
    if to.exists() and not to.is_dir():
        raise UserError(f"“{to}” is a file; choose a new folder.")
    if to.exists() and any(to.iterdir()):
        raise UserError(f"“{to}” is there already and not empty; choose a new folder.")
    try:
        with atomic.new_folder(to) as filling:
            for path in run_folder.model.iterdir():
                if path.name != atomic.MANIFEST:
                    # not copied with its mode: some weights are written for their owner alone
                    shutil.copyfile(path, filling / path.name)
            atomic.write_text(filling / "README.md", card)
            difference = _difference(run_folder, filling)
            if difference > TOLERANCE:
                raise UserError(f"The exported model answers differently (by {difference:.2g}); nothing was exported.")
    except OSError as error:
        raise from_os_error(error, "export to", to) from error
    return difference


def _difference(run_folder: RunFolder, copy: Path) -> float:
    rows = []
    for split in ("test", "validation", "train"):
        for row in snapshot.rows(run_folder.snapshot, split):
            rows.append(row)
            if len(rows) == COMPARED:
                break
        if len(rows) == COMPARED:
            break
    ours, theirs = Predictor(run_folder.model), Predictor(copy)
    return evaluate.difference(ours.outputs(rows), theirs.outputs(rows))
