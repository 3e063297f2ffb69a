"""The first tab of the Data page: what the project holds in numbers, every row in a table, and the labels' shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.pages.rows_view import RowsView
from desktop_llm.rows import Class, Counts
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.card import Card, Tile

if TYPE_CHECKING:
    from desktop_llm.store.project import Project


class RowsTab(DataTab):
    """Tiles above; table and distribution below."""

    name = "rows"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Rows"))
        self._by_count: list[Class] = []
        self.rows = RowsView(hub, self.tr("Rows"))
        self.rows.row_asked.connect(lambda item: hub.page_asked.emit("label", {"item": item}))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        tiles = QHBoxLayout()
        tiles.setSpacing(16)
        self._tiles = {
            "total": Tile(self.tr("Rows")),
            "labeled": Tile(self.tr("Labeled")),
            "unlabeled": Tile(self.tr("Unlabeled")),
            "classes": Tile(self.tr("Labels")),
        }
        for name, tile in self._tiles.items():
            tile.setObjectName(f"data.tile.{name}")
            tiles.addWidget(tile)
        whole.addLayout(tiles)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.rows, 1)
        self._bars_card = self._build_bars()
        below.addWidget(self._bars_card)
        whole.addLayout(below, 1)

    def set_project(self, project: Project | None) -> None:
        """Forget the rows of the one before."""
        super().set_project(project)
        self.rows.clear()
        task = self.hub.task
        self._tiles["classes"].setVisible(task is None or task.classes)
        self._bars_card.setVisible(task is None or task.classes)
        for name in ("labeled", "unlabeled"):
            self._tiles[name].setVisible(task is None or not task.unsupervised)
        if task is not None:
            self.rows.in_line = task.in_line
            self.rows.label_box.setVisible(task.classes)
            self.rows.show_box.setVisible(not task.unsupervised)
            self.rows.more.offer_predictions(task.learns)
            self.rows.bulk.set_classes([])

    def reload(self) -> None:
        """Read the rows again; the figures come by `show_figures`, as the page needs them, too."""
        super().reload()
        self.rows.reload()

    def show_figures(self, counts: Counts, classes: list[Class]) -> None:
        """The project in numbers."""
        self.rows.set_classes(classes)
        files = len(counts.by_source)
        of_files = self.tr("from one file") if files == 1 else self.tr("from {count:,} files").format(count=files)
        self._tiles["total"].show_figure(f"{counts.total:,}", of_files)
        share = counts.labeled / counts.total if counts.total else 0.0
        self._tiles["labeled"].show_figure(f"{counts.labeled:,}", self.tr("{share:.0%} of all").format(share=share))
        skipped = self.tr("{count:,} more skipped").format(count=counts.skipped) if counts.skipped else ""
        self._tiles["unlabeled"].show_figure(f"{counts.unlabeled:,}", skipped or self.tr("waiting for yours"))
        used = sum(one.count > 0 for one in classes)
        unused = self.tr("{count:,} not used yet").format(count=len(classes) - used) if used < len(classes) else ""
        self._tiles["classes"].show_figure(f"{len(classes):,}", unused or self.tr("all in use"))
        self._by_count = sorted(classes, key=lambda one: -one.count)
        self.bars.show_rows([(one.name, one.count, f"{one.count:,}") for one in self._by_count])
        task = self.hub.task
        labels = task is None or not task.unsupervised
        self.rows.show_columns(splits=bool(counts.by_split), sources=files > 1, labels=labels)

    def take_focus(self) -> None:
        """To the table."""
        self.rows.table.setFocus()

    def state(self) -> dict[str, Any]:
        """What the rows are narrowed down to."""
        return self.rows.state()

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self.rows.restore(told)

    def _build_bars(self) -> Card:
        card = Card(self.tr("Labels"), self.tr("click one to see its rows"))
        card.setFixedWidth(280)
        self.bars = Bars()
        self.bars.setObjectName("data.bars")
        self.bars.clicked.connect(lambda place: self.rows.show_class(self._by_count[place].id))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.addWidget(self.bars)
        inside.addStretch(1)
        scroll.setWidget(inner)
        card.body.addWidget(scroll, 1)
        return card
