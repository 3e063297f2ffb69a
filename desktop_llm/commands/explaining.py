"""What `predict` tells beside an answer: why it is so, and what the run learned that is most like the text."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Out, UsageError, tell_rejected

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


def ask(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--explain", action="store_true", help="why: what each word adds, and what changes without it")
    parser.add_argument("--label", default="", help="with --explain: another label than the likeliest")
    words = "the N texts that the run learned from and holds nearest to this one, with their labels"
    parser.add_argument("--nearest", type=int, metavar="N", help=words)


def check(told: Any, in_project: bool) -> None:
    """Raises UsageError for options that do not go together."""
    if told.label and not told.explain:
        raise UsageError("--label goes with --explain.")
    if told.nearest is None:
        return
    if not in_project:
        raise UsageError("--nearest needs a project, as an export has no training rows: predict PROJECT RUN TEXT.")
    if told.explain:
        raise UsageError("--nearest and --explain are two things; ask for one of them.")
    if told.nearest < 1:
        raise UsageError("--nearest takes a number of rows, at least 1.")


def explain(folder: Path, told: Any, out: Out) -> None:
    """Why a model says what it says of each row."""
    from desktop_llm.jobs import explanation
    from desktop_llm.rows import Rejected
    from desktop_llm.verbs import predicting

    for one in predicting.explain(folder, told.rest[-1], told.label):
        if isinstance(one, Rejected):
            tell_rejected(out, one)
            continue
        row, why = one
        text = next(iter(row.values()), "")
        words = [{"text": text[word["start"] : word["end"]], **word} for word in explanation.to_json(why)["words"]]
        figures = [(explanation.points(word["adds"]), explanation.points(word["without"])) for word in words]
        lines = [
            f"{why.label}\t{why.chance:.4f}\t{' '.join(text.split())}",
            "      adds without",
            *(f"   {adds:>7} {gone:>7}  {word['text']}" for (adds, gone), word in zip(figures, words, strict=True)),
            why.words_of_sum,
        ]
        sure = {"gap": why.gap, "tolerance": why.tolerance, "complete": why.complete}
        out({**row, **explanation.to_json(why), "words": words, **sure}, "\n".join(lines))


def nearest(project: Project, number: int, told: Any, out: Out) -> None:
    """The training rows that a run holds nearest to a text."""
    from desktop_llm.verbs import nearest as near

    model = project.runs.folder(number).model
    for one in near.of(project, number, told.rest[1], near.here(model), count=told.nearest):
        label = f"{one.label} (now {one.now})" if one.relabeled else one.label
        out(asdict(one), f"{one.similarity:.3f}\t{label}\t{' '.join(one.text.split())}")
