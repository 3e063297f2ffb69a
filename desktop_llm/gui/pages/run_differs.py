"""The dialog that shows what differs between two runs: recipe, data, program, device, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.status import time_words
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view
from desktop_llm.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.differing import Line

WIDTH, HEIGHT = 760, 520


class DiffersDialog(QDialog):
    """One run against another that is chosen in it."""

    def __init__(self, hub: Hub, run: Run, runs: Sequence[Run], parent: QWidget, *, against: int | None = None) -> None:
        """`run` against one of the other `runs`, at first run `against`, or the one before it."""
        super().__init__(parent)
        self._hub, self._run = hub, run
        self._work: Task | None = None
        self.setObjectName("train.differs")
        self.setWindowTitle(self.tr("What differs from run {number}").format(number=run.number))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(plain_label(self.tr("Run {number} against").format(number=run.number)))
        self.other = Choice()
        self.other.setObjectName("train.differs.other")
        self.other.setAccessibleName(self.tr("The other run"))
        for one in runs:
            if one.number != run.number:
                words = self.tr("Run {number} · {model} · {state}")
                self.other.addItem(words.format(number=one.number, model=one.title, state=one.state), one.number)
        earlier = [one.number for one in runs if one.number < run.number]
        first = max(earlier, default=0) if against is None else against
        self.other.setCurrentIndex(max(0, self.other.findData(first)))
        self.other.activated.connect(lambda _: self._ask())
        head.addWidget(self.other, 1)
        whole.addLayout(head)
        self._grid = TextGrid(self)
        self._table = grid_view(self._grid, "train.differs.table", self.tr("What differs"))
        whole.addWidget(self._table, 1)
        self._line = WorkLine("train.differs.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        whole.addWidget(self._line)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button(self.tr("Close"), "train.differs.close", self.reject))
        whole.addLayout(buttons)
        self._ask()

    def _ask(self) -> None:
        project, here, there = self._hub.project, self._run.number, self.other.currentData()
        self._on_cancel()
        if project is None or not isinstance(there, int):
            return

        def work(task: Task) -> tuple[Line, ...]:
            from desktop_llm.verbs import differing

            return differing.between(project, here, there, should_stop=task.should_stop)

        self._line.begin(self.tr("Comparing"))
        self._work = self._hub.background.run(work, on_done=self._show, on_error=self._on_error)

    def _show(self, lines: Sequence[Line]) -> None:
        from desktop_llm.verbs.differing import GROUPS

        here, there = (
            self.tr("Run {number}").format(number=number) for number in (self._run.number, self.other.currentData())
        )
        rows, group = [], ""
        for line in lines:
            shown = "" if line.group == group else self.tr(GROUPS[line.group])
            group = line.group
            rows.append((shown, line.name, line.here, self.tr("the same") if line.same else line.there))
        self._grid.show_rows(("", self.tr("What"), here, there), rows)
        fit_columns(self._table)
        groups = {line.group for line in lines if not line.same}
        alike = not groups & {"recipe", "data", "program", "device"}
        self._line.say(self.tr("Recipe, data, program and device are the same.") if alike else "")

    def _on_error(self, error: UserError) -> None:
        self._line.say(error.message, "bad")

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def reject(self) -> None:
        """Close; what is being compared is given up."""
        self._on_cancel()
        super().reject()
