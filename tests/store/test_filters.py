"""Filters by what a row is: length, source, date, further columns, predictions; against a plain reading of all rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter, Item, NewItem
from desktop_llm.store.project import Project
from tests.store.conftest import TASK, insert

CITIES = ["Köln", "köln", "Berlin", "", "12", "7.5", "2024-05-01"]


@pytest.fixture
def full(project: Project) -> Project:
    """Thirty rows and forty-two more of another file with a city each."""
    project.items.insert(
        "cities.csv",
        [
            NewItem(
                content={"text": "x" * place + "!"},
                extra={"city": place_name, "odd \"name'": str(place)} if (place_name := CITIES[place % 7]) else {},
                label=("yes", "no")[place % 2] if place % 3 else None,
            )
            for place in range(42)
        ],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )
    return project


def city(item: Item) -> str:
    return item.extra.get("city", "")


KEPT: dict[str, tuple[Filter, Callable[[Item], bool]]] = {
    "longer": (Filter(min_length=20), lambda item: len(item.content["text"]) >= 20),
    "between": (Filter(min_length=5, max_length=9), lambda item: 5 <= len(item.content["text"]) <= 9),
    "source": (Filter(source="cities.csv"), lambda item: item.source == "cities.csv"),
    "source and label": (
        Filter(source="cities.csv", show="labeled"),
        lambda item: item.source == "cities.csv" and item.value is not None,
    ),
    "no such source": (Filter(source="else"), lambda item: False),
    "is": (Filter(column="city", value="Köln"), lambda item: city(item) == "Köln"),
    "missing": (Filter(column="city", value=""), lambda item: not city(item)),
    "contains": (
        Filter(column="city", compare="contains", value="köln"),
        lambda item: city(item).lower() == "köln",
    ),
    "number": (Filter(column="city", compare="least", value="8"), lambda item: city(item) == "12"),
    "date": (
        Filter(column="city", compare="most", value="2024-06-01", source="cities.csv"),
        lambda item: city(item) in ("12", "2024-05-01"),
    ),
    "odd name": (Filter(column="odd \"name'", value="5"), lambda item: item.content["text"] == "xxxxx!"),
    "since the future": (Filter(since="2999"), lambda item: False),
    "until the past": (Filter(until="1999-12-31"), lambda item: False),
    "since the past": (Filter(since="1999-12-31", until="2999"), lambda item: True),
    "both": (
        Filter(max_length=3, show="unlabeled"),
        lambda item: len(item.content["text"]) <= 3 and item.value is None,
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_filter_keeps_what_it_says(full: Project, name: str) -> None:
    told, kept = KEPT[name]
    every = full.items.page(Filter(), 0, 1000)
    assert len(every) == 72
    expected = [item.id for item in every if kept(item)]
    assert [item.id for item in full.items.page(told, 0, 1000)] == expected
    places = full.items.places(told)
    assert places.count == len(expected)
    paged = [full.items.page(told, first, 3, skip) for first, skip in map(places.at, range(0, len(expected), 3))]
    assert [item.id for page in paged for item in page] == expected


def test_today_is_until_and_since(full: Project) -> None:
    day = full._connections.rows("SELECT at FROM sources")[0][0][:10]
    assert full.items.count(Filter(since=day, until=day)) == 72


def _answer(label: str) -> Prediction:
    return Prediction(label=label, probability=0.9, uncertainty=0.1)


def test_disagreement_is_with_the_newest_run_in_the_names_it_knew(full: Project) -> None:
    values = {one.name: one.id for one in full.classes.all()}
    schema = {"classes": ["yes", "no"], "class_ids": [values["yes"], values["no"]]}
    runs = [full.runs.create(TASK.recipe, model_title="", snapshot={}, schema=schema) for _ in range(2)]
    rows = full.items.page(Filter(show="labeled"), 0, 100)
    full.predictions.write(runs[0], [(item.id, _answer("yes")) for item in rows])
    full.predictions.write(runs[1], [(item.id, _answer("no")) for item in rows[:10]])
    full.classes.rename(values["no"], "never")
    expected = [item.id for item in rows[:10] if item.value == values["yes"]]
    expected += [item.id for item in rows[10:] if item.value == values["no"]]
    assert [item.id for item in full.items.page(Filter(disagrees=True), 0, 100)] == expected
    told = Filter(disagrees=True, class_id=values["no"])
    assert full.items.count(told) == sum(item.value == values["no"] for item in rows[10:])
    by_source = [item.id for item in rows if item.id in expected and item.source == "cities.csv"]
    assert [item.id for item in full.items.page(Filter(disagrees=True, source="cities.csv"), 0, 100)] == by_source
    assert full.items.count(Filter(predicted="no")) == 10
    assert full.items.count(Filter(predicted="yes")) == len(rows) - 10
    assert full.items.count(Filter(predicted="yes", run=runs[0])) == len(rows)


def test_ids_come_once_each_though_rows_leave_the_filter_meanwhile(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_llm.store import finding

    monkeypatch.setattr(finding, "IDS_AT_ONCE", 3)
    seen: list[int] = []
    for part in project.items.ids(Filter(show="unlabeled")):
        seen += part
        for number in part:
            project.labels.set(number, 1)
    assert seen == list(range(3, 31, 3))


def test_many_sources_of_few_rows(project: Project) -> None:
    for place in range(70):
        insert(project, [(f"row of {place}", None)], f"{place}.csv")
    assert project.items.places(Filter()).count == 100
    assert project.items.count(Filter(since="2000")) == 100
    assert len(project.items.page(Filter(since="2000"), 0, 200)) == 100
    assert [item.content["text"] for item in project.items.page(Filter(source="7.csv"), 0, 9)] == ["row of 7"]
