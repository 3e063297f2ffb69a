"""Give what was labeled under one name to another name: who changes the name takes the earlier labels along."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.rows import Edit

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

KIND = "rename_labeler"
NOBODY = "(no name)"


def rename(
    project: Project,
    old: str,
    new: str,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Let all that `old` has said in this project be said by `new`, as one operation, drafts with it.

    Copies of the project are not changed by it. Raises UserError or Cancelled, and then nothing has changed.
    """
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    if not new.strip() or new == old:
        raise UserError("Give another name to take the labels along to.")
    rows = project.people.rows_of(old)
    outcome = project.operations.apply(
        KIND,
        f"Labels by “{old or NOBODY}” are by “{new}”",
        (Edit(item=item, labeler=(old, new)) for item in rows),
        details={"from": old, "to": new},
        labeler=new,
        on_progress=lambda done: on_progress(min(1.0, done / max(1, len(rows)))),
        should_stop=should_stop,
    )
    project.drafts.rename(old, new)
    return outcome
