"""The labels of a project in a table: name, key, colour, how many texts have each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from desktop_llm.rows import Class

NAME, KEY, COLOR, USED = range(4)


class ClassTable(QTableWidget):
    """One label is chosen. While it fills itself it is `quiet`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(0, 4, parent)
        self.quiet = False
        self._shown: list[Class] = []
        self.setObjectName("classes.table")
        self.setAccessibleName(self.tr("Labels"))
        self.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Key"), self.tr("Colour"), self.tr("Texts")])
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((KEY, 56), (COLOR, 120), (USED, 72)):
            self.setColumnWidth(column, width)

    def class_at(self, row: int) -> Class | None:
        """The label in a row."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def chosen(self) -> Class | None:
        """The label that is chosen."""
        return self.class_at(self.currentRow())

    def choose(self, class_id: int) -> None:
        """Choose a label by its id."""
        for row, one in enumerate(self._shown):
            if one.id == class_id:
                self.selectRow(row)

    def show_classes(self, classes: Sequence[Class], names: Mapping[int, str]) -> None:
        """Show these, `names` of all; the chosen one stays chosen."""
        before, row = self.chosen(), self.currentRow()
        self.quiet = True
        self.blockSignals(True)
        self._shown = list(classes)
        self.setRowCount(len(self._shown))
        for place, one in enumerate(self._shown):
            texts = ((NAME, one.name), (KEY, one.key), (COLOR, one.color), (USED, f"{one.count:,}"))
            for column, text in texts:
                self.setItem(place, column, self._cell(one, column, text, names))
        self.blockSignals(False)
        self.quiet = False
        if before is not None:
            self.choose(before.id)
        if self.chosen() is None and self._shown:
            self.selectRow(min(max(row, 0), len(self._shown) - 1))

    def _cell(self, one: Class, column: int, text: str, names: Mapping[int, str]) -> QTableWidgetItem:
        cell = QTableWidgetItem(text)
        if column in (COLOR, USED):
            cell.setFlags(cell.flags() & ~Qt.ItemFlag.ItemIsEditable)
        if column == COLOR:
            cell.setData(Qt.ItemDataRole.DecorationRole, QColor(one.color))
        if one.archived and column == USED:
            gone = names.get(one.merged or 0)
            cell.setText(self.tr("→ {name}").format(name=gone) if gone else self.tr("archived"))
        return cell
