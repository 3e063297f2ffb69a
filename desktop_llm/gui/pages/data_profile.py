"""The tab Profile: lengths, words, tokens, labels, languages, missing cells and repeats of all rows, in pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

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
TOKENS, LABELS = 2, 3
"""The place of the card of tokens."""
BY_ITSELF = 20_000
"""Rows up to which the profile is made without being asked for: a second or two."""


class ProfileTab(DataTab):
    """Every bar opens its rows."""

    name = "profile"

    def __init__(self, hub: Hub) -> None:
        """Empty until rows were counted."""
        super().__init__(hub, hub.tr("Profile"))
        self._work: Task | None = None
        self._profile: Profile | None = None
        self._counts_as = 0
        self._lengths: list[tuple[int, int | None]] = []
        self._labels: list[str] = []
        self._languages: list[str] = []
        self._columns: list[str] = []
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addLayout(self._build_head())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._inside = inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(16)
        self.lengths = Histogram("profile.lengths")
        self.lengths.clicked.connect(self._on_length)
        self.words, self.tokens = Histogram("profile.words"), Histogram("profile.tokens")
        self.words.clicked.connect(self._on_words)
        self.tokens.clicked.connect(self._on_tokens)
        self.labels, self.languages, self.missing = Bars(), Bars(), Bars()
        for bars, name, done in (
            (self.labels, "profile.labels", self._on_label),
            (self.languages, "profile.languages", self._on_language),
            (self.missing, "profile.missing", self._on_missing),
        ):
            bars.setObjectName(name)
            bars.clicked.connect(done)
        self._grid = grid
        self._cards = [
            self._card(self.tr("Length in characters"), self.tr("click a bar to see its rows"), self.lengths),
            self._card(self.tr("Length in words"), self.tr("a Chinese character counts as one"), self.words),
            self._card(self.tr("Length in tokens"), " ", self.tokens),
            self._card(self.tr("Labels"), "", self.labels),
            self._card(self.tr("Languages"), self.tr("guessed from the text"), self.languages),
            self._card(self.tr("Missing cells"), self.tr("by column"), self.missing),
        ]
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(3, 1)
        scroll.setWidget(inside)
        whole.addWidget(scroll, 1)
        self._show()

    def _card(self, title: str, note: str, widget: QWidget) -> Card:
        card = Card(title, note, self._inside)
        card.body.addWidget(widget)
        card.body.addStretch(1)
        return card

    def _lay_out(self) -> None:
        """Two cards a line; that of tokens only where they were counted, that of labels where these are of classes."""
        task = self.hub.task
        wanted = {TOKENS: bool(self._counts_as), LABELS: task is None or task.classes}
        shown = [one for place, one in enumerate(self._cards) if wanted.get(place, True)]
        for place, yes in wanted.items():
            self._cards[place].setVisible(yes)
        for card in self._cards:
            self._grid.removeWidget(card)
        for place, card in enumerate(shown):
            self._grid.addWidget(card, place // 2, place % 2)

    def set_project(self, project: Project | None) -> None:
        """Forget the rows of the one before."""
        super().set_project(project)
        self._work, self._profile = None, None
        self._show()

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
            elif self._profile is None and self._work is None:
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
        self._repeats = button(self.tr("See them"), "profile.repeats", self._on_repeats, kind="quiet")
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
        for widget in (self._words, self._bar, self._repeats, self._go, self._cancel):
            right.addWidget(widget)
        right.addStretch(1)
        line.addLayout(right)
        return line

    def _count(self) -> None:
        project = self.hub.project
        if project is None or self._work is not None:
            return

        def work(task: Task) -> tuple[Profile, int]:
            from desktop_llm.verbs import profiling

            told = profiling.profile(project, on_progress=task.progress, should_stop=task.should_stop)
            return told, profiling.counts_as(project)

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

    def _on_counted(self, told: tuple[Profile, int]) -> None:
        self._profile, self._counts_as = told
        if not self._stale:
            self._words.setText("")

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
        self._repeats.setVisible(not busy and told is not None and told.duplicates > 0 and self.hub.writable)
        self._lay_out()
        if told is None:
            for tile in self._tiles.values():
                tile.show_figure("–")
            self.lengths.show_classes([])
            self.words.show_classes([])
            self.tokens.show_classes([])
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
        self.tokens.show_classes(_classes(told.tokens))
        self._cards[TOKENS].set_note(self.tr("as run {number} counts them").format(number=self._counts_as))
        labels = sorted(told.labels.items(), key=lambda pair: (-pair[1], pair[0]))
        self._labels = [name for name, _ in labels]
        self.labels.show_rows([(name or self.tr("no label"), count, f"{count:,}") for name, count in labels])
        self._languages, self._columns = _sorted(told.languages), _sorted(told.missing)
        for bars, counts, names in (
            (self.languages, told.languages, self._languages),
            (self.missing, told.missing, self._columns),
        ):
            listed = [(name or self.tr("unknown"), counts[name], f"{counts[name]:,}") for name in names]
            bars.show_rows(listed, told.rows)

    def _on_length(self, place: int) -> None:
        low, high = self._lengths[place]
        self.rows_asked.emit(Filter(min_length=low, max_length=high))

    def _on_words(self, place: int) -> None:
        if self._profile is not None:
            self._open(self._profile.behind.of_words, self._profile.words.first + place)

    def _on_tokens(self, place: int) -> None:
        if self._profile is not None:
            self._open(self._profile.behind.of_tokens, self._profile.tokens.first + place)

    def _on_language(self, place: int) -> None:
        if self._profile is not None:
            self._open(self._profile.behind.of_language, self._languages[place])

    def _on_missing(self, place: int) -> None:
        self.rows_asked.emit(Filter(column=self._columns[place]))

    def _on_repeats(self) -> None:
        if self._profile is not None:
            self._open(self._profile.behind.repeated)

    def _open(self, behind: Callable[..., list[int]], *which: Any) -> None:
        """Show the rows that only the profile knows."""
        project = self.hub.project
        if project is None or not self.hub.writable:
            return

        def show(number: int) -> None:
            if self.hub.project is project:
                self.rows_asked.emit(Filter(found=number))

        self.hub.background.run(lambda _: project.found.put(behind(*which)), on_done=show)

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


def _sorted(counts: Mapping[str, int]) -> list[str]:
    """The most frequent first."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def _classes(told: Lengths) -> list[tuple[str, int]]:
    """Each class by its bounds."""
    return [
        (f"{low:,}" if high == low else f"{low:,}–{high:,}" if high is not None else f"{low:,}–", count)
        for low, high, count in told.bars()
    ]
