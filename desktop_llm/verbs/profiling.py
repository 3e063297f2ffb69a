"""What a project's rows are like as a whole, counted in one reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_llm.data.profile import Profile, Profiler
from desktop_llm.errors import Cancelled
from desktop_llm.rows import Filter
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


def profile(
    project: Project,
    *,
    languages: bool = True,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Profile:
    """Lengths, languages, missing cells, labels and repeats of all rows. Raises Cancelled."""
    task, names = task_named(project.task), project.classes.names()
    total, done = max(1, project.items.counts().total), 0
    profiler = Profiler(languages=languages)
    for part in project.items.ids(Filter()):
        if should_stop():
            raise Cancelled
        for item in project.items.get_many(part):
            label = "" if item.value is None or not task.classes else task.labels.text(item.value, names)
            profiler.add(next(iter(item.content.values()), ""), item.extra, label)
        done += len(part)
        on_progress(min(1.0, done / total))
    return profiler.profile()
