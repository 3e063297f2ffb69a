"""What every page is: a title, controls at its right, content below; and how the window speaks to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

HEADER_HEIGHT = 32


class Page(QWidget):
    """A page of the window. `header` takes controls at the right of the title, `content` the rest."""

    name: ClassVar[str] = ""

    def __init__(self, hub: Hub, title: str) -> None:
        """`title` is shown at the top, translated."""
        super().__init__()
        self.hub = hub
        self.setObjectName(f"page.{self.name}")
        self.setAccessibleName(title)
        self.setProperty("role", "page")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 16)
        whole.setSpacing(16)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        # As high as a button, with or without one: cards begin at one height on all pages, and stay there.
        self.header.addStrut(HEADER_HEIGHT)
        self.title = plain_label(title, "page-title")
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        whole.addLayout(self.header)
        self.content = QVBoxLayout()
        self.content.setSpacing(16)
        whole.addLayout(self.content, 1)

    def set_project(self, project: Project | None) -> None:
        """Another project is open, or none."""

    def on_changes(self, changes: Changes) -> None:
        """Something of the project has changed."""

    def opened(self, **arguments: Any) -> None:
        """The page is shown, perhaps with something to show."""

    def do(self, action: str) -> None:
        """Do what the menu calls `action`; pages without actions of their own have nothing to do."""

    def state(self) -> dict[str, Any]:
        """What to restore at the next start, as JSON."""
        return {}

    def restore(self, told: dict[str, Any]) -> None:
        """Take over what `state` gave."""
