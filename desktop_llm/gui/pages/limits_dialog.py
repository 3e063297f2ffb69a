"""The dialog that shows a limit for each slice, so that all find as much of a label: what that does, and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.figure_table import FigureTable

if TYPE_CHECKING:
    from desktop_llm.gui.pages.result_tab import Shown
    from desktop_llm.verbs.slice_limits import SliceLimits

WIDTH = 820
LEAST_ROWS, MOST_ROWS = 3, 9
"""Slices that are seen at once; the others are scrolled to."""


class LimitsDialog(WorkDialog):
    """Signals: `measure_asked()`: ask the model for all its chances first."""

    measure_asked = Signal()

    def __init__(self, hub: Hub, parent: QWidget, shown: Shown, by: str, label: str) -> None:
        """Begins to count at once; `label` as the run calls it."""
        title = self.tr("A limit for each slice: {label}").format(label=label)
        super().__init__(hub, parent, "limits", title, WIDTH)
        self.verdict = plain_label("", wrap=True)
        self.verdict.setObjectName("limits.verdict")
        self.whole.addWidget(self.verdict)
        titles = [
            self.tr("Slice"),
            self.tr("Have it"),
            self.tr("Limit"),
            self.tr("Found"),
            self.tr("With limits"),
            self.tr("Wrongly told"),
            self.tr("With limits"),
        ]
        self.table = FigureTable("limits.table", self.tr("Limits by slice"), titles)
        self.whole.addWidget(self.table)
        self.remarks = plain_label("", "muted", wrap=True)
        self.remarks.setObjectName("limits.remarks")
        self.whole.addWidget(self.remarks)
        self.add_line()
        self.measure = button(self.tr("Measure"), "limits.measure", self._on_measure, kind="primary")
        self.add_buttons(button(self.tr("Close"), "limits.close", self.reject), self.measure)
        for part in (self.verdict, self.table, self.remarks):
            part.hide()
        asked = shown.outcomes is not None and shown.outcomes.logits is not None
        self.measure.setVisible(not asked and hub.writable)
        if not asked:
            self.verdict.setText(
                self.tr("For this the model is asked for the chance of every label; that takes a moment.")
            )
            self.verdict.show()
            self._let()
            return
        project, number, on, told = hub.project, shown.run.number, shown.on, shown.outcomes
        if project is None:
            return

        def work(task: Task) -> SliceLimits:
            from desktop_llm.verbs import slice_limits

            return slice_limits.of(project, number, on, by, label, told=told, should_stop=task.should_stop)

        self.begin(self.tr("Choosing limits"), work, self._show)

    def _show(self, found: SliceLimits | None) -> None:
        if found is None:
            return
        from desktop_llm.verbs import slice_limits

        self._line.say("")
        self.verdict.setText(found.words)
        rows = []
        for one in found.told.sides:
            before, after = slice_limits.found_words(one)
            wrong = slice_limits.wrongly_words(one)
            rows.append((one.name, f"{one.there:,}", slice_limits.limit_words(one), before, after, *wrong))
        self.table.show_rows(rows)
        lines = min(MOST_ROWS, max(LEAST_ROWS, len(rows)))
        row = self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + lines * row + 4)
        self.remarks.setText("\n".join(found.remarks))
        for part in (self.verdict, self.table, self.remarks):
            part.show()
        self.table.setCurrentCell(0, 0)
        self.table.setFocus()
        self._let()

    def _stopped_words(self) -> str:
        return self.tr("Stopped.")

    def _on_measure(self) -> None:
        self.measure_asked.emit()
        self.accept()
