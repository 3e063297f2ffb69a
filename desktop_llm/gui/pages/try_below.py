"""What is below an answer of Try it: tabs that look behind it, made when they are first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.try_tab import Answered, TryTab
from desktop_llm.tasks.task import Task


class Tab(NamedTuple):
    """A tab: its title, untranslated, how it is made, and for which tasks it is."""

    title: str
    make: Callable[[Hub], TryTab]
    fits: Callable[[Task], bool]


def _why(hub: Hub) -> TryTab:
    from desktop_llm.gui.pages.try_why import WhyTab

    return WhyTab(hub)


def _near(hub: Hub) -> TryTab:
    from desktop_llm.gui.pages.try_near import NearTab

    return NearTab(hub)


def _heads(hub: Hub) -> TryTab:
    from desktop_llm.gui.pages.try_heads import HeadsTab

    return HeadsTab(hub)


TABS: dict[str, Tab] = {
    "why": Tab(str(QT_TRANSLATE_NOOP("TryTabs", "Why?")), _why, lambda task: task.explains),
    "near": Tab(str(QT_TRANSLATE_NOOP("TryTabs", "Nearest training rows")), _near, lambda task: not task.writes),
    "heads": Tab(str(QT_TRANSLATE_NOOP("TryTabs", "Attention")), _heads, lambda task: task.explains),
}


class Below(QWidget):
    """A bar of tabs, and the one that is chosen."""

    def __init__(self, hub: Hub) -> None:
        """Nothing answered yet."""
        super().__init__()
        self._hub = hub
        self._answered: Answered | None = None
        self._tabs: dict[str, TryTab] = {}
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        self.tab_bar = QTabBar()
        self.tab_bar.setObjectName("try.tabs")
        self.tab_bar.setAccessibleName(self.tr("Ways to look behind an answer"))
        self.tab_bar.setDrawBase(False)
        self.tab_bar.setExpanding(False)
        for tab in TABS.values():
            self.tab_bar.addTab(QCoreApplication.translate("TryTabs", tab.title))
        whole.addWidget(self.tab_bar)
        self._inner = QStackedWidget()
        whole.addWidget(self._inner, 1)
        self.tab_bar.currentChanged.connect(self._show_tab)

    def set_task(self, task: Task) -> None:
        """The tabs that fit; the first of them."""
        fitting = [place for place, one in enumerate(TABS.values()) if one.fits(task)]
        for place in range(len(TABS)):
            self.tab_bar.setTabVisible(place, place in fitting)
        self.setVisible(bool(fitting))
        self.take(None)
        if fitting:
            self.tab_bar.setCurrentIndex(fitting[0])
            self._show_tab(fitting[0])

    def take(self, answered: Answered | None) -> None:
        """Another answer, or none."""
        self._answered = answered
        for tab in self._tabs.values():
            tab.take(answered)

    def begin(self, name: str) -> None:
        """Show a tab, and let it look behind the answer."""
        if self.tab_bar.isTabVisible(tuple(TABS).index(name)):
            self.tab_bar.setCurrentIndex(tuple(TABS).index(name))
            self._tab(name).begin()

    def _tab(self, name: str) -> TryTab:
        """One of the tabs, made if it was not."""
        if name not in self._tabs:
            self._tabs[name] = TABS[name].make(self._hub)
            self._tabs[name].take(self._answered)
            self._inner.addWidget(self._tabs[name])
        return self._tabs[name]

    def _show_tab(self, place: int) -> None:
        if place >= 0:
            self._inner.setCurrentWidget(self._tab(tuple(TABS)[place]))
