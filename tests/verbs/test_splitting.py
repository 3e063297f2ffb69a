"""How a project holds rows out: by its own rule, at once or at the first run, and never the other way round later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, splitting, training
from desktop_llm.verbs.splitting import Rule

TASK = next(iter(TASKS.values()))


def bring(project: Project, first: int, last: int) -> None:
    """Labeled rows of five customers, one a day."""
    items = [
        NewItem(
            content={"text": f"text {place}"},
            extra={"customer": f"c{place % 5}", "day": f"2026-{1 + place // 28:02d}-{1 + place % 28:02d}"},
            label=("yes", "no")[place % 2],
        )
        for place in range(first, last)
    ]
    project.items.insert(f"{first}.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A hundred rows."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    bring(made, 0, 100)
    yield made
    made.close()


def splits_of(project: Project) -> dict[int, str]:
    """Splits by row."""
    return {item.id: item.split for item in project.items.page(Filter(), 0, 1000)}


def test_by_group_no_customer_is_on_two_sides(project: Project) -> None:
    rule = Rule(method="group", validation=0.2, test=0.2, column="customer")
    assert splitting.apply(project, rule).changed == 100
    sides: dict[str, set[str]] = {}
    for item in project.items.page(Filter(), 0, 1000):
        sides.setdefault(item.extra["customer"], set()).add(item.split)
    assert all(len(one) == 1 for one in sides.values())
    assert set().union(*sides.values()) == {"train", "validation", "test"}
    assert splitting.rule(project) == rule


def test_by_time_the_newest_are_for_test(project: Project) -> None:
    splitting.apply(project, Rule(method="time", validation=0.1, test=0.1, column="day"))
    told = splits_of(project)
    assert [told[number] for number in (1, 50, 85, 100)] == ["train", "train", "validation", "test"]


def test_rows_keep_their_sides_when_more_come(project: Project) -> None:
    splitting.apply(project, Rule(method="random", validation=0.2, test=0.2, seed=3))
    before = splits_of(project)
    bring(project, 100, 160)
    splitting.apply(project, splitting.rule(project))
    after = splits_of(project)
    assert {number: after[number] for number in before} == before
    assert all(after.values())


def test_a_run_holds_out_by_the_projects_rule(project: Project) -> None:
    splitting.set_rule(project, Rule(method="group", validation=0.2, test=0.2, column="customer"))
    ready = training.check(project, TASK.recipe)
    assert dict(ready.splits) == dict(Counter(splitting.deal(project, splitting.rule(project)).split_of.values()))
    assert ready.splits["test"] in (20, 40)


def test_dealt_out_again_and_undone(project: Project) -> None:
    splitting.apply(project, Rule(method="random", seed=1))
    before = splits_of(project)
    done = splitting.apply(project, Rule(method="random", seed=2), again=True)
    assert done.changed > 0
    assert splits_of(project) != before
    project.operations.undo(done.operation)
    assert splits_of(project) == before


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(method="group"), "needs the column"),
        (Rule(method="group", column="custmer"), "No row has a column “custmer”.*are “customer”, “day”"),
        (Rule(method="time", column="date"), "No row has a column “date”.*are “customer”, “day”"),
        (Rule(validation=0.6, test=0.6), "at most 90 %"),
        (Rule(test=-0.1), "neither less than nothing"),
        (Rule(method="magic"), "no way to split"),  # type: ignore[arg-type]
    ],
)
def test_a_rule_that_is_none_says_so(project: Project, rule: Rule, said: str) -> None:
    with pytest.raises(UserError, match=said):
        splitting.apply(project, rule)
    assert splitting.rule(project) == Rule()


def test_of_much_text_without_labels_as_much_is_held_out_as_a_figure_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = next(one for one in TASKS.values() if one.unsupervised)
    with closing(Project.create(tmp_path / "texts", task.name)) as project:
        text = tmp_path / "in.txt"
        text.write_text("\n".join(f"line number {place:03d}" for place in range(200)), encoding="utf-8")
        importing.run(project, importing.plan(task, text))
        assert splitting.rule(project) == Rule()
        monkeypatch.setattr(splitting, "ENOUGH_HELD", 60)
        rule = splitting.rule(project)
        assert rule == Rule(validation=0.02, test=0.02)
        assert Counter(splitting.deal(project, rule).split_of.values()) == {"train": 192, "validation": 4, "test": 4}
        splitting.set_rule(project, Rule(validation=0.1, test=0.1))
        assert splitting.rule(project) == Rule()
