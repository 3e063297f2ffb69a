"""What a project may choose of its labels, yes or no, as check boxes."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes
from desktop_llm.verbs import switching
from desktop_llm.widgets.card import plain_label


class SwitchBoxes(QWidget):
    """A box for each of the task's switches; hidden where it has none. A choice is kept at once."""

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Shows what the open project has chosen."""
        super().__init__(parent)
        self._hub = hub
        self._boxes: dict[str, QCheckBox] = {}
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        project, task = hub.project, hub.task
        if project is None or task is None or not task.switches:
            self.hide()
            return
        chosen = switching.switches(project, task)
        for one in task.switches:
            box = QCheckBox(one.title)
            box.setObjectName(f"classes.switch.{one.name}")
            box.setAccessibleName(one.title)
            box.setAccessibleDescription(one.help)
            box.setChecked(chosen[one.name])
            box.setEnabled(hub.writable)
            box.toggled.connect(lambda on, name=one.name: self._choose(name, on=on))
            self._boxes[one.name] = box
            lines.addWidget(box)
            lines.addWidget(plain_label(one.help, "muted", wrap=True))

    def _choose(self, name: str, *, on: bool) -> None:
        project, task = self._hub.project, self._hub.task
        if project is None or task is None:
            return
        try:
            switching.choose(project, task, name, on=on)
        except UserError as error:
            self._hub.show_error(error)
            self._boxes[name].blockSignals(True)
            self._boxes[name].setChecked(not on)
            self._boxes[name].blockSignals(False)
        else:
            self._hub.changed.emit(Changes(classes=True))
