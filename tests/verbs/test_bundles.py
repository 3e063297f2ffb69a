"""Copies of a project that exchange bundles come to say the same, in whatever order; damaged ones change nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_llm.data import bundle
from desktop_llm.data.bundle import ENDING
from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, Filter, Guideline
from desktop_llm.store.project import Project
from desktop_llm.verbs import bundles
from tests.store.conftest import TASK, insert

PEOPLE = ("Ann", "Ben")
NAMES = ("yes", "no", "perhaps", "never", "soon")
TEXTS = 4


def _state(project: Project) -> dict[str, Any]:
    """All that copies are to agree on, by text and in names."""
    names = project.classes.names()

    def named(value: Any) -> Any:
        return None if value is None else TASK.labels.to_named(value, names)

    rows = {}
    for item in project.items.page(Filter(), 0, 1000):
        entries = [
            (copy.uid, copy.over, named(value), copy.skipped, copy.labeler, copy.origin, copy.at, copy.active,
             copy.guideline)
            for copy, value in project.joining.events([item.id])
        ]  # fmt: skip
        rows[item.content["text"]] = (named(item.value), item.skipped, sorted(entries, key=str))
    disputed = sorted(item.content["text"] for item in project.items.page(Filter(show="disputed"), 0, 1000))
    second = {
        name: sorted(item.content["text"] for item in project.items.page(Filter(show="second", labeler=name), 0, 1000))
        for name in PEOPLE
    }
    return {
        "rows": rows,
        "disputed": disputed,
        "second": second,
        "classes": {one.name: one.description for one in project.classes.all()},
        "guideline": _told(project, project.guidelines.get()),
        "versions": project.joining.guidelines(),
    }


def _told(project: Project, one: Guideline) -> tuple[str, dict[str, str]]:
    """What a version says, by the labels' names."""
    names = project.classes.names()
    return one.text, {names[number]: text for number, text in one.descriptions.items()}


def _act(project: Project, who: str, step: tuple[str, int, int]) -> None:
    what, place, value = step
    row = project.items.page(Filter(), 0, 100)[place % project.items.counts().total]
    classes = [one.id for one in project.classes.all()]
    chosen = classes[value % len(classes)]
    acts: dict[str, Callable[[], object]] = {
        "set": lambda: project.labels.set(row.id, chosen, who),
        "answer": lambda: project.labels.answer(row.id, chosen, who),
        "decide": lambda: project.labels.decide(row.id, chosen, who),
        "skip": lambda: project.labels.skip(row.id, who),
        "clear": lambda: project.labels.clear(row.id, who),
        "write": lambda: _write(project, row.id, chosen, who),
        "undo": project.labels.undo,
        "redo": project.labels.redo,
        "rename": lambda: project.classes.rename(chosen, NAMES[place % len(NAMES)]),
        "class": lambda: project.classes.add(NAMES[place % len(NAMES)]),
        "guide": lambda: project.guidelines.write(f"Rule {value}.", who),
        "describe": lambda: project.guidelines.describe(chosen, ("", "As it says.", "And so on.")[place % 3], who),
        "add": lambda: insert(project, [(f"text {value} of {who}", None)]),
        "bulk": lambda: _bulk(project, row.id, chosen, who),
    }
    try:
        acts[what]()
    except UserError:
        assert what in ("rename", "class", "answer")  # the name was taken, or nobody else has labeled the row


def _write(project: Project, item: int, chosen: int, who: str) -> None:
    """What a hand does that rests and goes on: it writes over its own last entry, if it still may."""
    entries = [copy.uid for copy, _ in project.joining.events([item])]
    project.labels.keep(item, chosen, who, again=entries[-1] if entries else "")


def _bulk(project: Project, item: int, chosen: int, who: str) -> None:
    from desktop_llm.rows import NewLabel

    told = project.operations.apply("label", "Label", [Edit(item=item, label=NewLabel(value=chosen))], labeler=who)
    if told.changed and chosen % 2:
        project.operations.undo(told.operation)


ACTS = [
    "set",
    "set",
    "answer",
    "answer",
    "decide",
    "skip",
    "clear",
    "undo",
    "redo",
    "rename",
    "rename",
    "class",
    "add",
    "bulk",
]
ACTS += ["write", "write", "write", "guide", "guide", "describe", "describe"]
steps = st.tuples(
    st.sampled_from(PEOPLE),
    st.one_of(
        st.tuples(
            st.sampled_from(ACTS),
            st.integers(0, TEXTS),
            st.integers(0, 2),
        ),
        st.tuples(st.just("send"), st.just(0), st.just(0)),
    ),
)


def _exchange(sender: Project, receiver: Project, folder: Path) -> None:
    file = folder / f"{len(list(folder.iterdir()))}{ENDING}"
    bundles.write(sender, file)
    bundles.take(receiver, file)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=14), st.booleans())
def test_in_whatever_order_copies_come_to_say_the_same(told: list[Any], ann_first: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = Project.create(folder / "Ann", TASK.name)
        insert(made, [(f"text number {place}", ("yes", "no", None, None)[place]) for place in range(TEXTS)])
        made.people.set_share(0.6)
        made.close()
        shutil.copytree(folder / "Ann", folder / "Ben")
        (folder / "sent").mkdir()
        copies = {who: Project.open(folder / who) for who in PEOPLE}
        try:
            for who, step in told:
                if step[0] == "send":
                    other = PEOPLE[who == "Ann"]
                    _exchange(copies[who], copies[other], folder / "sent")
                else:
                    _act(copies[who], who, step)
            order = PEOPLE if ann_first else PEOPLE[::-1]
            _exchange(copies[order[0]], copies[order[1]], folder / "sent")
            _exchange(copies[order[1]], copies[order[0]], folder / "sent")
            assert _state(copies["Ann"]) == _state(copies["Ben"])
            before = _state(copies["Ann"])
            for file in sorted((folder / "sent").iterdir()):  # old ones and all of them again
                bundles.take(copies["Ann"], file)
            assert _state(copies["Ann"]) == before
            assert copies["Ann"].check() == []
        finally:
            for copy in copies.values():
                copy.close()


@pytest.fixture
def two(tmp_path: Path) -> Any:
    """Ann's project and Ben's, made from her bundle."""
    ann = Project.create(tmp_path / "Ann", TASK.name)
    insert(ann, [("first", "yes"), ("second", None), ("third", "no"), ("fourth", None)])
    bundles.write(ann, tmp_path / "for Ben.dllm", labeler="Ann")
    ben = Project.create(tmp_path / "Ben", TASK.name)
    bundles.take(ben, tmp_path / "for Ben.dllm")
    yield ann, ben
    ann.close()
    ben.close()


def test_a_bundle_makes_a_project_of_its_own(two: tuple[Project, Project]) -> None:
    ann, ben = two
    assert _state(ann) == _state(ben)
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
    assert _state(ann) == _state(ben)


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


def _rewritten(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    made = path.with_name("changed.dllm")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return made


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
    before = _state(ann)
    with pytest.raises(UserError, match=words):
        bundles.take(ann, _rewritten(tmp_path / "whole.dllm", part, change))
    assert _state(ann) == before


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
        bundles.make(tmp_path / "Broken", _rewritten(tmp_path / "all.dllm", bundle.ROWS, lambda data: data[:-20]))
    assert not (tmp_path / "Broken").exists()
    taken = bundles.make(tmp_path / "Carl", tmp_path / "all.dllm", "For Carl")
    assert (taken.rows, taken.events) == (4, 1)
    carl = Project.open(tmp_path / "Carl")
    assert (carl.name, carl.people.share) == ("For Carl", 0.5)
    assert _state(carl) == _state(ann)
    carl.close()


def _exchanged(one: Project, other: Project, folder: Path) -> None:
    for place, (sender, receiver) in enumerate(((one, other), (other, one), (one, other))):
        bundles.write(sender, folder / f"sent {place}.dllm")
        bundles.take(receiver, folder / f"sent {place}.dllm")


def test_a_name_that_was_given_to_another_class_means_that_one(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    ann.classes.rename(1, "surely")
    ann.classes.add("yes")
    fresh = next(one.id for one in ann.classes.all() if one.name == "yes")
    ann.classes.move(fresh, 0)
    ann.labels.set(2, fresh, "Ann")
    _exchanged(ann, ben, tmp_path)
    assert _state(ann) == _state(ben)
    assert _state(ben)["rows"]["second"][0] == "yes"
    assert _state(ben)["rows"]["first"][0] == "surely"


def test_names_that_were_swapped_are_swapped_on_both_sides(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    for number, name in ((1, "between"), (2, "yes"), (1, "no")):
        ann.classes.rename(number, name)
    _exchanged(ann, ben, tmp_path)
    assert _state(ann) == _state(ben)
    assert _state(ben)["rows"]["first"][0] == "no"


def test_a_name_given_on_one_side_and_a_class_on_the_other_stay_two(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ann.classes.rename(1, "perhaps")
    ben.classes.add("perhaps")
    ben.labels.set(2, next(one.id for one in ben.classes.all() if one.name == "perhaps"), "Ben")
    _exchanged(ann, ben, tmp_path)
    assert _state(ann) == _state(ben)
    assert len(_state(ann)["classes"]) == 3
    assert _state(ann)["rows"]["first"][0] != _state(ann)["rows"]["second"][0]


def _masked(project: Project) -> None:
    edits = [Edit(item=item, content={"text": "call [PHONE]"}) for item in (2, 4)]
    project.operations.apply("personal", "Mask", edits)


def test_a_label_of_one_of_two_rows_that_masking_made_equal_goes_to_that_one(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    _masked(ann)
    ann.labels.set(4, 1, "Ann")
    _exchanged(ann, ben, tmp_path)
    assert _state(ben)["rows"]["fourth"][0] == "yes"
    assert _state(ben)["rows"]["second"][0] is None


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
    before = _state(ann)

    def change(data: bytes) -> bytes:
        return data.replace(b'"label":"yes"', b'"label":' + json.dumps(label).encode())

    for part in (bundle.EVENTS, bundle.ROWS):
        with pytest.raises(UserError, match="damaged"):
            bundles.take(ann, _rewritten(tmp_path / "whole.dllm", part, change))
    assert _state(ann) == before


def test_the_later_word_on_the_share_counts(two: tuple[Project, Project], tmp_path: Path) -> None:
    ann, ben = two
    ann.people.set_share(0.5)
    bundles.write(ann, tmp_path / "half.dllm")
    bundles.take(ben, tmp_path / "half.dllm")
    assert ben.people.share == 0.5
    ben.people.set_share(0.0)
    bundles.take(ben, tmp_path / "half.dllm")
    assert ben.people.share == 0.0
    _exchanged(ben, ann, tmp_path)
    assert ann.people.share == 0.0


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
    assert (*_told(ben, now), now.labeler) == ("Read to the end.", {"never": "They say so."}, "Ann")
    assert {one.name: one.description for one in ben.classes.all()}["never"] == "They say so."
    given = [ben.guidelines.get(one.guideline) for one in ben.labels.history(_row(ben, "second"))]
    assert [_told(ben, one) for one in given] == [
        ("Read to the end.", {}),
        ("Read to the end.", {"never": "They say so."}),
    ]
    assert [one.text for one in ben.guidelines.all()] == ["Read to the end."] * 2 + ["Ben’s own first words."]
    assert ben.guidelines.current() == ben.guidelines.all()[0].version
    assert bundles.take(ben, tmp_path / "told.dllm").guidelines == 0
    _exchanged(ben, ann, tmp_path)
    assert _state(ann) == _state(ben)


def test_what_two_people_wrote_at_the_same_time_stands_on_both_sides(
    two: tuple[Project, Project], tmp_path: Path
) -> None:
    ann, ben = two
    ann.guidelines.write("Old words.", "Ann")
    _exchanged(ann, ben, tmp_path)
    ann.guidelines.write("New words.", "Ann")
    ann.guidelines.describe(1, "Ann says.", "Ann")
    ben.guidelines.describe(2, "Ben says.", "Ben")
    ben.guidelines.describe(1, "Ben says better.", "Ben")
    for name, sender in (("from Ann.dllm", ann), ("from Ben.dllm", ben)):  # both on their way at once
        bundles.write(sender, tmp_path / name)
    for name, receiver in (("from Ann.dllm", ben), ("from Ben.dllm", ann)):
        bundles.take(receiver, tmp_path / name)
    assert _state(ann) == _state(ben)
    assert _told(ann, ann.guidelines.get()) == ("New words.", {"yes": "Ben says better.", "no": "Ben says."})
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

    bundles.take(ann, _rewritten(tmp_path / "whole.dllm", bundle.GUIDELINES, ahead))
    assert ann.guidelines.get().text == "From the future."
    ann.guidelines.write("And now.", "Ann")
    assert ann.guidelines.get().text == "And now."
    ann.guidelines.describe(1, "Yes.", "Ann")
    assert _told(ann, ann.guidelines.get()) == ("And now.", {"yes": "Yes."})


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
    _exchanged(ann, ben, tmp_path)
    ann.classes.remove(never)
    ann.guidelines.write("Later words.", "Ann")
    assert _told(ann, ann.guidelines.all()[1]) == ("", {})  # nobody can say what a number was that nothing has
    _exchanged(ann, ben, tmp_path)
    assert _told(ann, ann.guidelines.get()) == ("Later words.", {"never": "They say so."})
    assert _state(ann) == _state(ben)


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
    before = _state(ann)

    def change(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), field: value}).encode() + b"\n"

    with pytest.raises(UserError, match=words):
        bundles.take(ann, _rewritten(tmp_path / "whole.dllm", bundle.GUIDELINES, change))
    assert _state(ann) == before
