"""What a project's rows are like as a whole, counted in one reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.data.profile import Profile, Profiler
from desktop_llm.errors import Cancelled
from desktop_llm.rows import Filter
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

TOKENIZER = "tokenizer.json"


def profile(
    project: Project,
    *,
    languages: bool = True,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Profile:
    """Lengths, languages, missing cells, labels and repeats of all rows. Raises Cancelled, UserError.

    Tokens are counted as `counts_as` says.
    """
    task, names = task_named(project.task), project.classes.names()
    labels = task.labels
    total, done = max(1, project.items.counts().total), 0
    number = counts_as(project)
    counter = token_counter(project.runs.folder(number).model / TOKENIZER) if number else None
    profiler = Profiler(languages=languages, count_tokens=counter)
    for part in project.items.ids(Filter()):
        if should_stop():
            raise Cancelled
        for item in project.items.get_many(part):
            value = item.value if task.classes else None
            named = [] if value is None else labels.names(labels.to_named(value, names))
            told = named or ["" if value is None else labels.text(value, names)]
            profiler.add(next(iter(item.content.values()), ""), item.extra, told, row=item.id)
        done += len(part)
        on_progress(min(1.0, done / total))
    return profiler.profile()


def counts_as(project: Project) -> int:
    """The run by whose tokenizer tokens are counted: the newest that has one; 0 where there is none."""
    numbers = (run.number for run in project.runs.all())
    return next((one for one in numbers if (project.runs.folder(one).model / TOKENIZER).is_file()), 0)


def token_counter(file: Path) -> Callable[[Sequence[str]], Sequence[int]]:
    """How many tokens texts have, the special ones that a model sees included."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> Sequence[int]:
        return [len(one.ids) for one in tokenizer.encode_batch_fast(list(texts))]

    return count
