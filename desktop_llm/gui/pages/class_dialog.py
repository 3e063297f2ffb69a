"""Edit the labels of a project: add, rename, colour, key, order, remove what is unused."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.switch_boxes import SwitchBoxes
from desktop_llm.rows import Changes, Class
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

NAME, KEY, COLOR, USED = range(4)


class ClassDialog(QDialog):
    """Every change is kept at once; the labels that texts have stay with them."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """Shows the labels of the open project."""
        super().__init__(parent)
        self._hub = hub
        self._classes: list[Class] = []
        self._quiet = False
        self.setObjectName("classes")
        self.setWindowTitle(self.tr("Labels"))
        self.resize(560, 520)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        line = QHBoxLayout()
        self.new_name = QLineEdit()
        self.new_name.setObjectName("classes.name")
        self.new_name.setAccessibleName(self.tr("New label"))
        self.new_name.setPlaceholderText(self.tr("New label"))
        self.new_name.returnPressed.connect(self._on_add)
        line.addWidget(self.new_name, 1)
        add = button(self.tr("Add"), "classes.add", self._on_add, kind="primary")
        add.setAutoDefault(False)
        line.addWidget(add)
        whole.addLayout(line)
        self.table = QTableWidget(0, 4)
        self.table.setObjectName("classes.table")
        self.table.setAccessibleName(self.tr("Labels"))
        self.table.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Key"), self.tr("Colour"), self.tr("Texts")])
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((KEY, 64), (COLOR, 110), (USED, 80)):
            self.table.setColumnWidth(column, width)
        self.table.itemChanged.connect(self._on_item_changed)
        self.table.cellDoubleClicked.connect(self._on_double_clicked)
        whole.addWidget(self.table, 1)
        words = self.tr("Double-click a name, a key or a colour to change it.")
        whole.addWidget(plain_label(words, "muted"))
        whole.addWidget(SwitchBoxes(hub))
        self._problem = plain_label("", "bad", wrap=True)
        self._problem.setObjectName("classes.problem")
        whole.addWidget(self._problem)
        whole.addLayout(self._buttons())
        self._reload()

    def _buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        for words, name, done in (
            (self.tr("Up"), "classes.up", lambda: self._on_move(-1)),
            (self.tr("Down"), "classes.down", lambda: self._on_move(1)),
            (self.tr("Remove"), "classes.remove", self._on_remove),
        ):
            made = button(words, name, done)
            made.setAutoDefault(False)
            line.addWidget(made)
        line.addStretch(1)
        close = button(self.tr("Done"), "classes.done", self.accept, kind="primary")
        close.setAutoDefault(False)
        line.addWidget(close)
        return line

    def _reload(self) -> None:
        project = self._hub.project
        if project is None:
            return
        self._classes, self._quiet = project.classes.all(), True
        self.table.setRowCount(len(self._classes))
        for row, one in enumerate(self._classes):
            for column, text in ((NAME, one.name), (KEY, one.key), (COLOR, one.color), (USED, f"{one.count:,}")):
                cell = QTableWidgetItem(text)
                if column in (COLOR, USED):
                    cell.setFlags(cell.flags() & ~Qt.ItemFlag.ItemIsEditable)
                if column == COLOR:
                    cell.setForeground(QColor(one.color))
                    cell.setText("■ " + one.color)
                self.table.setItem(row, column, cell)
        self._quiet = False

    def _change(self, change: Callable[[], Changes]) -> None:
        """Do it, tell everybody, or say why not."""
        self._problem.setText("")
        try:
            changes = change()
        except UserError as error:
            self._problem.setText(error.message)
        else:
            self._hub.changed.emit(changes)
        self._reload()

    def _on_add(self) -> None:
        project, name = self._hub.project, self.new_name.text()
        if project is not None and name.strip():
            self._change(lambda: project.classes.add(name))
            if not self._problem.text():
                self.new_name.clear()
        self.new_name.setFocus()

    def _on_item_changed(self, cell: QTableWidgetItem) -> None:
        project = self._hub.project
        if self._quiet or project is None:
            return
        one = self._classes[cell.row()]
        if cell.column() == NAME and cell.text() != one.name:
            self._change(lambda: project.classes.rename(one.id, cell.text()))
        elif cell.column() == KEY and cell.text() != one.key:
            key = cell.text().strip().lower()
            if len(key) > 1 or key in ("a", "d") or (key and not key.isalnum()):
                self._problem.setText(self.tr("A key is one digit or letter; A and D go to other texts."))
                self._reload()
            else:
                self._change(lambda: project.classes.set_key(one.id, key))

    def _on_double_clicked(self, row: int, column: int) -> None:
        project = self._hub.project
        if column != COLOR or project is None:
            return
        one = self._classes[row]
        color = QColorDialog.getColor(QColor(one.color), self, self.tr("Colour"))
        if color.isValid():
            self._change(lambda: project.classes.recolor(one.id, color.name()))

    def _on_move(self, by: int) -> None:
        project, row = self._hub.project, self.table.currentRow()
        if project is not None and 0 <= row < len(self._classes) and 0 <= row + by < len(self._classes):
            self._change(lambda: project.classes.move(self._classes[row].id, row + by))
            self.table.selectRow(row + by)

    def _on_remove(self) -> None:
        project, row = self._hub.project, self.table.currentRow()
        if project is not None and 0 <= row < len(self._classes):
            self._change(lambda: project.classes.remove(self._classes[row].id))
