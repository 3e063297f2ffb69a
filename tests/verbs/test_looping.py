"""The model in the loop of a project: guesses, order, doubts and advice, by the words of the texts and by a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.child import Child
from desktop_llm.errors import UserError
from desktop_llm.rows import LOOP, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import embedding, loop_results, loop_worker, naming
from desktop_llm.verbs.looping import Looping
from tests import run_folders

TASK = TASKS[run_folders.TASK]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Sixty labeled rows of two topics and forty without a label."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    rows = run_folders.rows(100, seed=3)
    items = [
        NewItem(content={"text": row["text"]}, label=row["label"] if place < 60 else None)
        for place, row in enumerate(rows)
    ]
    made.items.insert("rows.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def test_guesses_are_kept_and_named(project: Project) -> None:
    """They are there after a restart, in the names of now, before what any run said, and order the queue."""
    found = Looping(project, None).suggest()
    assert found.labels == project.items.counts().labeled
    loop_results.keep(project, found)
    project.close()
    again = Project.open(project.path)
    try:
        queue = again.items.queue(Filter(show="unlabeled"), "uncertain", None, 100)
        assert [row.id for row in queue] == list(found.order)
        assert queue[0].predicted_by == LOOP
        row = naming.in_names_of_now(again, queue[0], TASK.labels)
        assert naming.in_names_of_now(again, row, TASK.labels) == row
        assert row.prediction is not None
        assert row.prediction.label in again.classes.names().values()
        number = next(iter(again.classes.names()))
        before = [one for one in queue if one.prediction is not None and one.prediction.label == number]
        again.classes.rename(number, "quite another name")
        named = naming.in_names_of_now(again, before[0], TASK.labels)
        assert named.prediction is not None
        assert named.prediction.label == "quite another name"
        assert "quite another name" in [name for name, _ in named.prediction.top]
    finally:
        again.close()


def test_most_guesses_are_right(project: Project) -> None:
    """On two topics with words of their own."""
    truth = {row["text"]: row["label"] for row in run_folders.rows(100, seed=3)}
    loop_results.keep(project, Looping(project, None).suggest())
    rows = [
        naming.in_names_of_now(project, row, TASK.labels)
        for row in project.items.page(Filter(show="unlabeled"), 0, 100)
    ]
    right = [row.prediction is not None and row.prediction.label == truth[row.content["text"]] for row in rows]
    assert np.mean(right) > 0.9


def test_flipped_labels_are_doubted_until_checked_or_changed(project: Project) -> None:
    """Checked ones stay away, until their label is another one."""
    rows = project.items.page(Filter(show="labeled"), 0, 100)
    numbers = sorted(project.classes.names())
    flipped = [rows[place] for place in (5, 15, 25)]
    for row in flipped:
        project.labels.set(row.id, next(one for one in numbers if one != row.value))
    looping = Looping(project, None)
    found = looping.mistakes()
    assert {row.id for row in flipped} <= {one.item for one in found.doubts[:6]}
    loop_results.keep_doubts(project, found)
    queue = project.items.queue(Filter(), "doubted", None, 10)
    assert [row.id for row in queue] == [one.item for one in found.doubts[:10]]
    rest = project.items.queue(Filter(), "doubted", queue[2].id, 10)
    assert [row.id for row in rest][:2] == [row.id for row in queue[3:5]]
    first, second = queue[0], queue[1]
    project.doubts.mark(first.id, "checked", "Ada")
    project.labels.set(second.id, first.value)
    left = {row.id for row in project.items.queue(Filter(), "doubted", None, 100)}
    assert first.id not in left
    loop_results.keep_doubts(project, looping.mistakes())
    assert first.id not in {row.id for row in project.items.queue(Filter(), "doubted", None, 100)}
    assert project.doubts.marks(first.id) == ("checked",)
    project.labels.set(first.id, next(one for one in numbers if one != first.value))
    assert project.doubts.marks(first.id) == ()


def test_a_class_with_few_labels_is_left_out(project: Project) -> None:
    """Of three labels it is not known what they have in common."""
    rows = project.items.page(Filter(show="labeled"), 0, 100)
    number = project.classes.ensure(["rare"])["rare"]
    for row in rows[:3]:
        project.labels.set(row.id, number)
    found = Looping(project, None).mistakes()
    assert found.left_out == 1
    assert found.labels == len(rows) - 3
    assert not {row.id for row in rows[:3]} & {one.item for one in found.doubts}
    assert "rare" not in {one.instead for one in found.doubts}


def test_hard_rows_are_remembered(project: Project) -> None:
    """Whatever their label becomes."""
    row = project.items.page(Filter(), 0, 1)[0]
    project.doubts.mark(row.id, "hard", "Ada")
    project.labels.clear(row.id)
    assert project.doubts.marked("hard") == [row.id]
    project.doubts.unmark(row.id, "hard")
    assert project.doubts.marked("hard") == []


def test_advice(project: Project) -> None:
    """In its bounds, for every class."""
    told = Looping(project, None).advise(100)
    assert told.more == 100
    assert 0 <= told.overall.low <= told.overall.then <= told.overall.high <= 1
    assert set(told.by_class) == set(project.classes.names().values())


def test_too_little_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Nothing to learn from, nothing to look at."""
    made = Project.create(tmp_path / "Empty", TASK.name)
    try:
        with pytest.raises(UserError, match="no texts yet"):
            Looping(made, None).suggest()
        made.items.insert(
            "rows.csv", [NewItem(content={"text": "one"})], to_value=TASK.labels.to_value, class_names=TASK.labels.names
        )
        assert Looping(made, None).suggest().guesses == ()
        with pytest.raises(UserError, match="too few"):
            Looping(made, None).mistakes()
        with pytest.raises(UserError, match="too few"):
            Looping(made, None).advise(10)
    finally:
        made.close()


def test_vectors_are_made_once_for_each_text(project: Project, tmp_path: Path) -> None:
    """A changed row gets a new one, a restart none; what was half written is cut off."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    asked: list[str] = []

    def embed(texts: object) -> np.ndarray:
        assert isinstance(texts, list)
        asked.extend(texts)
        return np.array([[len(one), one.count("e"), 1.0] for one in texts], dtype=np.float32)

    assert embedding.fill(project, folder, embed) == len(asked) == len(set(asked))
    assert embedding.fill(project, folder, embed) == 0
    there = embedding.kept(project, folder)
    with (there.folder / "keys.u64").open("ab") as file:
        file.write(b"12345678abc")
    row = project.items.page(Filter(), 0, 1)[0]
    before = len(asked)
    project.items.insert(
        "more.csv",
        [NewItem(content={"text": "a new text"})],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )
    assert embedding.fill(project, folder, embed) == 1
    assert asked[before:] == ["a new text"]
    from desktop_llm.loop import vectors

    got, has = embedding.kept(project, folder).get(vectors.keys_of(["a new text", row.content["text"], "nowhere"]))
    assert has.tolist() == [True, True, False]
    assert got[0].tolist() == [10.0, 2.0, 1.0]
    assert got[1][0] == len(row.content["text"])
    assert Looping(project, folder).suggest().missing == 0


def test_the_process_answers_beside_the_window(project: Project) -> None:
    """While the project is open for writing here, and leaves when it is told to."""
    child = Child(loop_worker.serve, str(project.path), "", name="loop")
    try:
        child.send({"do": "suggest", "number": 7, "wanted": "uncertain", "batch": 20, "seed": 0})
        said: list[dict[str, object]] = []
        while not child.ended and not any("done" in one or "error" in one for one in said):
            said += child.wait(60.0)
        done = said[-1]["done"]
        assert isinstance(done, loop_results.Suggested)
        parts = [guess for one in said for guess in one.get("part", ())]  # type: ignore[attr-defined]
        assert len(parts) == len(done.order)
        project.labels.set(done.order[0], parts[0].value)
    finally:
        child.close(grace=0.0)


def test_a_model_folder_as_the_encoder(project: Project, minilm_folder: Path) -> None:
    """Real vectors: of length one, the same for a text whatever is asked with it."""
    from desktop_llm.engine.embed import Encoder

    encoder = Encoder(minilm_folder)
    assert embedding.fill(project, minilm_folder, encoder.embed) > 0
    one, all_of_them = encoder.embed(["hello there"]), encoder.embed(["hello there", "a much longer text " * 20])
    assert np.abs(one[0] - all_of_them[0]).max() < 1e-4
    assert abs(float(np.linalg.norm(one)) - 1) < 1e-4
    found = Looping(project, minilm_folder).suggest()
    assert len(found.guesses) > 0
    assert found.missing == 0
