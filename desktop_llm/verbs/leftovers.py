"""What a project keeps beside its runs, so that it need not be made again, and when that goes.

The tokens of texts are the texts: they go with the last run that was frozen from the same data.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from desktop_llm.jobs.folder import tokens_of

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


def tidy(project: Project) -> None:
    """Remove the tokens of data that no run has any more."""
    wanted = {str(run.snapshot.get("sha256", "")) for run in project.runs.all()}
    for folder in tokens_of(project.path).glob("*"):
        begins = folder.name.partition("-")[0]
        if not any(one.startswith(begins) for one in wanted):
            shutil.rmtree(folder, ignore_errors=True)


def remove(project: Project) -> None:
    """Remove all of it; runs make it again when they go on."""
    shutil.rmtree(tokens_of(project.path), ignore_errors=True)
