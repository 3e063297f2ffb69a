"""The card about what History keeps of masked personal data: how much that is, and the way to let it go for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

if TYPE_CHECKING:
    from desktop_llm.verbs.forgetting import Originals

RUNS_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is quick to know: `rows` whose originals History keeps, and how many `runs` and binned rows there are."""

    rows: int = 0
    unfinished: bool = False
    runs: int = 0
    binned: int = 0

    @property
    def forgettable(self) -> bool:
        """Whether there is something that can be forgotten."""
        return self.rows > 0 or self.unfinished


_NOTHING = _Kept()


class OriginalsCard(Card):
    """First it tells what would go and what would stay, then it asks.

    Signals: `forgotten()`: it was done; `grew()`: it asks.
    """

    forgotten = Signal()
    grew = Signal()

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Empty until a project is open."""
        super().__init__(hub.tr("Originals"), "", parent)
        self._hub = hub
        self._kept = _NOTHING
        self._looked: Sequence[int] | None = None
        """Runs that hold personal data; None: nobody has looked."""
        self._asked: Originals | None = None
        self._work: Task | None = None
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName("personal.originals.words")
        self.body.addWidget(self._words)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._cancel = button(self.tr("Cancel"), "personal.originals.cancel", self._on_cancel)
        self._ask = button(self.tr("Forget them…"), "personal.originals.ask", self._on_ask)
        self._sure = button(
            self.tr("Forget them for ever"), "personal.originals.forget", self._on_forget, kind="danger"
        )
        line.addStretch(1)
        for widget in (self._cancel, self._ask, self._sure):
            line.addWidget(widget)
        self.body.addLayout(line)
        self._show()

    def set_project(self) -> None:
        """Another project: nothing is known of it, and nothing was asked."""
        self._kept, self._looked, self._asked, self._work = _NOTHING, None, None, None
        self._show()

    def reload(self) -> None:
        """Read how much is kept; a question that stands is over, as other rows may be meant now."""
        project = self._hub.project
        if project is None or self._work is not None:
            return

        def read(_: Task) -> _Kept:
            from desktop_llm.verbs import personal

            rows, unfinished = project.forgetting.waiting(personal.OPERATION)[1], project.forgetting.unfinished()
            return _Kept(rows=rows, unfinished=unfinished, runs=len(project.runs.all()), binned=project.bin.count())

        def show(told: _Kept) -> None:
            if self._hub.project is project and self._work is None:
                if told != self._kept:
                    self._asked = self._looked = None
                self._kept = told
                self._show()

        self._hub.background.run(read, on_done=show)

    def _show(self) -> None:
        busy, asked = self._work is not None, self._asked is not None
        self._cancel.setVisible(busy or asked)
        self._cancel.setText(self.tr("Cancel") if busy else self.tr("Keep them"))
        self._cancel.setAccessibleName(self._cancel.text())
        kept = self._kept
        self._ask.setVisible(not busy and not asked and (kept.forgettable or self._looked is None))
        # where History has none, runs may hold some still: looking needs no leave to write
        self._ask.setText(self.tr("Forget them…") if kept.forgettable or not kept.runs else self.tr("Look in the runs"))
        self._ask.setAccessibleName(self._ask.text())
        self._ask.setEnabled(self._hub.writable if kept.forgettable else kept.runs > 0 and self._looked is None)
        self._sure.setVisible(asked and not busy)
        if busy:
            return
        if self._asked is not None:
            self._words.setText(self._question(self._asked))
        elif kept.rows:
            one = self.tr("History keeps the original of 1 row, so that masking can be undone.")
            many = self.tr("History keeps the originals of {count:,} rows, so that masking can be undone.")
            self._words.setText(one if kept.rows == 1 else many.format(count=kept.rows))
        elif kept.unfinished:
            self._words.setText(self.tr("Forgetting was broken off; the files may hold originals still."))
        else:
            self._words.setText(self._elsewhere())

    def _elsewhere(self) -> str:
        """History keeps none; what runs and the bin hold is told apart, as forgetting does not reach it."""
        kept, parts = (
            self._kept,
            [self.tr("History keeps none. Masking can be undone until its originals are forgotten.")],
        )
        if self._looked is not None:
            parts.append(self._of_runs(self._looked) or self.tr("No run holds personal data that nobody has reviewed."))
        elif kept.runs:
            parts.append(self.tr("Runs keep the rows that they learned from as they were then."))
        return " ".join([*parts, *self._of_bin(kept.binned)])

    def _of_runs(self, runs: Sequence[int]) -> str:
        if len(runs) == 1:
            words = self.tr("Run {run} learned from personal data that nobody has reviewed, and keeps it.")
            return words.format(run=runs[0])
        if not runs:
            return ""
        words = self.tr("{count:,} runs ({named}) learned from personal data that nobody has reviewed, and keep it.")
        named = ", ".join(map(str, runs[:RUNS_NAMED])) + (" …" if len(runs) > RUNS_NAMED else "")
        return words.format(count=len(runs), named=named)

    def _of_bin(self, binned: int) -> list[str]:
        words = self.tr("The bin keeps its {count:,} rows as they were; History empties it.")
        one = self.tr("The bin keeps its 1 row as it was; History empties it.")
        return [one if binned == 1 else words.format(count=binned)] if binned else []

    def _question(self, told: Originals) -> str:
        """What goes, what stays, and that there is no way back."""
        one = self.tr("The original of 1 row goes for ever, out of History, the search and the project's files.")
        many = self.tr(
            "The originals of {count:,} rows go for ever, out of History, the search and the project's files."
        )
        parts = [one if told.rows == 1 else many.format(count=told.rows)] if told.rows else []
        parts.append(self.tr("Masking can then not be undone."))
        parts += [words for words in (self._of_runs(told.runs), *self._of_bin(told.binned)) if words]
        return " ".join(parts)

    def _on_ask(self) -> None:
        project = self._hub.project
        if project is None:
            return

        def work(task: Task) -> Originals:
            from desktop_llm.verbs import forgetting

            return forgetting.originals(project, should_stop=task.should_stop)

        def show(told: Originals) -> None:
            if self._hub.project is project and told.any:
                self._asked = told
            elif self._hub.project is project:
                self._looked = told.runs

        self._start(self.tr("Looking at what is kept"), work, show)

    def _on_forget(self) -> None:
        project, phases = self._hub.project, self._phases()
        if project is None:
            return

        def work(task: Task) -> int:
            from desktop_llm.verbs import forgetting

            def progress(part: float, phase: str) -> None:
                # how long the files take nobody knows
                task.progress(0.0 if phase else part, phases.get(phase, ""))

            return forgetting.forget(project, on_progress=progress, should_stop=task.should_stop)

        self._asked = None
        self._start(self.tr("Forgetting originals"), work, lambda _: self.forgotten.emit())

    def _phases(self) -> dict[str, str]:
        return {"search": self.tr("emptying the search index"), "files": self.tr("writing the files anew")}

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
        else:
            self._asked = None
            self._show()
            self._ask.setFocus()

    def _start(self, title: str, work: Callable[[Task], Any], on_done: Callable[[Any], object]) -> None:
        self._words.setText(title + "…")
        self._work = self._hub.background.run(work, on_done=on_done, title=title)
        self._work.ended.connect(self._on_ended)
        self._show()

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            self._show()
            if self._asked is not None:
                # Enter must not do what cannot be undone
                self._cancel.setFocus()
                QTimer.singleShot(0, self.grew.emit)
            self.reload()
