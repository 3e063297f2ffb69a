"""The training rows that a run holds nearest to a text, by its own vectors: what it may have its answer from.

Every row that the run learned from has a vector, the mean of the model's last hidden states, made once and kept in the
run's folder (float16); they go with the run. How near two are is their cosine, 1 for the same text.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import embedding, naming
from desktop_llm.verbs.embedding import Progress
from desktop_llm.verbs.evaluating import finished_folder

if TYPE_CHECKING:
    import numpy as np

    from desktop_llm.loop.vectors import Vectors
    from desktop_llm.store.project import Project

Embed = Callable[[Sequence[str]], "np.ndarray"]
COUNT = 10
BATCH = 256
AT_ONCE = 65_536
"""Vectors that are compared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A training row: its id, how near it is (−1…1), the label it was learned with, the one it has `now`, its text.

    `now` is None where the row is no longer in the project, or has no label any more.
    """

    item: int
    similarity: float
    label: str
    now: str | None
    text: str

    @property
    def relabeled(self) -> bool:
        """Whether it has another label by now."""
        return self.now is not None and self.now != self.label


def of(
    project: Project,
    number: int,
    text: str,
    embed: Embed,
    *,
    count: int = COUNT,
    on_progress: Callable[[Progress], None] = lambda told: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Near, ...]:
    """The `count` rows that run `number` learned from and holds nearest to `text`, the nearest first.

    `embed` makes vectors of texts by the run's model; those that are missing are made first. Raises UserError,
    Cancelled; what is made stays.
    """
    from desktop_llm.loop import vectors

    task = task_named(project.task)
    if task.writes:
        raise UserError("Models that write have no vectors of texts to compare.")
    folder = finished_folder(project, number)
    main = task.content[0].name
    frozen = snapshot.rows(folder.snapshot, "train")
    rows = [(int(row["id"]), str(row.get(main, "")), row.get("label")) for row in frozen]
    keys = vectors.keys_of([told for _, told, _ in rows])
    there = _kept(folder.vectors, folder.model, tidying=not project.read_only)
    _fill(project, there, keys, [told for _, told, _ in rows], embed, on_progress, should_stop)
    if should_stop():
        raise Cancelled
    wanted = embed([text])[0].astype("float32")
    near = _similarities(there, keys, wanted)
    best = (-near).argsort(kind="stable")[:count].tolist()
    return _told(project, number, [(rows[place], float(near[place])) for place in best])


def here(model: Path) -> Embed:
    """Vectors by a model that is loaded into this process."""
    from desktop_llm.engine import worker

    worker.offline()
    from desktop_llm.engine.embed import Encoder

    return Encoder(model).embed


def _kept(folder: Path, model: Path, *, tidying: bool) -> Vectors:
    """The vectors of the run's model as it is now; `tidying`: those of an earlier one, before it learned longer, go."""
    from desktop_llm.loop.vectors import Vectors

    mine = folder / embedding.mark(model)
    for old in folder.iterdir() if tidying and folder.is_dir() else ():
        if old != mine:
            shutil.rmtree(old, ignore_errors=True)
    return Vectors(mine)


def _fill(
    project: Project,
    there: Vectors,
    keys: np.ndarray,
    texts: Sequence[str],
    embed: Embed,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> None:
    """Make the vectors that are missing."""
    absent = {int(keys[place]): place for place, found in enumerate(there.places(keys)) if found < 0}
    missing, began = list(absent.values()), time.monotonic()
    if missing and project.read_only:
        raise UserError(f"Vectors of the run's texts cannot be kept: the project is open read-only: {project.holder}")
    for start in range(0, len(missing), BATCH):
        if should_stop():
            raise Cancelled
        part = missing[start : start + BATCH]
        there.add(keys[part], embed([texts[place] for place in part]))
        done = start + len(part)
        left = (time.monotonic() - began) / done * (len(missing) - done)
        on_progress(Progress(done=done, total=len(missing), left=left))


def _similarities(there: Vectors, keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Cosines, float32 [rows], of vectors of length one."""
    import numpy as np

    parts = [there.get(keys[start : start + AT_ONCE])[0] @ wanted for start in range(0, len(keys), AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _told(project: Project, number: int, found: Sequence[tuple[tuple[int, str, Any], float]]) -> tuple[Near, ...]:
    labels, called = task_named(project.task).labels, naming.renames(project, number)
    names = naming.names_of_now(project)
    now = {
        item.id: None if item.value is None else labels.text(item.value, names)
        for item in project.items.get_many([row for (row, _, _), _ in found])
    }
    return tuple(
        Near(
            item=row if row in now else 0,
            similarity=similarity,
            label=_in_words(project, labels.renamed(label, called)),
            now=now.get(row),
            text=text,
        )
        for (row, text, label), similarity in found
    )


def _in_words(project: Project, named: Any) -> str:
    """A label in names as the project's tables have it."""
    labels = task_named(project.task).labels
    numbers = {name: place for place, name in enumerate(labels.names(named), 1)}
    return labels.text(labels.to_value(named, numbers), {place: name for name, place in numbers.items()})
