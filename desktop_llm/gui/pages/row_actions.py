"""What can be done to many rows of the table at once: label, move, delete; and the way back, where it was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.save_as import ask_where
from desktop_llm.rows import Class
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.data.writers.writing import Format
    from desktop_llm.store.operations import Outcome
    from desktop_llm.verbs.bulk import Rows

Work = Callable[[Any, "Rows", dict[str, Any]], "Outcome"]
MOST_CLASSES = 40
"""Classes that a menu lists; more are labeled on the Label page."""


class RowActions(QFrame):
    """The owner says which rows are meant by `show_rows`."""

    _selected = _counting = False

    def __init__(self, hub: Hub, split_words: dict[str, str], parent: QWidget | None = None) -> None:
        """Hidden while nothing can be changed."""
        super().__init__(parent)
        self.setObjectName("data.actions")
        self._hub = hub
        self._rows: Callable[[], Rows] | None = None
        self._count = 0
        self._done: Outcome | None = None
        self._work: Task | None = None
        self._asked = False
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        self._words = plain_label("", "muted")
        self._words.setObjectName("data.actions.words")
        line.addWidget(self._words)
        self._undo = button(self.tr("Undo"), "data.actions.undo", self._on_undo, kind="quiet")
        line.addWidget(self._undo)
        line.addStretch(1)
        self._label = self._menu_button(self.tr("Label as"), "data.actions.label")
        self._move = self._menu_button(self.tr("Put into"), "data.actions.move")
        menu = self._move.menu()
        for name, words in split_words.items():
            menu.addAction(words, partial(self._on_move, name))
        menu.addSeparator()
        menu.addAction(self.tr("No split"), lambda: self._on_move(""))
        self._delete = button(self.tr("Delete"), "data.actions.delete", self._on_delete)
        self._delete.setToolTip(self.tr("Put these rows into the bin; Undo and the History tab bring them back."))
        self._save = button(self.tr("Save as file…"), "data.actions.save", self._on_save)
        self._buttons = (self._label, self._move, self._delete, self._save)
        self._keep = button(self.tr("Keep them"), "data.actions.keep", self._on_keep)
        self._sure = button(self.tr("Delete"), "data.actions.sure", self._on_sure, kind="danger")
        for widget in (*self._buttons, self._keep, self._sure):
            line.addWidget(widget)
        self._show()

    def set_classes(self, classes: Sequence[Class]) -> None:
        """What rows can be labeled with."""
        menu, task = self._label.menu(), self._hub.task
        menu.clear()
        several = task is not None and task.several
        placed = task is not None and task.move_label is not None  # labels that each text has in places of its own
        unnamed = task is not None and not task.classes
        self._label.setText(self.tr("Labels") if several or unnamed else self.tr("Label as"))
        away = QMenu(self.tr("Take away"), menu)
        for one in classes[:MOST_CLASSES] if not placed else ():
            words = one.name.replace("&", "&&")  # an ampersand of a name is no key
            if several:
                menu.addAction(self.tr("Add {name}").format(name=words), partial(self._on_switch, one.name, on=True))
                away.addAction(words, partial(self._on_switch, one.name, on=False))
            else:
                menu.addAction(words, partial(self._on_label, one.id, one.name))
        menu.addSeparator()
        if several:
            menu.addMenu(away)
            menu.addAction(self.tr("None of them applies"), lambda: self._on_value([], self.tr("none of them")))
        if placed:
            menu.addAction(self.tr("Nothing in them"), lambda: self._on_value([], self.tr("nothing in them")))
        menu.addAction(self.tr("No label"), lambda: self._on_label(None, ""))

    def show_rows(self, count: int, selected: int, rows: Callable[[], Rows] | None, *, counting: bool = False) -> None:
        """`rows` are meant: `selected` of them, or, where none is, all `count` that the table shows.

        `counting`: how many that is, is not known yet; nothing is done to rows that nobody has counted.
        """
        # a question that stands is over, as other rows may be meant now
        self._rows, self._count, self._selected, self._asked = rows, selected or count, bool(selected), False
        self._counting = counting and not selected
        self._show()

    def forget(self) -> None:
        """Another project: nothing was done here yet."""
        self._done = None
        self.show_rows(0, 0, None)

    def _menu_button(self, text: str, name: str) -> QPushButton:
        made = button(text, name)
        made.setMenu(QMenu(made))
        return made

    def _show(self) -> None:
        self.setVisible(self._count > 0 or self._done is not None)
        for widget in self._buttons:
            widget.setEnabled(self._work is None and self._count > 0 and not self._counting)
            widget.setVisible(not self._asked and (self._hub.writable or widget is self._save))
        task = self._hub.task
        if task is not None and task.unsupervised:
            self._label.hide()
        for widget in (self._keep, self._sure):
            widget.setVisible(self._asked)
        self._undo.setVisible(self._done is not None and self._work is None and not self._asked)
        if self._work is not None:
            return
        if self._asked:
            self._ask()
        elif self._done is not None:
            count = self._done.changed
            many = self.tr("{count:,} rows changed.").format(count=count)
            self._words.setText(self.tr("1 row changed.") if count == 1 else many)
        elif self._selected:
            many = self.tr("{count:,} rows selected").format(count=self._count)
            self._words.setText(self.tr("1 row selected") if self._count == 1 else many)
        elif self._counting:
            self._words.setText(self.tr("All rows shown; counting them…"))
        else:
            self._words.setText(self.tr("All {count:,} rows shown").format(count=self._count))

    def _on_label(self, class_id: int | None, name: str) -> None:
        task = self._hub.task
        value = None if class_id is None or task is None else task.labels.to_value(name, {name: class_id})
        self._on_value(value, name)

    def _on_switch(self, name: str, *, on: bool) -> None:
        """One label of several: to the others, or away from them."""
        from desktop_llm.verbs import bulk

        self._run(self.tr("Labeling rows"), lambda project, rows, how: bulk.switch(project, rows, name, on=on, **how))

    def _on_value(self, value: Any, name: str) -> None:
        from desktop_llm.verbs import bulk

        self._run(self.tr("Labeling rows"), lambda project, rows, how: bulk.label(project, rows, value, name, **how))

    def _on_move(self, split: str) -> None:
        from desktop_llm.verbs import bulk

        self._run(self.tr("Moving rows"), lambda project, rows, how: bulk.move(project, rows, split, **how))

    def _ask(self) -> None:
        """Say how many rows would go."""
        many = self.tr("Put all {count:,} rows shown into the bin?").format(count=self._count)
        self._words.setText(self.tr("Put the 1 row shown into the bin?") if self._count == 1 else many)
        many = self.tr("Delete {count:,} rows").format(count=self._count)
        self._sure.setText(self.tr("Delete 1 row") if self._count == 1 else many)
        self._sure.setAccessibleName(self._sure.text())

    def _on_delete(self) -> None:
        """Those selected at once; all that are shown only after a question, as nobody has pointed at them."""
        if self._selected:
            self._on_sure()
            return
        self._asked = True
        self._show()
        self._keep.setFocus()  # Enter must not be a yes

    def _on_keep(self) -> None:
        self._asked = False
        self._show()
        self._delete.setFocus()

    def _on_sure(self) -> None:
        from desktop_llm.verbs import bulk

        self._run(self.tr("Deleting rows"), lambda project, rows, how: bulk.delete(project, rows, **how))

    def _on_save(self) -> None:
        """The rows that are selected, or else all that the table shows, into a file."""
        task = self._hub.task
        chosen = ask_where(self, self.tr("Save rows"), formats=task.formats if task is not None else ())
        if chosen is not None:
            self.save(*chosen)

    def save(self, path: Path, form: Format) -> None:
        """Write the rows that are selected, or else all that the table shows, to a file."""
        project, rows = self._hub.project, self._rows() if self._rows is not None else None
        if project is None or rows is None:
            return
        count = max(1, self._count)

        def work(task: Task) -> int:
            from desktop_llm.verbs import bulk, saving

            return saving.save(
                project,
                rows.told,
                path,
                form,
                chosen=bulk.ids(project, rows) if rows.ranges else None,
                on_progress=lambda done: task.progress(min(1.0, done / count)),
                should_stop=task.should_stop,
            )

        words = self.tr("{count:,} rows written to {path}.")
        self._hub.background.run(
            work,
            on_done=lambda written: self._hub.show_message(words.format(count=written, path=path)),
            title=self.tr("Saving rows"),
        )

    def _run(self, title: str, do: Work) -> None:
        project, rows = self._hub.project, self._rows() if self._rows is not None else None
        if project is None or rows is None or self._work is not None:
            return
        count, labeler = max(1, self._count), self._hub.settings.labeler

        def work(task: Task) -> Outcome:
            def progress(done: int) -> None:
                task.progress(min(1.0, done / count))

            return do(project, rows, {"on_progress": progress, "should_stop": task.should_stop, "labeler": labeler})

        self._start(title, work, self._on_done)

    def _on_undo(self) -> None:
        project, done = self._hub.project, self._done
        if project is None or done is None:
            return
        count = max(1, done.changed)

        def work(task: Task) -> Outcome:
            return project.operations.undo(
                done.operation,
                on_progress=lambda rows: task.progress(min(1.0, rows / count)),
                should_stop=task.should_stop,
            )

        self._start(self.tr("Undoing"), work, self._on_undone)

    def _start(self, title: str, work: Callable[[Task], Outcome], on_done: Callable[[Outcome], object]) -> None:
        self._done, self._asked = None, False
        self._work = self._hub.background.run(work, on_done=on_done, title=title)
        self._work.ended.connect(self._on_ended)
        self._words.setText(title + "…")
        self._show()

    def _on_done(self, outcome: Outcome) -> None:
        self._done = outcome if outcome.changed else None
        if not outcome.changed:
            self._hub.show_message(self.tr("These rows are so already; nothing was changed."))
        self._hub.changed.emit(outcome.changes)

    def _on_undone(self, outcome: Outcome) -> None:
        self._hub.changed.emit(outcome.changes)
        words = self.tr("Undone: {count:,} rows are as before.").format(count=outcome.changed)
        if outcome.left:
            words += " " + self.tr("{count:,} were changed since and stay.").format(count=outcome.left)
        self._hub.show_message(words)

    def _on_ended(self, _: Task) -> None:
        self._work = None
        self._show()
