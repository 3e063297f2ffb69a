"""What every tab of the Data page is: one way to look at the rows of the project, or to work on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


class DataTab(QWidget):
    """Signals: `rows_asked(Filter)`: the person wants to see these rows in the table."""

    name: ClassVar[str] = ""
    follows_runs: ClassVar[bool] = False
    """Whether it is told, too, that nothing but runs has changed."""
    rows_asked = Signal(object)

    def __init__(self, hub: Hub, title: str) -> None:
        """`title`, translated, is what the tab bar says."""
        super().__init__()
        self.hub = hub
        self.setObjectName(f"data.tab.{self.name}")
        self.setAccessibleName(title)
        self._stale = True

    def set_project(self, project: Project | None) -> None:
        """Another project is open, or none: forget what was shown. It is read when the tab is seen."""
        self._stale = True

    def on_changes(self, changes: Changes) -> None:
        """Something of the project has changed: read again now when this is seen, else when it is next seen."""
        if self.isVisible():
            self.reload()
        else:
            self._stale = True

    def opened(self, **arguments: Any) -> None:
        """The tab is shown, perhaps with something to show."""
        if self._stale:
            self.reload()

    def reload(self) -> None:
        """Read what is shown anew, in the background."""
        self._stale = False

    def take_focus(self) -> None:
        """The keyboard goes to what is meant first."""

    def state(self) -> dict[str, Any]:
        """What to restore at the next start, as JSON."""
        return {}

    def restore(self, told: dict[str, Any]) -> None:
        """Take over what `state` gave."""
