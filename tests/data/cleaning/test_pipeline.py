"""All steps together: what would change is told once, in order, and a second run finds nothing left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.data.cleaning.boilerplate import Boilerplate
from desktop_llm.data.cleaning.characters import Unicode, Whitespace
from desktop_llm.data.cleaning.duplicates import ExactDuplicates
from desktop_llm.data.cleaning.filters import Empty, Length
from desktop_llm.data.cleaning.markup import Html
from desktop_llm.data.cleaning.pipeline import Change, Drop, Progress, plan
from desktop_llm.data.cleaning.preview import Place, Sample, places, preview
from desktop_llm.data.cleaning.similar import NearDuplicates
from desktop_llm.data.cleaning.step import Row, Step
from desktop_llm.data.cleaning.steps import STEPS, ordered
from desktop_llm.errors import Cancelled

PIECES = st.lists(
    st.sampled_from(
        [
            "Hello",
            "world.",
            " ",
            "\n",
            "\r\n",
            "<b>",
            "</p>",
            "&lt;",
            "&amp;",
            "&nbsp;",
            "Ã©",
            "\u200b",
            "e\u0301",
            "Sent from my mobile phone.",
            "Buy one, get one free today!",
            "好的。",
            "\x00",
            "ＡＢ",
            "?",
            "<",
            "b>",
            "a b c",
        ]
    ),
    max_size=9,
).map("".join)


def applied(rows: Sequence[Row], outcomes: Iterable[Change | Drop]) -> list[Row]:
    """The rows as a store would leave them."""
    texts = dict(rows)
    for outcome in outcomes:
        if isinstance(outcome, Drop):
            del texts[outcome.id]
        else:
            assert texts[outcome.id] == outcome.before != outcome.after
            texts[outcome.id] = outcome.after
    return list(texts.items())


@settings(deadline=None)
@given(texts=st.lists(PIECES, max_size=25), chosen=st.sets(st.sampled_from(range(len(STEPS)))))
def test_a_second_run_changes_nothing(texts: list[str], chosen: set[int]) -> None:
    steps = [Boilerplate(rows=3) if isinstance(STEPS[place], Boilerplate) else STEPS[place] for place in chosen]
    rows = list(enumerate(texts))
    once = applied(rows, plan(rows, steps))
    assert list(plan(once, steps)) == []


def test_outcomes_come_in_the_order_of_the_rows_with_their_reasons() -> None:
    rows = [(1, "<p>Hello&nbsp;world</p>"), (2, " "), (3, "fine as it is"), (4, "hello WORLD"), (5, "x")]
    assert list(plan(rows, STEPS)) == [
        Change(id=1, before="<p>Hello&nbsp;world</p>", after="Hello world", steps=("html", "whitespace")),
        Drop(id=2, step="empty", reason="is empty"),
        Drop(id=4, step="exact_duplicates", reason="repeats an earlier row", kept=1),
        Drop(id=5, step="length", reason="has 1 characters, fewer than 2"),
    ]


def test_a_row_that_goes_takes_no_like_with_it() -> None:
    rows = [(1, "too short"), (2, "too short"), (3, "this one is long enough"), (4, "This one is long enough!")]
    outcomes = list(plan(rows, [NearDuplicates(), Length(least_characters=12)]))
    assert [(drop.id, drop.step) for drop in outcomes if isinstance(drop, Drop)] == [
        (1, "length"),
        (2, "length"),
        (4, "near_duplicates"),
    ]


def test_steps_run_in_their_order_and_once() -> None:
    assert ordered([Empty(), Html()]) == (Html(), Empty())
    with pytest.raises(ValueError, match="twice"):
        ordered([Unicode(), Unicode(compatible=True)])


def test_rows_that_can_be_read_once_only() -> None:
    assert list(plan(iter([(1, " a ")]), [Whitespace()])) == [
        Change(id=1, before=" a ", after="a", steps=("whitespace",))
    ]
    with pytest.raises(ValueError, match="more than once"):
        plan(iter([(1, "a")]), [NearDuplicates()])


def test_progress_is_told_and_stopping_heard() -> None:
    rows = [(number, f"row number {number}") for number in range(1200)]
    told: list[Progress] = []
    list(plan(rows, [Boilerplate(), ExactDuplicates()], progress=told.append))
    assert [(at.part, at.rows) for at in told] == [(1, 500), (1, 1000), (1, 1200), (2, 500), (2, 1000), (2, 1200)]
    assert {at.parts for at in told} == {2}
    with pytest.raises(Cancelled):
        list(plan(rows, [Whitespace()], should_stop=lambda: True))


def test_the_preview_shows_what_differs() -> None:
    samples = preview([(1, "same"), (2, "a  b"), (3, ""), (4, "c  d")], [Whitespace(), Empty()], limit=2)
    assert samples == (
        Sample(
            id=2,
            before="a  b",
            after="a b",
            places=(Place(start=2, end=3, after_start=2, after_end=2),),
            steps=("whitespace",),
        ),
        Sample(id=3, before="", after="", places=(), steps=("empty",), dropped="is empty"),
    )


@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_places_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    built, at = "", 0
    for place in places(before, after):
        built += before[at : place.start] + after[place.after_start : place.after_end]
        at = place.end
    assert built + before[at:] == after


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_says_what_it_is(step: Step) -> None:
    assert step.title
    assert step.does.endswith(".")
    assert all(field.metadata["title"] and field.metadata["help"] for field in fields(step))
    assert not hasattr(step, "__dict__")
