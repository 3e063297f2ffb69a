"""The card about what History keeps of masked personal data: how much that is, and the way to let it go for ever."""

from __future__ import annotations

from collections.abc import Callable
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
        self._rows, self._unfinished = 0, False
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
        self._rows, self._unfinished, self._asked, self._work = 0, False, None, None
        self._show()

    def reload(self) -> None:
        """Read how much is kept; a question that stands is over, as other rows may be meant now."""
        project = self._hub.project
        if project is None or self._work is not None:
            return

        def read(_: Task) -> tuple[int, bool]:
            from desktop_llm.verbs import personal

            return project.forgetting.waiting(personal.OPERATION)[1], project.forgetting.unfinished()

        def show(told: tuple[int, bool]) -> None:
            if self._hub.project is project and self._work is None:
                if told != (self._rows, self._unfinished):
                    self._asked = None
                self._rows, self._unfinished = told
                self._show()

        self._hub.background.run(read, on_done=show)

    def _show(self) -> None:
        busy, asked = self._work is not None, self._asked is not None
        self._cancel.setVisible(busy or asked)
        self._cancel.setText(self.tr("Cancel") if busy else self.tr("Keep them"))
        self._cancel.setAccessibleName(self._cancel.text())
        self._ask.setVisible(not busy and not asked)
        self._ask.setEnabled(self._hub.writable and (self._rows > 0 or self._unfinished))
        self._sure.setVisible(asked and not busy)
        if busy:
            return
        if self._asked is not None:
            self._words.setText(self._question(self._asked))
        elif self._rows:
            one = self.tr("History keeps the original of 1 row, so that masking can be undone.")
            many = self.tr("History keeps the originals of {count:,} rows, so that masking can be undone.")
            self._words.setText(one if self._rows == 1 else many.format(count=self._rows))
        elif self._unfinished:
            self._words.setText(self.tr("Forgetting was broken off; the files may hold originals still."))
        else:
            self._words.setText(self.tr("None are kept. Masking can be undone until its originals are forgotten."))

    def _question(self, told: Originals) -> str:
        """What goes, what stays, and that there is no way back."""
        one = self.tr("The original of 1 row goes for ever, out of History, the search and the project's files.")
        many = self.tr(
            "The originals of {count:,} rows go for ever, out of History, the search and the project's files."
        )
        parts = [one if told.rows == 1 else many.format(count=told.rows)] if told.rows else []
        parts.append(self.tr("Masking can then not be undone."))
        if len(told.runs) == 1:
            words = self.tr("Run {run} learned from personal data that nobody has reviewed, and keeps it.")
            parts.append(words.format(run=told.runs[0]))
        elif told.runs:
            words = self.tr(
                "{count:,} runs ({named}) learned from personal data that nobody has reviewed, and keep it."
            )
            named = ", ".join(map(str, told.runs[:RUNS_NAMED])) + (" …" if len(told.runs) > RUNS_NAMED else "")
            parts.append(words.format(count=len(told.runs), named=named))
        if told.binned:
            words = self.tr("The bin keeps its {count:,} rows as they were; History empties it.")
            parts.append(words.format(count=told.binned))
        return " ".join(parts)

    def _on_ask(self) -> None:
        project = self._hub.project
        if project is None:
            return

        def work(task: Task) -> Originals:
            from desktop_llm.verbs import forgetting

            return forgetting.originals(project, should_stop=task.should_stop)

        def show(told: Originals) -> None:
            if self._hub.project is project:
                self._asked = told

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
