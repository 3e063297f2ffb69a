"""All rows of a project in a table, with what narrows it down. Nothing is read in the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.row_actions import RowActions
from desktop_llm.gui.pages.row_filters import RowFilters
from desktop_llm.gui.pages.row_table import RowTable
from desktop_llm.rows import Class, Filter, Item, Places
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.rows_model import PAGE, RowsModel

if TYPE_CHECKING:
    from desktop_llm.errors import UserError
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.bulk import Rows

T = TypeVar("T")
SEARCH_MS = 250
"""How long typing must rest before a search begins."""
SHOWN = 500
"""Characters of a text that a cell shows at most."""


class RowsView(Card):
    """Signals: `row_asked(item id)`: the person wants this row on the Label page."""

    row_asked = Signal(int)

    def __init__(self, hub: Hub, title: str, parent: QWidget | None = None) -> None:
        """Empty until `reload`."""
        super().__init__(title, " ", parent)
        self.setObjectName("data.rows")
        self._hub = hub
        self._names: dict[int, str] = {}
        self.in_line: Callable[[Mapping[str, str]], str] = str
        self._told, self._base, self._places = Filter(), Filter(), Places()
        self._saved: dict[str, Filter] = {}
        self._reading: Task | None = None
        self._counting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SEARCH_MS)
        self._timer.timeout.connect(self.reload)
        self.body.addLayout(self._build_filters())
        self.more = RowFilters()
        self.more.hide()
        self.more.changed.connect(self._timer.start)
        self.more.chosen.connect(self.show_rows)
        self.more.kept.connect(self._on_filter_kept)
        self.more.dropped.connect(self._on_filter_dropped)
        self.body.addWidget(self.more)
        self.model = RowsModel(
            (self.tr("Text"), self.tr("Label"), self.tr("Split"), self.tr("Source")), self._cell, self, tip=self._tip
        )
        self.model.page_wanted.connect(self._on_page_wanted)
        self.table = RowTable(self.model, self.tr("All rows"))
        self.table.row_chosen.connect(self.row_asked)
        self._nothing = EmptyState("", "", self.tr("Show all rows"), "data.show_all")
        self._nothing.asked.connect(self.show_all)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._nothing)
        self.body.addWidget(self._stack, 1)
        self.bulk = RowActions(hub, self._split_words())
        self.body.addWidget(self.bulk)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._tell_actions())
        self.model.modelReset.connect(self._tell_actions)

    def told(self) -> Filter:
        """Which rows the controls ask for."""
        return self.more.told(
            replace(
                self._base,
                show=self.show_box.currentData(),
                split=self.split_box.currentData(),
                class_id=self.label_box.currentData(),
                text=self.search.text().strip(),
            )
        )

    def state(self) -> dict[str, Any]:
        """What to restore at the next start; a label belongs to one project and is left out."""
        return {"show": self.show_box.currentData(), "split": self.split_box.currentData()}

    def restore(self, told: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        for box, key in ((self.show_box, "show"), (self.split_box, "split")):
            _choose(box, told.get(key))

    def show_all(self) -> None:
        """Take all filters away."""
        self.show_rows(Filter())

    def show_rows(self, told: Filter) -> None:
        """Narrow down to a filter."""
        # what no control can say (a run's confusion, rows that were found) stays until the next filter
        self._set_base(Filter(run=told.run, truth=told.truth, found=told.found))
        self.search.setText(told.text)
        self.more.show_filter(told)
        self._show_more(shown=self.more.isVisibleTo(self) or self.more.told(Filter()) != Filter())
        for box, value in ((self.show_box, told.show), (self.label_box, told.class_id), (self.split_box, told.split)):
            _choose(box, value)
        self.reload()

    def show_class(self, class_id: int) -> None:
        """Narrow down to one label."""
        self.show_rows(Filter(class_id=class_id))

    def set_classes(self, classes: Sequence[Class]) -> None:
        """The labels to filter by and to name."""
        names = {one.id: one.name for one in classes}
        if names == self._names:
            return
        self._names = names
        self.bulk.set_classes(classes)
        chosen = self.label_box.currentData()
        self.label_box.blockSignals(True)
        self.label_box.clear()
        self.label_box.addItem(self.tr("Any label"), None)
        for one in sorted(classes, key=lambda one: one.name.casefold()):
            self.label_box.addItem(one.name, one.id)
        self.label_box.setCurrentIndex(max(0, self.label_box.findData(chosen)))
        self.label_box.blockSignals(False)
        if chosen is not None and chosen not in names:
            self.reload()
        self.table.viewport().update()

    def show_columns(self, *, splits: bool, sources: bool, labels: bool = True) -> None:
        """Leave out what would say the same in every row; the texts take the room."""
        self.table.setColumnHidden(1, not labels)
        self.table.setColumnHidden(2, not splits)
        self.table.setColumnHidden(3, not sources)
        self.split_box.setVisible(splits or bool(self.split_box.currentData()))

    def clear(self) -> None:
        """No project, no rows; what belonged to the last project is forgotten."""
        self._timer.stop()
        if self._reading is not None:
            self._reading.cancel()
        self._counting = False
        self.model.reset(0)
        self.search.clear()
        self._timer.stop()
        self._names = {}
        self._set_base(Filter())
        self.more.show_filter(Filter())
        self.bulk.forget()
        _choose(self.label_box, None)
        self.set_note("")

    def reload(self) -> None:
        """Read again which rows there are. The first page is shown at once, the number of all follows."""
        self._timer.stop()
        told = self.told()
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._ask(
            lambda project, _: project.items.page(told, 0, PAGE), lambda rows: self._begin(told, rows)
        )

    def _begin(self, told: Filter, rows: list[Item]) -> None:
        same = told == self._told and self.model.rowCount() > PAGE
        if len(rows) < PAGE:
            self._show(told, Places((0,), (0,), len(rows)), rows)
            return
        if not same:
            self._show(told, Places((0,), (0,), len(rows)), rows)
            self.set_note(self.tr("counting…"))
        self._counting = True
        self._tell_actions()

        self._reading = self._ask(
            lambda project, task: project.items.places(told, task.should_stop),
            lambda places: self._show(told, places, rows),
        )

    def _show(self, told: Filter, places: Places, first: Sequence[Item]) -> None:
        bar, chosen = self.table.verticalScrollBar(), self.table.currentIndex().row()
        place = bar.value() if told == self._told else 0
        self._told, self._places, count = told, places, places.count
        self._counting = False
        if not count:
            self._tell_nothing()
        self.model.reset(count)
        if first:
            self.model.put_page(self.model.generation, 0, first)
        self._stack.setCurrentWidget(self.table if count else self._nothing)
        bar.setValue(place)
        if place and 0 <= chosen < count:
            self.table.setCurrentIndex(self.model.index(chosen, 0))
        self.set_note(self.tr("{count:,} shown").format(count=count))

    def _on_page_wanted(self, generation: int, page: int) -> None:
        told, (first, skip) = self._told, self._places.at(page * PAGE)
        self._ask(
            lambda project, _: project.items.page(told, first, PAGE, skip),
            lambda rows: self.model.put_page(generation, page, rows),
            on_error=lambda _: self.model.give_up(generation, page),
        )

    def _ask(
        self,
        work: Callable[[Project, Task], T],
        on_done: Callable[[T], object],
        on_error: Callable[[UserError], object] | None = None,
    ) -> Task | None:
        """Read from the project in the background; an answer for another project than the open one is dropped."""
        project = self._hub.project
        if project is None:
            return None

        def done(answer: T) -> None:
            if self._hub.project is project:
                on_done(answer)

        def failed(error: UserError) -> None:
            if self._hub.project is project:
                (on_error or self._hub.show_error)(error)

        return self._hub.background.run(lambda task: work(project, task), on_done=done, on_error=failed)

    def _cell(self, row: Item, column: int) -> str:
        if column == 0:
            return " ".join(self.in_line(row.content)[:SHOWN].split())
        if column == 1:
            task = self._hub.task
            if row.value is None or task is None:
                return self.tr("skipped") if row.skipped else ""
            return task.labels.text(row.value, self._names)
        return self._split_words().get(row.split, row.split) if column == 2 else row.source

    def _tip(self, row: Item, column: int) -> str:
        if column == 0:
            return self.in_line(row.content)[:2000]
        return self._cell(row, column) if column == 3 else ""

    def _split_words(self) -> dict[str, str]:
        return {"train": self.tr("Training"), "validation": self.tr("Validation"), "test": self.tr("Test")}

    def _build_filters(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.search = QLineEdit()
        self.search.setObjectName("data.search")
        self.search.setAccessibleName(self.tr("Find in the texts"))
        self.search.setPlaceholderText(self.tr("Find in the texts"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._timer.start())
        self.search.returnPressed.connect(self.reload)
        line.addWidget(self.search, 1)
        self._chip = button("", "data.narrowed", self.show_all, kind="quiet")
        self._chip.hide()
        line.addWidget(self._chip)
        shows = (self.tr("All rows"), self.tr("Unlabeled"), self.tr("Labeled"), self.tr("Skipped"))
        self.show_box = self._box(
            "data.show", self.tr("Show"), zip(shows, ("all", "unlabeled", "labeled", "skipped"), strict=True)
        )
        self.label_box = self._box("data.label_filter", self.tr("Label"), [(self.tr("Any label"), None)])
        self.label_box.setMaximumWidth(180)
        splits = [(words, name) for name, words in self._split_words().items()]
        self.split_box = self._box("data.split_filter", self.tr("Split"), [(self.tr("Any split"), ""), *splits])
        for box in (self.show_box, self.label_box, self.split_box):
            line.addWidget(box)
        self._more_button = button(self.tr("More filters"), "data.more.show", self._on_more, kind="quiet")
        line.addWidget(self._more_button)
        return line

    def _set_base(self, told: Filter) -> None:
        """What no control can say; a chip tells of it, and takes it away."""
        self._base = told
        words = self.tr("Rows of a bar") if told.found else self.tr("Rows of a run")
        self._chip.setText(self.tr("{what}  ✕").format(what=words))
        self._chip.setAccessibleName(self.tr("Show all rows again, not only: {what}").format(what=words))
        self._chip.setVisible(told != Filter())

    def _on_more(self) -> None:
        self._show_more(shown=not self.more.isVisibleTo(self))

    def _show_more(self, *, shown: bool) -> None:
        self.more.setVisible(shown)
        self._more_button.setText(self.tr("Fewer filters") if shown else self.tr("More filters"))
        if shown:
            self._read_choices()

    def _read_choices(self) -> None:
        """What the further filters offer."""

        def read(project: Project, _: Task) -> tuple[list[str], list[str], dict[str, Filter]]:
            return project.items.sources(), project.items.columns(), project.filters.all()

        def show(told: tuple[list[str], list[str], dict[str, Filter]]) -> None:
            sources, columns, saved = told
            self.more.set_choices(sources, columns, sorted(self._names.values(), key=str.casefold))
            self.more.show_filter(self.told())
            if saved != self._saved:
                self._saved = saved
                self.more.set_saved(saved)

        self._ask(read, show)

    def _on_filter_kept(self, name: str) -> None:
        told = self.told()
        self._change_saved(lambda project: project.filters.put(name, told), name)

    def _on_filter_dropped(self, name: str) -> None:
        self._change_saved(lambda project: project.filters.remove(name), "")

    def _change_saved(self, change: Callable[[Project], object], name: str) -> None:
        def work(project: Project, _: Task) -> dict[str, Filter]:
            change(project)
            return project.filters.all()

        def show(saved: dict[str, Filter]) -> None:
            self._saved = saved
            self.more.set_saved(saved)
            self.more.name_saved(name)

        self._ask(work, show)

    def _tell_actions(self) -> None:
        """Which rows an action is about: those selected, be it a single one, or else all."""
        chosen = self.table.selectionModel().selection()
        ranges = tuple((chosen.at(one).top(), chosen.at(one).bottom()) for one in range(chosen.count()))
        selected = sum(bottom - top + 1 for top, bottom in ranges)
        told, places = self._told, self._places

        def rows() -> Rows:
            from desktop_llm.verbs.bulk import Rows

            return Rows(told=told, ranges=ranges, places=places)

        self.bulk.show_rows(self.model.rowCount(), selected, rows, counting=self._counting)

    def _tell_nothing(self) -> None:
        """Why there are no rows, and what to do."""
        if self._told == Filter():
            self._nothing.tell(
                self.tr("No rows are left"),
                self.tr("All rows lie in the bin. Undo, or the History tab, brings them back."),
                "",
            )
        else:
            self._nothing.tell(
                self.tr("No rows like this"),
                self.tr("No row fits the search and the filters above."),
                self.tr("Show all rows"),
            )

    def _box(self, name: str, title: str, entries: Any) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        for words, value in entries:
            box.addItem(words, value)
        box.currentIndexChanged.connect(lambda _: self.reload())
        return box


def _choose(box: Choice, value: Any) -> None:
    """Choose an entry without telling."""
    place = box.findData(value)
    if place >= 0:
        box.blockSignals(True)
        box.setCurrentIndex(place)
        box.blockSignals(False)
