"""The guideline in bundles: its versions travel with the labels that were given by them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.data import bundle
from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import bundles
from tests.verbs.exchanging import exchanged, rewritten, state_of, told_by, two_copies


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Project, Project]]:
    """Ann's project and Ben's, made from her bundle."""
    with two_copies(tmp_path) as made:
        yield made


def _row(project: Project, text: str) -> int:
    return next(one.id for one in project.items.page(Filter(), 0, 100) if one.content["text"] == text)


def test_the_guideline_travels_with_the_labels_that_were_given_by_it(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ben.guidelines.write("Ben’s own first words.", "Ben")
    ben.classes.add("perhaps")  # so that numbers of labels and versions are not the same in both
    ann.classes.add("never")
    never = next(one.id for one in ann.classes.all() if one.name == "never")
    ann.guidelines.write("Read to the end.", "Ann")
    ann.labels.set(2, 1, "Ann")
    ann.guidelines.describe(never, "They say so.", "Ann")
    ann.labels.set(2, never, "Ann")
    bundles.write(ann, tmp_path / "told.dllm")
    assert bundles.take(ben, tmp_path / "told.dllm").guidelines == 2
    now = ben.guidelines.get()
    assert (*told_by(ben, now), now.labeler) == ("Read to the end.", {"never": "They say so."}, "Ann")
    assert {one.name: one.description for one in ben.classes.all()}["never"] == "They say so."
    given = [ben.guidelines.get(one.guideline) for one in ben.labels.history(_row(ben, "second"))]
    assert [told_by(ben, one) for one in given] == [
        ("Read to the end.", {}),
        ("Read to the end.", {"never": "They say so."}),
    ]
    assert [one.text for one in ben.guidelines.all()] == ["Read to the end."] * 2 + ["Ben’s own first words."]
    assert ben.guidelines.current() == ben.guidelines.all()[0].version
    assert bundles.take(ben, tmp_path / "told.dllm").guidelines == 0
    exchanged(ben, ann, tmp_path)
    assert state_of(ann) == state_of(ben)


def test_what_two_people_wrote_at_the_same_time_stands_on_both_sides(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ann.guidelines.write("Old words.", "Ann")
    exchanged(ann, ben, tmp_path)
    ann.guidelines.write("New words.", "Ann")
    ann.guidelines.describe(1, "Ann says.", "Ann")
    ben.guidelines.describe(2, "Ben says.", "Ben")
    ben.guidelines.describe(1, "Ben says better.", "Ben")
    for name, sender in (("from Ann.dllm", ann), ("from Ben.dllm", ben)):  # both on their way at once
        bundles.write(sender, tmp_path / name)
    for name, receiver in (("from Ann.dllm", ben), ("from Ben.dllm", ann)):
        bundles.take(receiver, tmp_path / name)
    assert state_of(ann) == state_of(ben)
    assert told_by(ann, ann.guidelines.get()) == ("New words.", {"yes": "Ben says better.", "no": "Ben says."})
    assert "Ann says." in {one.descriptions.get(1) for one in ann.guidelines.all()}  # replaced, not lost
    ann.labels.set(2, 1, "Ann")
    assert ann.labels.history(2)[-1].guideline == ann.guidelines.current()


def test_a_word_on_the_guideline_comes_after_one_from_a_clock_that_is_ahead(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ben.guidelines.write("From the future.", "Ben")
    bundles.write(ben, tmp_path / "whole.dllm")

    def ahead(data: bytes) -> bytes:
        told = json.loads(data)
        return json.dumps({**told, "at": f"2199{told['at'][4:]}"}).encode() + b"\n"

    bundles.take(ann, rewritten(tmp_path / "whole.dllm", bundle.GUIDELINES, ahead))
    assert ann.guidelines.get().text == "From the future."
    ann.guidelines.write("And now.", "Ann")
    assert ann.guidelines.get().text == "And now."
    ann.guidelines.describe(1, "Yes.", "Ann")
    assert told_by(ann, ann.guidelines.get()) == ("And now.", {"yes": "Yes."})


def _as_before_guidelines(path: Path) -> Path:
    """The bundle as a program wrote it that knew no guideline."""
    made = path.with_name("older.dllm")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            lines = [json.loads(line) for line in old.read(name).splitlines()]
            kept = [{key: value for key, value in one.items() if key != "guideline"} for one in lines]
            if name != bundle.GUIDELINES:
                new.writestr(name, "".join(json.dumps(one) + "\n" for one in kept))
    return made


def test_a_bundle_of_an_older_program_is_read_and_a_newer_one_tells_the_rest(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ben.guidelines.write("Ben’s.", "Ben")
    ann.guidelines.write("Ann’s.", "Ann")
    ann.labels.set(2, 1, "Ann")
    bundles.write(ann, tmp_path / "whole.dllm")
    taken = bundles.take(ben, _as_before_guidelines(tmp_path / "whole.dllm"))
    assert (taken.events, taken.guidelines, ben.guidelines.get().text) == (1, 0, "Ben’s.")
    row = _row(ben, "second")
    assert [(one.after, one.guideline) for one in ben.labels.history(row)] == [(1, 0)]
    taken = bundles.take(ben, tmp_path / "whole.dllm")
    assert (taken.events, taken.guidelines) == (0, 1)
    assert [ben.guidelines.get(one.guideline).text for one in ben.labels.history(row)] == ["Ann’s."]


def test_a_label_that_was_removed_comes_back_with_what_it_means(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    ann.classes.add("never")
    never = next(one.id for one in ann.classes.all() if one.name == "never")
    ann.guidelines.describe(never, "They say so.", "Ann")
    exchanged(ann, ben, tmp_path)
    ann.classes.remove(never)
    ann.guidelines.write("Later words.", "Ann")
    assert told_by(ann, ann.guidelines.all()[1]) == ("", {})  # nobody can say what a number was that nothing has
    exchanged(ann, ben, tmp_path)
    assert told_by(ann, ann.guidelines.get()) == ("Later words.", {"never": "They say so."})
    assert state_of(ann) == state_of(ben)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("at", "soon", "version of the guideline is none"),
        ("at", "9999-12-31T23:59:59.999999+00:00", "version of the guideline is none"),
        ("at", "20261126T101010+0000", "version of the guideline is none"),
        ("at", "2026-11-26T10:10:10.000+02:00", "version of the guideline is none"),
        ("text", "x" * 100_001, "version of the guideline is none"),
        ("uid", "", "version of the guideline is none"),
        ("uid", "another", "lacks a version of the guideline"),
        ("text", 5, "cannot be read"),
        ("descriptions", ["yes"], "cannot be read"),
        ("changed", "text", "cannot be read"),
    ],
)
def test_a_damaged_guideline_is_a_sentence_and_changes_nothing(
    two: tuple[Project, Project], tmp_path: Path, field: str, value: object, words: str
) -> None:
    ann, ben = two
    ann.guidelines.write("Ann’s.", "Ann")
    ben.guidelines.write("Ben’s.", "Ben")
    ben.labels.set(2, 1, "Ben")
    bundles.write(ben, tmp_path / "whole.dllm")
    before = state_of(ann)

    def change(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), field: value}).encode() + b"\n"

    with pytest.raises(UserError, match=words):
        bundles.take(ann, rewritten(tmp_path / "whole.dllm", bundle.GUIDELINES, change))
    assert state_of(ann) == before
