"""What the Results page shows of a run, read from the project: how rows came out, figures, and what is to be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from desktop_llm.gui.pages.result_tab import Shown
from desktop_llm.verbs import outcomes
from desktop_llm.verbs.outcomes import TEST, VALIDATION, On

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run


def read(
    project: Project, marked: Sequence[Run], every: Sequence[Run], on: On, *, should_stop: Callable[[], bool]
) -> tuple[Shown, dict[str, Any], str]:
    """What there is of the first of `marked`, the details for its task's view, and a note. Raises Cancelled."""
    run = marked[0]
    told, note = outcomes.of(project, run.number, on), run.message
    other = {TEST: VALIDATION, VALIDATION: TEST}.get(on)
    if told is None and other is not None and run.details.get(other.name):
        words = _tr("Not measured on {split} texts; shown is {other}.").format(split=on.name, other=other.name)
        told, on, note = outcomes.of(project, run.number, other), other, words
    kept = project.evaluations.find(run.number, on.kind, on.name)
    details = dict(run.details.get(on.name) or {}) if on.kind == "split" else {}
    if kept is not None:
        details = dict(kept.details)
        note = _kept_words(note, kept.left_out, kept.learned)
    elif on.kind != "split":
        note = _tr("Run {number} was not measured on {what} yet.").format(number=run.number, what=on.words)
    tally = None if told is None else outcomes.tally_of(project, told)
    shown = Shown(
        run=run,
        on=on,
        outcomes=told,
        figures={} if told is None else outcomes.figures(project, told, should_stop=should_stop),
        wrong=() if told is None else outcomes.wrong(told, tally),
        runs=tuple(marked),
        every=tuple(every),
    )
    return shown, details, note


def _kept_words(note: str, left_out: int, learned: int) -> str:
    words = [note] if note else []
    if left_out:
        words.append(
            _tr("{count:,} rows were left out: they have no label that the run has learned.").format(count=left_out)
        )
    if learned:
        sentence = _tr("{count:,} of these texts are among those that the run learned from, so that it looks too good.")
        words.append(sentence.format(count=learned))
    return " ".join(words)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ResultsPage", text)
