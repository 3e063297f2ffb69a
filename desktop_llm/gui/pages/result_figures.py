"""The tab Figures: all measures with their intervals in a line, the rows that went wrong, and the task's own view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import result_words
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.widgets.screen import ResultView


class FiguresTab(ResultTab):
    """What a task says of its answers; the page gives it the view that the task draws."""

    name = "figures"

    def __init__(self, hub: Hub) -> None:
        """Without a view until a project is open."""
        super().__init__(hub, hub.tr("Figures"))
        self.view: ResultView | None = None
        self._shown: Shown | None = None
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(12)
        top = QHBoxLayout()
        top.setSpacing(12)
        self.line = plain_label("", wrap=True)
        self.line.setObjectName("results.figures.line")
        self.line.setToolTip(
            self.tr("95 % intervals (bootstrap): between them the figure of very many rows of the same kind would lie.")
        )
        top.addWidget(self.line, 1)
        self.wrong_button = button("", "results.figures.wrong", self._on_wrong)
        top.addWidget(self.wrong_button)
        self._whole.addLayout(top)

    def set_view(self, view: ResultView | None) -> None:
        """The view of the task of the project that is open."""
        if self.view is not None:
            self._whole.removeWidget(self.view)
            self.view.deleteLater()
        self.view = view
        if view is not None:
            self._whole.addWidget(view, 1)

    def show_run(self, shown: Shown | None) -> None:
        """The line and the rows that went wrong; the view is shown by the page."""
        self._shown, task = shown, self.hub.task
        words = "" if shown is None or task is None else result_words.line(task.metrics, shown.figures)
        wrong = 0 if shown is None else len(shown.wrong)
        self.line.setText(words)
        self.line.setVisible(bool(words))
        self.wrong_button.setVisible(wrong > 0)
        self.wrong_button.setText(self.tr("{count:,} wrong ›").format(count=wrong))
        self.wrong_button.setAccessibleName(self.tr("Open the texts that went wrong in Label"))

    def _on_wrong(self) -> None:
        if self._shown is not None:
            words = self.tr("run {number} is wrong").format(number=self._shown.run.number)
            self.these_asked.emit(list(self._shown.wrong), words)
