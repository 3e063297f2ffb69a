"""Edit a project's labels: name, colour, key, meaning, order; merge, split, archive, remove what is unused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QPushButton,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import keymap
from desktop_llm.errors import UserError
from desktop_llm.gui import shortcuts
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.class_table import COLOR, KEY, NAME, ClassTable
from desktop_llm.gui.pages.class_texts import GuidelineText, Meaning
from desktop_llm.gui.pages.switch_boxes import SwitchBoxes
from desktop_llm.rows import Changes, Class, Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome


class ClassDialog(QDialog):
    """Every change is kept at once; the labels that texts have stay with them."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """Shows the labels of the open project."""
        super().__init__(parent)
        self._hub = hub
        self._classes: list[Class] = []
        self._work: Task | None = None
        self.setObjectName("classes")
        self.setWindowTitle(self.tr("Labels"))
        self.resize(880, 600)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("classes.tabs")
        self.tabs.tabBar().setAccessibleName(self.tr("Labels and guideline"))
        self.tabs.addTab(self._labels_tab(), self.tr("Labels"))
        self._guideline = GuidelineText(hub)
        self._guideline.problem_met.connect(self._tell)
        self.tabs.addTab(self._guideline, self.tr("Guideline"))
        whole.addWidget(self.tabs, 1)
        self._problem = plain_label("", "bad", wrap=True)
        self._problem.setObjectName("classes.problem")
        whole.addWidget(self._problem)
        end = QHBoxLayout()
        end.addStretch(1)
        end.addWidget(self._button(self.tr("Done"), "classes.done", self.accept, kind="primary"))
        whole.addLayout(end)
        self._reload()
        self._guideline.reload()
        self.finished.connect(lambda _: self._keep_texts())

    def begin(self, *, guideline: bool = False) -> None:
        """Go to the new label's name, or to the guideline."""
        self.tabs.setCurrentIndex(1 if guideline else 0)
        (self._guideline.text if guideline else self.new_name).setFocus()

    # building

    def _button(self, words: str, name: str, done: Callable[[], object], kind: str = "plain") -> QPushButton:
        made = button(words, name, done, kind=kind)
        made.setAutoDefault(False)
        return made

    def _labels_tab(self) -> QWidget:
        tab = QWidget()
        sides = QHBoxLayout(tab)
        sides.setContentsMargins(0, 12, 0, 0)
        sides.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(12)
        line = QHBoxLayout()
        self.new_name = QLineEdit()
        self.new_name.setObjectName("classes.name")
        self.new_name.setAccessibleName(self.tr("New label"))
        self.new_name.setPlaceholderText(self.tr("New label"))
        self.new_name.returnPressed.connect(self._on_add)
        line.addWidget(self.new_name, 1)
        line.addWidget(self._button(self.tr("Add"), "classes.add", self._on_add, kind="primary"))
        left.addLayout(line)
        self.table = ClassTable()
        self.table.itemChanged.connect(self._on_item_changed)
        self.table.cellDoubleClicked.connect(self._on_double_clicked)
        self.table.itemSelectionChanged.connect(self._show_chosen)
        left.addWidget(self.table, 1)
        left.addWidget(plain_label(self.tr("Double-click a name, a key or a colour to change it."), "muted"))
        left.addWidget(SwitchBoxes(self._hub))
        left.addLayout(self._buttons())
        sides.addLayout(left, 3)
        self.meaning = Meaning(self._hub)
        self.meaning.problem_met.connect(self._tell)
        self.meaning.kept.connect(self._reload)
        sides.addWidget(self.meaning, 2)
        return tab

    def _buttons(self) -> QVBoxLayout:
        both = QVBoxLayout()
        both.setSpacing(8)
        first, second = QHBoxLayout(), QHBoxLayout()
        self._archive = self._button(self.tr("Archive"), "classes.archive", self._on_archive)
        self._archived = QCheckBox(self.tr("Show archived labels"))
        self._archived.setObjectName("classes.show_archived")
        self._archived.setAccessibleName(self._archived.text())
        self._archived.toggled.connect(lambda _: self._reload())
        first.addWidget(self._button(self.tr("Up"), "classes.up", lambda: self._on_move(-1)))
        first.addWidget(self._button(self.tr("Down"), "classes.down", lambda: self._on_move(1)))
        first.addStretch(1)
        first.addWidget(self._archived)
        second.addWidget(self._button(self.tr("Merge into…"), "classes.merge", self._on_merge))
        second.addWidget(self._button(self.tr("Split…"), "classes.split", self._on_split))
        second.addWidget(self._archive)
        second.addWidget(self._button(self.tr("Remove"), "classes.remove", self._on_remove))
        second.addStretch(1)
        both.addLayout(first)
        both.addLayout(second)
        return both

    # showing

    def _reload(self) -> None:
        project = self._hub.project
        if project is None:
            return
        self._classes = project.classes.all()
        shown = [one for one in self._classes if self._archived.isChecked() or not one.archived]
        self.table.show_classes(shown, {one.id: one.name for one in self._classes})
        self._show_chosen()

    def _show_chosen(self) -> None:
        one = self.table.chosen()
        self._archive.setText(self.tr("Restore") if one is not None and one.archived else self.tr("Archive"))
        self._archive.setAccessibleName(self._archive.text())
        self.meaning.show_class(one)

    def _tell(self, sentence: str) -> None:
        self._problem.setText(sentence)

    def _change(self, change: Callable[[], Changes]) -> bool:
        """Do it, tell everybody, or say why not."""
        self._tell("")
        try:
            changes = change()
        except UserError as error:
            self._tell(error.message)
            self._reload()
            return False
        self._hub.changed.emit(changes)
        self._reload()
        return True

    def _keep_texts(self) -> None:
        self.meaning.keep()
        self._guideline.keep()

    # hearing

    def _on_add(self) -> None:
        project, name = self._hub.project, self.new_name.text()
        if project is not None and name.strip() and self._change(lambda: project.classes.add(name)):
            self.new_name.clear()
        self.new_name.setFocus()

    def _on_item_changed(self, cell: QTableWidgetItem) -> None:
        project, one = self._hub.project, self.table.class_at(cell.row())
        if project is None or one is None or self.table.quiet:
            return
        if cell.column() == NAME and cell.text() != one.name:
            self._change(lambda: project.classes.rename(one.id, cell.text()))
        elif cell.column() == KEY and cell.text() != one.key:
            self._set_key(one, cell.text().strip().lower())

    def _set_key(self, one: Class, key: str) -> None:
        project, taken = self._hub.project, self._hub.keys.shadowed(key)
        if project is None:
            return
        if len(key) > 1 or (key and not key.isalnum()):
            self._tell(self.tr("A key is one digit or letter."))
            self._reload()
        elif taken:
            title = next(shortcuts.tr(told.title) for told in keymap.COMMANDS if told.name == taken)
            words = self.tr("{key} is the key of “{command}”; choose another one, or change that under Label, Keys….")
            self._tell(words.format(key=key.upper(), command=title))
            self._reload()
        else:
            self._change(lambda: project.classes.set_key(one.id, key))

    def _on_double_clicked(self, row: int, column: int) -> None:
        project, one = self._hub.project, self.table.class_at(row)
        if column != COLOR or project is None or one is None:
            return
        color = QColorDialog.getColor(QColor(one.color), self, self.tr("Colour"))
        if color.isValid():
            self._change(lambda: project.classes.recolor(one.id, color.name()))

    def _on_move(self, by: int) -> None:
        project, one = self._hub.project, self.table.chosen()
        other = self.table.class_at(self.table.currentRow() + by)
        if project is not None and one is not None and other is not None:
            place = next(place for place, told in enumerate(self._classes) if told.id == other.id)
            self._change(lambda: project.classes.move(one.id, place))
            self.table.choose(one.id)

    def _on_remove(self) -> None:
        project, one = self._hub.project, self.table.chosen()
        if project is not None and one is not None:
            self._change(lambda: project.classes.remove(one.id))

    def _on_archive(self) -> None:
        project, one = self._hub.project, self.table.chosen()
        if project is not None and one is not None:
            classes = project.classes
            self._change(lambda: classes.restore(one.id) if one.archived else classes.archive(one.id))

    def _on_merge(self) -> None:
        one = self.table.chosen()
        others = [told for told in self._classes if one is not None and told.id != one.id and not told.archived]
        if one is None or not others:
            self._tell(self.tr("Choose the label that is to go into another one first."))
            return
        question = QInputDialog(self)
        question.setObjectName("classes.merge_into")
        question.setWindowTitle(self.tr("Merge labels"))
        words = self.tr("Texts with “{name}” ({count:,}) get this label instead; undo takes it back:")
        question.setLabelText(words.format(name=one.name, count=one.count))
        question.setComboBoxItems([told.name for told in others])
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.textValueSelected.connect(lambda name: self.merge(one, next(o for o in others if o.name == name)))
        question.open()

    def merge(self, one: Class, into: Class) -> None:
        """Give the labels of one class to another, behind the scenes."""
        from desktop_llm.verbs import merging

        project, task = self._hub.project, self._hub.task
        if project is None or task is None or self._work is not None:
            return
        labeler, hub, count = self._hub.settings.labeler, self._hub, max(1, one.count)

        def work(job: Task) -> Outcome:
            return merging.merge(
                project,
                task.labels,
                one.id,
                into.id,
                labeler=labeler,
                on_progress=lambda done: job.progress(min(1.0, done / count)),
                should_stop=job.should_stop,
            )

        # the dialog may be closed by then; the hub tells everybody
        self._tell("")
        self._work = hub.background.run(
            work, on_done=lambda outcome: hub.changed.emit(outcome.changes), title=self.tr("Merging labels")
        )
        self._work.ended.connect(self._on_merged)

    def _on_merged(self, _: Task) -> None:
        self._work = None
        self._reload()

    def _on_split(self) -> None:
        one = self.table.chosen()
        if one is None:
            self._tell(self.tr("Choose the label that is to be split first."))
            return
        question = QInputDialog(self)
        question.setObjectName("classes.split_into")
        question.setWindowTitle(self.tr("Split a label"))
        words = self.tr("Name of a new label for some of the texts with “{name}”. Then choose them in the list:")
        question.setLabelText(words.format(name=one.name))
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.textValueSelected.connect(lambda name: self.split(one, name))
        question.open()

    def split(self, one: Class, name: str) -> None:
        """Make a new label, and show the texts of this one to choose from."""
        project = self._hub.project
        if project is not None and self._change(lambda: project.classes.add(name)):
            self.accept()
            told = {"filter": Filter(class_id=one.id), "words": one.name, "listing": True}
            self._hub.page_asked.emit("label", told)


def open_over(page: QWidget, hub: Hub, *, guideline: bool = False) -> None:
    """Open the dialog over a page, which has the keyboard again afterwards; `guideline`: on the project's text."""
    if not hub.writable:
        words = QCoreApplication.translate("ClassDialog", "This project can only be read now.")
        hub.show_error(UserError(words))
        return
    dialog = ClassDialog(hub, page)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.finished.connect(lambda _: page.setFocus())
    dialog.open()
    dialog.begin(guideline=guideline)
