"""The queue of the Label page: the rows around the one being labeled, in the order in which they come."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from desktop_llm.widgets.card import Card
from desktop_llm.widgets.queue_model import QueueModel

WIDTH = 248


class QueueCard(Card):
    """Signals: `row_asked(place)`: the person clicked the row at this place."""

    row_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty; `model` is to be filled by the page."""
        super().__init__(" ", " ", parent)
        self.set_title(self.tr("Queue"))
        self.setFixedWidth(WIDTH)
        self.model = QueueModel(self)
        self._list = QListView()
        self._list.setObjectName("label.queue")
        self._list.setAccessibleName(self.tr("Queue"))
        self._list.setModel(self.model)
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        # D and A move through it; the keys of labels stay with the page.
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.clicked.connect(self._on_clicked)
        self.body.addWidget(self._list, 1)

    def show_left(self, count: int) -> None:
        """Say how many rows wait for a label."""
        self.set_title(self.tr("Queue"))
        self.set_note(self.tr("{count:,} left").format(count=count))

    def show_texts(self, count: int) -> None:
        """Say how many there are, where none waits for a label."""
        self.set_title(self.tr("Texts"))
        self.set_note(self.tr("{count:,} in all").format(count=count))

    def mark(self, number: int) -> None:
        """Mark the row with this id."""
        self._list.setCurrentIndex(self.model.index_of(number))

    def _on_clicked(self, index: QModelIndex) -> None:
        self.row_asked.emit(index.row())
