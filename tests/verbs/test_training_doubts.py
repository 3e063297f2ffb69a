"""Labels that a training run never came to believe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.rows import LOOP, Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, loop_results, training, training_doubts
from tests import projects, run_folders

TASK = TASKS[run_folders.TASK]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Project, list[int]]]:
    """A trained project with six flipped labels among its training rows; their ids."""
    opened = Project.open(projects.make(tmp_path / "Tickets"))
    rows = [row for row in opened.items.page(Filter(show="labeled"), 0, 200) if row.split == "train"]
    numbers = sorted(opened.classes.names())
    flipped = rows[3::14]
    for row in flipped:
        opened.labels.set(row.id, next(one for one in numbers if one != row.value))
    values = {**run_folders.TINY, "num_train_epochs": 6.0}
    number, _ = training.prepare(opened, recipes.changed(TASK.recipe, values))
    assert headless.train(opened, number, lambda told, words: None, lambda leave: None) == 0
    yield opened, [row.id for row in flipped]
    opened.close()


def test_flipped_labels_stand_at_the_front_and_changed_ones_do_not_come(project: tuple[Project, list[int]]) -> None:
    opened, flipped = project
    assert training_doubts.newest(opened) == 1
    found = training_doubts.find(opened, 1)
    assert found.labels == 80
    assert len(set(flipped) & {one.item for one in found.doubts[:6]}) >= 5
    loop_results.keep_doubts(opened, found)
    assert loop_results.source(opened) == 1
    queue = opened.items.queue(Filter(), "doubted", None, 10)
    assert [row.id for row in queue] == [one.item for one in found.doubts[:10]]
    assert queue[0].predicted_by == LOOP
    assert queue[0].prediction is not None
    assert queue[0].prediction.label != queue[0].value
    first, second = queue[0], queue[1]
    opened.labels.set(first.id, queue[0].prediction.label)
    opened.doubts.mark(second.id, "checked", "Ada")
    again = {one.item for one in training_doubts.find(opened, 1).doubts}
    assert not again & {first.id, second.id}


def test_what_is_not_there_or_damaged_is_said(project: tuple[Project, list[int]]) -> None:
    opened, _ = project
    file = opened.runs.folder(1).dynamics / "summary" / training_doubts.FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(UserError, match="damaged"):
        training_doubts.find(opened, 1)
    file.unlink()
    assert training_doubts.newest(opened) is None
    with pytest.raises(UserError, match="has not kept"):
        training_doubts.find(opened, 1)
