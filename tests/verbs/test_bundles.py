"""Bundles between copies of a project: what comes over, what it means there, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_llm.data import bundle
from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import bundles
from tests.store.conftest import insert
from tests.verbs.exchanging import exchanged, rewritten, state_of, two_copies


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Project, Project]]:
    """Ann's project and Ben's, made from her bundle."""
    with two_copies(tmp_path) as made:
        yield made


def test_a_bundle_makes_a_project_of_its_own(two: tuple[Project, Project]) -> None:
    ann, ben = two
    assert state_of(ann) == state_of(ben)
    assert ben.items.sources() == ann.items.sources()
    assert [one.extra for one in ben.items.page(Filter(), 0, 9)] == [{"channel": "chat"}] * 4


def test_labels_that_differ_wait_for_a_decision_that_both_then_have(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    for item, label in ((2, 1), (4, 1)):
        ann.labels.set(item, label, "Ann")
    for text, label in (("second", 2), ("fourth", 1)):
        row = next(one for one in ben.items.page(Filter(), 0, 9) if one.content["text"] == text)
        ben.labels.set(row.id, label, "Ben")
    bundles.write(ben, tmp_path / "back.dllm", labeler="Ben")
    told = bundles.take(ann, tmp_path / "back.dllm")
    assert (told.rows, told.events, told.disputed) == (0, 2, 1)
    disputed = ann.items.page(Filter(show="disputed"), 0, 9)
    assert [one.content["text"] for one in disputed] == ["second"]
    assert [(one.labeler, one.value) for one in ann.people.said(disputed[0].id)] == [("Ann", 1), ("Ben", 2)]
    assert disputed[0].value == 1  # the first stands until then
    ann.labels.decide(disputed[0].id, 2, "Ann")
    assert ann.people.disputed() == 0
    bundles.write(ann, tmp_path / "again.dllm", labeler="Ann")
    bundles.take(ben, tmp_path / "again.dllm")
    assert ben.people.disputed() == 0
    assert state_of(ann) == state_of(ben)


def test_a_row_whose_text_was_cleaned_on_one_side_does_not_come_twice(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ann.operations.apply("clean", "Clean", [Edit(item=2, content={"text": "2nd"})])
    ann.labels.set(2, 1, "Ann")
    bundles.write(ann, tmp_path / "cleaned.dllm")
    assert bundles.take(ben, tmp_path / "cleaned.dllm").rows == 0
    row = next(one for one in ben.items.page(Filter(), 0, 9) if one.content["text"] == "second")
    assert row.value == 1


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        (bundle.ROWS, lambda data: data.replace(b"first", b"other"), "not what it was written as"),
        (bundle.ROWS, lambda data: data[:-20], "cannot be read"),
        (bundle.EVENTS, lambda data: b'{"hash": "zz", "uid": "a", "at": "now"}\n', "no such"),
        (bundle.EVENTS, lambda data: b"[" * 100_000, "cannot be read"),
        (bundle.CLASSES, lambda data: data.replace(b'"yes"', b'" "'), "no name"),
        (bundle.HEAD, lambda data: b"", "empty"),
        (bundle.HEAD, lambda data: data.replace(b'"format":1', b'"format":9'), "newer"),
        (bundle.HEAD, lambda data: json.dumps({**json.loads(data), "task": "other"}).encode(), "another kind"),
        (bundle.HEAD, lambda data: json.dumps({**json.loads(data), "share": 5}).encode(), "cannot be true"),
    ],
)
def test_a_damaged_bundle_is_a_sentence_and_changes_nothing(
    two: tuple[Project, Project], tmp_path: Path, part: str, change: Callable[[bytes], bytes], words: str
) -> None:
    ann, ben = two
    ben.labels.set(2, 1, "Ben")
    insert(ben, [("fifth", None)])
    bundles.write(ben, tmp_path / "whole.dllm")
    before = state_of(ann)
    with pytest.raises(UserError, match=words):
        bundles.take(ann, rewritten(tmp_path / "whole.dllm", part, change))
    assert state_of(ann) == before


def test_what_is_no_bundle_is_named(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, _ = two
    (tmp_path / "photo.dllm").write_bytes(b"no archive")
    with pytest.raises(UserError, match="no bundle"):
        bundles.take(ann, tmp_path / "photo.dllm")
    with pytest.raises(UserError, match="ends in"):
        bundles.write(ann, tmp_path / "name.zip")


def test_a_project_is_made_of_a_bundle_whole_or_not_at_all(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, _ = two
    ann.labels.set(2, 1, "Ann")
    ann.people.set_share(0.5)
    bundles.write(ann, tmp_path / "all.dllm", labeler="Ann")
    with pytest.raises(UserError, match="damaged"):
        bundles.make(tmp_path / "Broken", rewritten(tmp_path / "all.dllm", bundle.ROWS, lambda data: data[:-20]))
    assert not (tmp_path / "Broken").exists()
    taken = bundles.make(tmp_path / "Carl", tmp_path / "all.dllm", "For Carl")
    assert (taken.rows, taken.events) == (4, 1)
    carl = Project.open(tmp_path / "Carl")
    assert (carl.name, carl.people.share) == ("For Carl", 0.5)
    assert state_of(carl) == state_of(ann)
    carl.close()


def test_a_name_that_was_given_to_another_class_means_that_one(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    ann.classes.rename(1, "surely")
    ann.classes.add("yes")
    fresh = next(one.id for one in ann.classes.all() if one.name == "yes")
    ann.classes.move(fresh, 0)
    ann.labels.set(2, fresh, "Ann")
    exchanged(ann, ben, tmp_path)
    assert state_of(ann) == state_of(ben)
    assert state_of(ben)["rows"]["second"][0] == "yes"
    assert state_of(ben)["rows"]["first"][0] == "surely"


def test_names_that_were_swapped_are_swapped_on_both_sides(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    for number, name in ((1, "between"), (2, "yes"), (1, "no")):
        ann.classes.rename(number, name)
    exchanged(ann, ben, tmp_path)
    assert state_of(ann) == state_of(ben)
    assert state_of(ben)["rows"]["first"][0] == "no"


def test_a_name_given_on_one_side_and_a_class_on_the_other_stay_two(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ann.classes.rename(1, "perhaps")
    ben.classes.add("perhaps")
    ben.labels.set(2, next(one.id for one in ben.classes.all() if one.name == "perhaps"), "Ben")
    exchanged(ann, ben, tmp_path)
    assert state_of(ann) == state_of(ben)
    assert len(state_of(ann)["classes"]) == 3
    assert state_of(ann)["rows"]["first"][0] != state_of(ann)["rows"]["second"][0]


def _masked(project: Project) -> None:
    edits = [Edit(item=item, content={"text": "call [PHONE]"}) for item in (2, 4)]
    project.operations.apply("personal", "Mask", edits)


def test_a_label_of_one_of_two_rows_that_masking_made_equal_goes_to_that_one(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    _masked(ann)
    ann.labels.set(4, 1, "Ann")
    exchanged(ann, ben, tmp_path)
    assert state_of(ben)["rows"]["fourth"][0] == "yes"
    assert state_of(ben)["rows"]["second"][0] is None


def test_rows_whose_originals_were_forgotten_do_not_come_twice(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    _masked(ann)
    ann.forgetting.forget("personal")
    bundles.write(ann, tmp_path / "forgotten.dllm")
    assert bundles.take(ben, tmp_path / "forgotten.dllm").rows == 0


@pytest.mark.parametrize("label", [["x"], {"a": 1}, 5, "nobody"])
def test_what_is_no_label_is_refused_before_anything_is_taken(
    two: tuple[Project, Project], tmp_path: Path, label: object
) -> None:
    ann, ben = two
    ben.labels.set(2, 1, "Ben")
    insert(ben, [("fifth", None)])
    bundles.write(ben, tmp_path / "whole.dllm")
    before = state_of(ann)

    def change(data: bytes) -> bytes:
        return data.replace(b'"label":"yes"', b'"label":' + json.dumps(label).encode())

    for part in (bundle.EVENTS, bundle.ROWS):
        with pytest.raises(UserError, match="damaged"):
            bundles.take(ann, rewritten(tmp_path / "whole.dllm", part, change))
    assert state_of(ann) == before


def test_the_later_word_on_the_share_counts(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    ann.people.set_share(0.5)
    bundles.write(ann, tmp_path / "half.dllm")
    bundles.take(ben, tmp_path / "half.dllm")
    assert ben.people.share == 0.5
    ben.people.set_share(0.0)
    bundles.take(ben, tmp_path / "half.dllm")
    assert ben.people.share == 0.0
    exchanged(ben, ann, tmp_path)
    assert ann.people.share == 0.0
