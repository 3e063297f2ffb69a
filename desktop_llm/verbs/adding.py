"""Add a row that a person made in this program, as if it had come from a file."""

from __future__ import annotations

from collections.abc import Mapping

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named

SOURCE = "Try it"


def add(project: Project, content: Mapping[str, str], source: str = SOURCE) -> Changes:
    """Add a row without a label, which waits to be labeled. Raises UserError, also where it is there already."""
    task = task_named(project.task)
    main = task.content[0].name
    if not content.get(main, "").strip():
        raise UserError("There is nothing to add: the text is empty.")
    labels = task.labels
    # Qt's signals give a dictionary back sorted; a row begins with its text
    content = {one.name: content[one.name] for one in task.content if one.name in content}
    told = project.items.insert(
        source, [NewItem(content=dict(content))], to_value=labels.to_value, class_names=labels.names
    )
    if not told.imported:
        raise UserError("The project has this row already.")
    return told.changes
