"""The rail at the left: the project, its pages in working order, the device, and the way out."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QVBoxLayout, QWidget

from desktop_llm.gui.device_card import DeviceCard
from desktop_llm.gui.hub import Hub
from desktop_llm.widgets import theme
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.icon import icon

WORK = ("data", "label", "train", "results", "try", "export")
OF_MODELS = ("train", "results", "try", "export")
"""The pages that only tasks with a model have."""
REST = ("projects", "settings")
WIDTH = 184


def page_titles() -> dict[str, str]:
    """The pages in their order, by name, as the rail and the menu call them."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Pages", text)

    return {
        "data": tr("Data"),
        "label": tr("Label"),
        "train": tr("Train"),
        "results": tr("Results"),
        "try": tr("Try it"),
        "export": tr("Export"),
        "projects": tr("All projects"),
        "settings": tr("Settings"),
    }


class Rail(QWidget):
    """Signals: `chosen(name)`: the person wants this page."""

    chosen = Signal(str)

    def __init__(self, hub: Hub) -> None:
        """Pages of a project are disabled until one is open."""
        super().__init__()
        self.setProperty("role", "rail")
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        whole = QVBoxLayout(self)
        whole.setContentsMargins(10, 16, 10, 10)
        whole.setSpacing(4)
        self._project = ElidedLabel("", "card-title")
        self._task = ElidedLabel("", "muted")
        self._project.setObjectName("rail.project")
        self._task.setObjectName("rail.task")
        whole.addWidget(self._project)
        whole.addWidget(self._task)
        whole.addSpacing(12)
        for name, text in page_titles().items():
            if name == REST[0]:
                whole.addStretch(1)
                self.device = DeviceCard(hub)
                whole.addWidget(self.device)
                whole.addSpacing(4)
            whole.addWidget(self._add(name, text))
        theme.notifier().changed.connect(self._paint)
        self._paint()
        self.set_project("", "")

    def set_project(self, name: str, task: str, *, learns: bool = True) -> None:
        """Show what is open; '' for nothing. `learns`: there is a model to train."""
        self._project.setText(name or self.tr("No project"))
        self._task.setText(task or self.tr("Open or make one"))
        for page in WORK:
            self._buttons[page].setEnabled(bool(name))
            self._buttons[page].setVisible(learns or page not in OF_MODELS)

    def mark(self, name: str) -> None:
        """Show which page is open."""
        if name in self._buttons:
            self._buttons[name].setChecked(True)

    def _add(self, name: str, text: str) -> QPushButton:
        made = QPushButton(text)
        made.setObjectName(f"rail.{name}")
        made.setAccessibleName(text)
        made.setProperty("kind", "rail")
        made.setCheckable(True)
        made.setIconSize(QSize(18, 18))
        made.clicked.connect(lambda: self.chosen.emit(name))
        made.toggled.connect(lambda _: self._paint())
        self._group.addButton(made)
        self._buttons[name] = made
        return made

    def _paint(self) -> None:
        palette = theme.current()
        for name, made in self._buttons.items():
            made.setIcon(icon(name, palette.accent if made.isChecked() else palette.muted))
