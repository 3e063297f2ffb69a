"""The profile: counts as they are by hand, and parts that add up to the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.profile import BOUNDS, Lengths, Profile, Profiler

ROWS = st.lists(
    st.tuples(st.text(max_size=20), st.sampled_from(["", "a", "b"]), st.dictionaries(st.sampled_from("xy"), st.text())),
    max_size=30,
)
Rows = list[tuple[str, str, dict[str, str]]]


def profiled(rows: Rows) -> Profile:
    """The profile of rows of (text, label, cells)."""
    profiler = Profiler()
    for text, label, cells in rows:
        profiler.add(text, cells, [label])
    return profiler.profile()


def test_counts_are_as_by_hand() -> None:
    profile = profiled(
        [
            ("Where is my parcel, please?", "delivery", {"city": "Bonn", "note": ""}),
            ("where is  my PARCEL, please?", "delivery", {"city": " ", "note": ""}),
            ("我的包裹在哪里？", "", {"city": "北京", "note": ""}),
            ("", "refund", {"city": "Ulm", "note": ""}),
        ]
    )
    assert profile.rows == 4
    assert profile.duplicates == 1
    assert profile.languages == {"en": 2, "zh": 1, "": 1}
    assert profile.missing == {"city": 1, "note": 4}
    assert profile.labels == {"delivery": 2, "": 1, "refund": 1}
    assert (profile.words.shortest, profile.words.longest, profile.words.total) == (0, 7, 17)
    assert profile.characters.longest == 28
    assert profile.words.bars()[0] == (0, 0, 1)
    assert profile.words.bars()[-1] == (6, 7, 1)


@given(first=ROWS, second=ROWS)
def test_parts_add_up_to_the_whole(first: Rows, second: Rows) -> None:
    assert profiled(first) + profiled(second) == profiled(first + second)


def test_nothing_has_a_profile_too() -> None:
    assert profiled([]) == Profile() == Profile() + Profile()
    assert Profile().duplicates == 0
    assert Lengths().bars() == ()
    assert Lengths().mean == 0


def test_the_bounds_rise() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert BOUNDS[:9] == (0, 1, 2, 3, 4, 6, 8, 12, 16)
    assert BOUNDS[-1] > 1_000_000
