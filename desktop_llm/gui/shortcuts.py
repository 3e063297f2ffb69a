"""The sheet of keys, on F1 and ?: the keys as they are now, of the menus, the Label page, its editor and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import keymap
from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import keycap
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.screen import LabelEditor

COMMAND = "command"
"""The property of a menu's action that says which command of the Label page it is."""
OF_LISTS = ("repeat", "recent", "list", "page_")
"""How the names of commands begin that are for labels which one key makes."""
OF_DOUBTS = ("keep", "hard")
"""Commands for labels that a model in the loop doubts."""
COLUMNS = 3
WIDEST = 220
"""Pixels from which on the name of a label is cut."""
Line = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Some keys with what they do."""

    title: str
    lines: Sequence[Line]


def tr(text: str) -> str:
    """For this file and for words of the key map."""
    return QCoreApplication.translate("Shortcuts", text)


def menu_keys(window: QWidget) -> dict[str, str]:
    """The keys of the menus with what they do, without those that are commands of the Label page."""
    found = {}
    for action in window.findChildren(QAction):
        shown = action.isVisible() and action.objectName() != "action.help.keys"
        if shown and action.property(COMMAND) is None:
            title = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")
            for key in action.shortcuts():
                found[key.toString(QKeySequence.SequenceFormat.PortableText)] = title
    return found


def trigger(window: QWidget, name: str) -> None:
    """Do what an action of the window's menus does."""
    action = window.findChild(QAction, f"action.{name}")
    if isinstance(action, QAction):
        action.trigger()


def editor_of(window: QWidget) -> LabelEditor | None:
    """The editor of the Label page, once that was shown; the one of the project before may be there for a moment."""
    found = window.findChildren(LabelEditor)
    return found[-1] if found else None


def works(name: str, hub: Hub, editor: LabelEditor | None) -> bool:
    """Whether a command of the Label page does something with the labels of the open project."""
    task = hub.task
    if task is None:
        return True
    if name.startswith(OF_LISTS):
        return task.classes if editor is None else editor.can_list
    if name == "find":
        return task.classes and (editor is None or _own(editor, "focus_filter"))
    if name in OF_DOUBTS:
        return task.loop is not None
    return name != "accept" or task.learns or (editor is not None and _own(editor, "confirm"))


def free_keys(name: str, hub: Hub, editor: LabelEditor | None) -> list[str]:
    """The keys of a command of the page without those that the editor takes before it."""
    theirs = editor.commands() if editor is not None else ()
    return [key for key in hub.keys.keys(name) if not hub.keys.editor_command(key, theirs)]


def sections(hub: Hub, window: QWidget) -> list[Section]:
    """All keys as they are now."""
    keys, editor = hub.keys, editor_of(window)
    titles = {one.name: tr(one.title) for one in keymap.COMMANDS if works(one.name, hub, editor)}
    if "accept" in titles and hub.task is not None and not hub.task.learns:
        titles["accept"] = tr("Keep it as it stands and go on")
    labeling = [(_told(free_keys(name, hub, editor)), title) for name, title in titles.items()]
    own = [
        (_told(keys.keys(keymap.EDITOR + one.name, one.keys)), one.title)
        for one in (editor.commands() if editor is not None else ())
    ]
    dispute = [("Alt+1 … Alt+9", tr("Take this answer"))]
    listing = [
        ("Shift+↓ · Shift+↑", tr("Select several rows")),
        ("Ctrl+A", tr("Select all rows of the page")),
    ]
    labels = []
    if hub.project is not None:
        for one in hub.project.classes.all():
            if one.key and not one.archived and not keys.shadowed(one.key):
                labels.append((one.key.upper(), one.name))
    told = [
        Section(title=tr("Labeling"), lines=[line for line in labeling if line[0]]),
        Section(title=tr("In this task"), lines=[line for line in own if line[0]]),
        Section(title=tr("In the list"), lines=listing if editor is None or editor.can_list else []),
        Section(title=tr("In a dispute"), lines=dispute),
        Section(title=tr("Labels"), lines=labels),
        Section(title=tr("Everywhere"), lines=[(keymap.words(key), title) for key, title in menu_keys(window).items()]),
    ]
    return [one for one in told if one.lines]


def show_sheet(hub: Hub, window: QWidget) -> QDialog:
    """Open the sheet; it goes with Esc."""
    from desktop_llm.gui import key_dialog

    sheet = QDialog(window)
    sheet.setObjectName("shortcuts")
    sheet.setWindowTitle(tr("Keys"))
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    whole = QVBoxLayout(sheet)
    whole.setContentsMargins(24, 16, 16, 16)
    inner = QWidget()
    line = QHBoxLayout(inner)
    line.setContentsMargins(0, 0, 8, 0)
    line.setSpacing(32)
    for column in _columns(sections(hub, window)):
        line.addLayout(column)
    area = QScrollArea()
    area.setObjectName("shortcuts.scroll")
    area.setAccessibleName(tr("Keys"))
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    area.setMinimumWidth(inner.minimumSizeHint().width() + 24)
    whole.addWidget(area, 1)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    change = buttons.addButton(tr("Change keys…"), QDialogButtonBox.ButtonRole.ActionRole)
    change.setObjectName("shortcuts.change")
    change.clicked.connect(sheet.accept)
    change.clicked.connect(lambda: key_dialog.open_dialog(hub, window))
    buttons.rejected.connect(sheet.reject)
    whole.addWidget(buttons)
    sheet.resize(sheet.sizeHint().width(), min(inner.sizeHint().height() + 90, window.height() - 40))
    sheet.open()
    return sheet


def _columns(told: Sequence[Section]) -> list[QVBoxLayout]:
    """Sections beside one another, the next always where there is most room."""
    made = [QVBoxLayout() for _ in range(COLUMNS)]
    used = [0] * COLUMNS
    for column in made:
        column.setSpacing(8)
    for section in told:
        place = used.index(min(used))
        used[place] += len(section.lines) + 2
        if made[place].count():
            made[place].addSpacing(16)
        title = plain_label(section.title, "card-title")
        title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        made[place].addWidget(title)
        made[place].addLayout(_grid(section))
    for column in made:
        column.addStretch(1)
    return [column for column, lines in zip(made, used, strict=True) if lines]


def _grid(section: Section) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(6)
    grid.setHorizontalSpacing(12)
    grid.setColumnStretch(1, 1)
    for row, (key, words) in enumerate(section.lines):
        grid.addWidget(keycap(key), row, 0, Qt.AlignmentFlag.AlignLeft)
        told = ElidedLabel(words)
        told.setMinimumWidth(min(told.sizeHint().width(), WIDEST))
        grid.addWidget(told, row, 1)
    return grid


def _own(editor: LabelEditor, method: str) -> bool:
    """Whether an editor does more there than the contract."""
    return getattr(type(editor), method) is not getattr(LabelEditor, method)


def _told(keys: Sequence[str]) -> str:
    return " · ".join(dict.fromkeys(map(keymap.words, keys)))
