"""The command that tells what rows are like as a whole: profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, opened
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.data.profile import Lengths


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("profile", _profile, "tell lengths, languages, labels, missing cells and repeats of the rows")
    one.add_argument("project", type=expanded)
    one.add_argument("--no-languages", action="store_true", help="guess no languages, which takes a third of the time")


def _profile(told: Any, out: Out) -> None:
    from desktop_llm.verbs import profiling

    with opened(told.project) as project:
        found = profiling.profile(project, languages=not told.no_languages)
    repeats = {"rows": found.rows, "repeats": found.duplicates}
    out(repeats, f"{found.rows:,} rows, {found.duplicates:,} of them repeat another one.")
    for name, lengths in (("characters", found.characters), ("words", found.words), ("tokens", found.tokens)):
        if lengths.shortest is None and name == "tokens":
            continue  # no run has a tokenizer yet
        bars = [{"from": low, "to": high, "rows": count} for low, high, count in lengths.bars()]
        out({name: bars, "mean": lengths.mean}, f"{name}: {_lengths(lengths)}")
    for name, counts in (("languages", found.languages), ("labels", found.labels), ("missing", found.missing)):
        listed = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        words = ", ".join(f"{key or 'none'} {count:,}" for key, count in listed)
        out({name: dict(listed)}, f"{name}: {words or 'none'}")


def _lengths(told: Lengths) -> str:
    if told.shortest is None:
        return "none"
    return f"{told.shortest:,} to {told.longest or 0:,}, {told.mean:,.1f} on average"
