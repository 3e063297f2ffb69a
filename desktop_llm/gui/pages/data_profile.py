"""The tab Profile: lengths, words, labels, languages, missing cells and repeats of all rows, in pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.rows import Changes, Filter
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, Tile, plain_label
from desktop_llm.widgets.histogram import Histogram

if TYPE_CHECKING:
    from desktop_llm.data.profile import Lengths, Profile
    from desktop_llm.store.project import Project

STEPS = 1000
BY_ITSELF = 20_000
"""Rows up to which the profile is made without being asked for: a second or two."""


class ProfileTab(DataTab):
    """Bars of lengths and of labels open their rows."""

    name = "profile"

    def __init__(self, hub: Hub) -> None:
        """Empty until rows were counted."""
        super().__init__(hub, hub.tr("Profile"))
        self._work: Task | None = None
        self._profile: Profile | None = None
        self._lengths: list[tuple[int, int | None]] = []
        self._labels: list[str] = []
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addLayout(self._build_head())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(16)
        self.lengths = Histogram("profile.lengths")
        self.lengths.clicked.connect(self._on_length)
        self.words = Histogram("profile.words", choosing=False)
        self.labels = Bars()
        self.labels.setObjectName("profile.labels")
        self.labels.clicked.connect(self._on_label)
        self.languages, self.missing = Bars(choosing=False), Bars(choosing=False)
        opens = self.tr("click a bar to see its rows")
        self._grid, self._cards = grid, list[Card]()
        for title, note, widget in (
            (self.tr("Length in characters"), opens, self.lengths),
            (self.tr("Length in words"), self.tr("a Chinese character counts as one"), self.words),
            (self.tr("Labels"), opens, self.labels),
            (self.tr("Languages"), self.tr("guessed from the text"), self.languages),
            (self.tr("Missing cells"), self.tr("by column"), self.missing),
        ):
            card = Card(title, note, inside)
            card.body.addWidget(widget)
            if widget is self.labels:
                self._labels_card = card
            card.body.addStretch(1)
            self._cards.append(card)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(3, 1)
        scroll.setWidget(inside)
        whole.addWidget(scroll, 1)
        self._show()

    def set_project(self, project: Project | None) -> None:
        """Forget the rows of the one before."""
        super().set_project(project)
        self._work, self._profile = None, None
        task = self.hub.task
        self._place_cards(classes=task is None or task.classes)
        self._show()

    def _place_cards(self, *, classes: bool) -> None:
        """Two in a row; that of the labels where these are of classes."""
        self._labels_card.setVisible(classes)
        shown = [card for card in self._cards if classes or card is not self._labels_card]
        for place, card in enumerate(shown):
            self._grid.addWidget(card, place // 2, place % 2)

    def on_changes(self, changes: Changes) -> None:
        """What was counted is of another day; counting again waits for the person, or for the next visit."""
        if changes.items or changes.labels or changes.classes:
            self._stale = True
            self._words.setText(self.tr("Rows have changed since.") if self._profile is not None else "")

    def reload(self) -> None:
        """Count by itself where that is quick."""
        super().reload()
        project = self.hub.project
        if project is None or self._work is not None:
            return

        def show(total: int) -> None:
            if self.hub.project is project and self._work is None and total <= BY_ITSELF:
                self._count()
            elif self._profile is None:
                self._words.setText(self.tr("{count:,} rows to be counted.").format(count=total))

        self.hub.background.run(lambda _: project.items.counts().total, on_done=show)

    def _build_head(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(16)
        self._tiles = {
            "rows": Tile(self.tr("Rows")),
            "repeats": Tile(self.tr("Repeat another row")),
            "mean": Tile(self.tr("Characters on average")),
        }
        for name, tile in self._tiles.items():
            tile.setObjectName(f"profile.tile.{name}")
            line.addWidget(tile, 1)
        right = QVBoxLayout()
        self._bar = QProgressBar()
        self._bar.setObjectName("profile.progress")
        self._bar.setAccessibleName(self.tr("Progress of the counting"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._words = plain_label("", "muted")
        self._words.setObjectName("profile.words_left")
        self._go = button(self.tr("Count again"), "profile.count", self._count)
        self._cancel = button(self.tr("Cancel"), "profile.cancel", self._on_cancel)
        right.addStretch(1)
        for widget in (self._words, self._bar, self._go, self._cancel):
            right.addWidget(widget)
        right.addStretch(1)
        line.addLayout(right)
        return line

    def _count(self) -> None:
        project = self.hub.project
        if project is None or self._work is not None:
            return

        def work(task: Task) -> Profile:
            from desktop_llm.verbs import profiling

            return profiling.profile(project, on_progress=task.progress, should_stop=task.should_stop)

        self._words.setText("")
        self._bar.setValue(0)
        self._work = self.hub.background.run(
            work,
            on_done=self._on_counted,
            on_progress=lambda fraction, _: self._bar.setValue(round(STEPS * fraction)),
            title=self.tr("Counting rows"),
        )
        self._work.ended.connect(self._on_ended)
        self._show()

    def _on_counted(self, told: Profile) -> None:
        self._profile = told

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            self._show()

    def _show(self) -> None:
        told, busy = self._profile, self._work is not None
        self._bar.setVisible(busy)
        self._cancel.setVisible(busy)
        self._go.setVisible(not busy)
        self._go.setEnabled(self.hub.project is not None)
        if told is None:
            for tile in self._tiles.values():
                tile.show_figure("–")
            self.lengths.show_classes([])
            self.words.show_classes([])
            for bars in (self.labels, self.languages, self.missing):
                bars.show_rows([])
            return
        share = told.duplicates / told.rows if told.rows else 0.0
        span = ""
        if told.characters.shortest is not None:
            span = self.tr("from {least:,} to {most:,}").format(
                least=told.characters.shortest, most=told.characters.longest or 0
            )
        self._tiles["rows"].show_figure(f"{told.rows:,}")
        words = self.tr("{share:.1%}, but for case and spaces").format(share=share)
        self._tiles["repeats"].show_figure(f"{told.duplicates:,}", words)
        self._tiles["mean"].show_figure(f"{told.characters.mean:,.0f}", span)
        self._lengths = [(low, high) for low, high, _ in told.characters.bars()]
        self.lengths.show_classes(_classes(told.characters))
        self.words.show_classes(_classes(told.words))
        labels = sorted(told.labels.items(), key=lambda pair: (-pair[1], pair[0]))
        self._labels = [name for name, _ in labels]
        self.labels.show_rows([(name or self.tr("no label"), count, f"{count:,}") for name, count in labels])
        for bars, counts in ((self.languages, told.languages), (self.missing, told.missing)):
            listed = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            bars.show_rows([(name or self.tr("unknown"), count, f"{count:,}") for name, count in listed], told.rows)

    def _on_length(self, place: int) -> None:
        low, high = self._lengths[place]
        self.rows_asked.emit(Filter(min_length=low, max_length=high))

    def _on_label(self, place: int) -> None:
        """The rows of a label, whose number the store knows."""
        project, name = self.hub.project, self._labels[place]
        if project is None:
            return
        if not name:
            self.rows_asked.emit(Filter(show="unlabeled"))
            return

        def show(names: dict[int, str]) -> None:
            number = next((number for number, one in names.items() if one == name), None)
            if number is not None and self.hub.project is project:
                self.rows_asked.emit(Filter(class_id=number))

        self.hub.background.run(lambda _: project.classes.names(), on_done=show)


def _classes(told: Lengths) -> list[tuple[str, int]]:
    """Each class by its bounds."""
    return [
        (f"{low:,}" if high == low else f"{low:,}–{high:,}" if high is not None else f"{low:,}–", count)
        for low, high, count in told.bars()
    ]
