"""Make the masking of personal data final: the originals that History keeps are forgotten, and really gone.

What is not touched is told: runs keep the rows that they learned from as they were, and the bin its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import leftovers, personal

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    """What is kept: the originals of `rows` rows by `operations` operations, which could be forgotten.

    `unfinished`: forgetting was broken off, and is to be done to its end. `runs` learned from texts with personal data
    that nobody has reviewed, and keep them; `binned` rows in the bin are as they were when they went there.
    """

    operations: int
    rows: int
    unfinished: bool
    runs: Sequence[int]
    binned: int

    @property
    def any(self) -> bool:
        """Whether there is something to forget."""
        return self.rows > 0 or self.unfinished


def originals(project: Project, *, should_stop: Callable[[], bool] = lambda: False) -> Originals:
    """What is kept now. Raises Cancelled."""
    operations, rows = project.forgetting.waiting(personal.OPERATION)
    return Originals(
        operations=operations,
        rows=rows,
        unfinished=project.forgetting.unfinished(),
        runs=personal.learned_unreviewed(project, should_stop),
        binned=project.bin.count(),
    )


def forget(
    project: Project,
    *,
    on_progress: Callable[[float, str], None] = lambda fraction, words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Forget the originals of all personal data that was masked or replaced; of how many rows.

    Nothing undoes it. Drafts of labels are masked as well, by the kind of what they hold. Raises UserError, Cancelled:
    what is forgotten by then stays so, and the rest can be done later.
    """
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    leftovers.remove(project)
    written = not task_named(project.task).classes
    if written:
        personal.mask_drafts(project)
    return project.forgetting.forget(
        personal.OPERATION, labels=written, on_progress=on_progress, should_stop=should_stop
    )
