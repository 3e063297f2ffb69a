"""The tab People: who labels, which rows two people judge, how far they agree, and bundles to and from colleagues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import bundles
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.pages.people_facts import ExchangeCard, Facts, NamesCard, TwiceCard
from desktop_llm.gui.pages.people_figures import FiguresView
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes, Filter
from desktop_llm.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.agreeing import Report

WIDTH = 372
BAR = 12
"""Beside it, where a scroll bar comes when it is needed."""


class PeopleTab(DataTab):
    """People at the left, figures at the right; these are counted when the tab is first seen, then when asked for."""

    name = "people"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("People"))
        self._reading: Task | None = None
        self._sharing: Task | None = None
        self._counting: Task | None = None
        self._report: Report | None = None
        self._choosing = self._stopped = False
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_people())
        whole.addSpacing(-BAR)
        self._counted = WorkLine("people.counting", time_words)
        self._counted.cancel_asked.connect(self._on_cancel_count)
        self.figures = FiguresView(self._counted)
        self.figures.count_asked.connect(self.count)
        right = _scrolled(self.figures)
        whole.addWidget(right, 1)
        hub.settings_changed.connect(self._on_settings_changed)

    def set_project(self, project: Project | None) -> None:
        """Forget the people of the one before."""
        super().set_project(project)
        self.twice.forget()
        self._reading = self._sharing = self._counting = self._report = None
        self._stopped = False
        for line in (self._shared, self._counted):
            line.say("")
        self.figures.show_report(None)
        self.figures.set_note("")
        self.figures.let(busy=False)

    def on_changes(self, changes: Changes) -> None:
        """Labels or rows have changed: the figures are of before."""
        super().on_changes(changes)
        if self._report is not None and self._counting is None and not self._choosing:
            self.figures.set_note(self.tr("labels have changed since; count again"))

    def opened(self, **arguments: Any) -> None:
        """What was stopped goes on."""
        self._stale = self._stale or self._stopped
        self._stopped = False
        super().opened()

    def reload(self) -> None:
        """Read who there is and what waits; count once."""
        super().reload()
        project, labeler = self.hub.project, self.hub.settings.labeler
        if project is None:
            return

        def read(_: Task) -> Facts:
            people = project.people
            return Facts(
                labelers=people.labelers(),
                share=people.share,
                unfinished=people.unfinished,
                waiting=people.waiting(labeler),
                disputed=people.disputed(),
                total=project.items.count(Filter()),
            )

        def show(told: Facts) -> None:
            if self.hub.project is project:
                self._show_facts(told)

        if self._reading is not None:
            self._reading.cancel()
        self._reading = self.hub.background.run(read, on_done=show)
        if self._report is None and self._counting is None:
            self.count()

    def count(self) -> None:
        """Count all figures anew."""
        project = self.hub.project
        if project is None or self._counting is not None:
            return

        def work(task: Task) -> Report:
            from desktop_llm.verbs import agreeing

            return agreeing.report(project, should_stop=task.should_stop, on_progress=task.progress)

        def show(told: Report) -> None:
            if self.hub.project is project:
                self._report = told
                self.figures.show_report(told)

        title = self.tr("Counting")
        self._counted.begin(title)
        self.figures.set_note("")
        self.figures.let(busy=True)
        self._counting = self.hub.background.run(
            work, on_done=show, on_progress=self._counted.show_progress, title=title
        )
        self._counting.ended.connect(self._on_counted)

    def take_focus(self) -> None:
        """To the figures."""
        self.figures.tables["labelers"].setFocus(Qt.FocusReason.OtherFocusReason)

    def _build_people(self) -> QScrollArea:
        inner = QWidget()
        left = QVBoxLayout(inner)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(16)
        self.names = NamesCard(self.hub.settings.labeler)
        self.names.named.connect(self._on_named)
        self._shared = WorkLine("people.sharing", time_words)
        self._shared.cancel_asked.connect(self._on_cancel_share)
        self.twice = TwiceCard(self._shared)
        self.twice.share_chosen.connect(self.set_share)
        self.twice.label_asked.connect(lambda: self.hub.page_asked.emit("label", {"show": "second"}))
        self.twice.decide_asked.connect(lambda: self.hub.page_asked.emit("label", {"show": "disputed"}))
        self.exchange = ExchangeCard()
        self.exchange.send_asked.connect(lambda: bundles.send(self.hub, self))
        self.exchange.take_asked.connect(lambda: bundles.ask_and_take(self.hub, self))
        for card in (self.names, self.twice, self.exchange):
            card.setFixedWidth(WIDTH)
            left.addWidget(card)
        left.addStretch(1)
        scroll = _scrolled(inner)
        scroll.setFixedWidth(WIDTH + BAR)
        return scroll

    def set_share(self, share: float) -> None:
        """Let two people label this share of the rows."""
        project = self.hub.project
        if project is None:
            return
        if self._sharing is not None:
            self._sharing.cancel()  # the one chosen now takes its place

        def work(task: Task) -> Changes:
            return project.people.set_share(share, task.should_stop, task.progress)

        title = self.tr("Choosing the rows")
        self._shared.begin(title)
        self._sharing = self.hub.background.run(
            work, on_done=self._on_chosen, on_progress=self._shared.show_progress, title=title
        )
        self._sharing.ended.connect(self._on_shared)

    def _show_facts(self, told: Facts) -> None:
        self.names.show_labelers(told.labelers)
        self.twice.show_facts(told, writable=self.hub.writable)
        self.exchange.let(writable=self.hub.writable)
        if told.unfinished and self._sharing is None and self.hub.writable and not self._stopped:
            self.set_share(told.share)

    def _on_named(self, name: str) -> None:
        if name != self.hub.settings.labeler:
            self.hub.save_settings(labeler=name)

    def _on_settings_changed(self, settings: object) -> None:
        self.names.show_name(self.hub.settings.labeler)
        if self.isVisible():
            self.reload()
        else:
            self._stale = True

    def _on_chosen(self, changes: Changes) -> None:
        """Other rows wait; no label has changed."""
        self._choosing = True
        self.hub.changed.emit(changes)
        self._choosing = False

    def _on_shared(self, task: Task) -> None:
        if task is not self._sharing:
            return
        self._sharing = None
        self._stopped = task.cancelled
        words = self.tr("Stopped: not all rows that wait are known. It goes on when this tab is opened again.")
        self._shared.say(words if self._stopped else "", "warn" if self._stopped else "muted")
        if task.error is not None or task.cancelled:
            self.reload()

    def _on_counted(self, task: Task) -> None:
        if task is self._counting:
            self._counting = None
            stopped = task.cancelled and self._report is None
            self._counted.say(self.tr("Stopped; nothing was counted.") if stopped else "")
            self.figures.let(busy=False)

    def _on_cancel_share(self) -> None:
        if self._sharing is not None:
            self._sharing.cancel()

    def _on_cancel_count(self) -> None:
        if self._counting is not None:
            self._counting.cancel()


def _scrolled(inner: QWidget) -> QScrollArea:
    """What a low window has no room for can be scrolled to."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inner)
    return scroll
