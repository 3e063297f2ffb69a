"""Change the keys of the Label page: a preset, and any key of any command, with a word on what else wants it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import keymap
from desktop_llm.gui import shortcuts
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import label_keys
from desktop_llm.keymap import PRESETS, Command, Conflict
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice

TITLE, KEYS, NOTE = range(3)


class KeyField(QLineEdit):
    """Takes the next key as it is pressed. Signals: `pressed(key)`; Esc and Tab are left to the dialog."""

    pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows what was pressed."""
        super().__init__(parent)
        self.setReadOnly(True)
        self.setObjectName("keys.field")
        self.setAccessibleName(self.tr("New key"))
        self.setPlaceholderText(self.tr("Press a key"))

    def event(self, event: QEvent) -> bool:
        """No menu and no default button takes a key that is meant as a new one."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Any key but Esc and Tab."""
        key = label_keys.pressed(event)
        if key in ("Esc", "Tab", "Backtab", "Shift+Backtab", "Shift+Tab"):
            super().keyPressEvent(event)
        elif key:
            self.setText(keymap.words(key))
            self.pressed.emit(key)


class KeyDialog(QDialog):
    """Every change is kept at once."""

    def __init__(self, hub: Hub, window: QWidget) -> None:
        """`window` has the menus, and the editor with keys of its own."""
        super().__init__(window)
        self._hub = hub
        editor = shortcuts.editor_of(window)
        self._own: tuple[Command, ...] = tuple(editor.commands()) if editor is not None else ()
        self._menus = shortcuts.menu_keys(window)
        self._labels = {one.key: one.name for one in hub.project.classes.all()} if hub.project is not None else {}
        self._commands = [
            *keymap.COMMANDS,
            *(Command(name=keymap.EDITOR + one.name, title=one.title, keys=one.keys) for one in self._own),
        ]
        self._key = ""
        self.setObjectName("keys")
        self.setWindowTitle(self.tr("Keys for labeling"))
        self.resize(820, 640)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        whole.addLayout(self._preset_line())
        whole.addWidget(self._make_table(), 1)
        whole.addLayout(self._key_line())
        self._problem = plain_label("", "warn", wrap=True)
        self._problem.setObjectName("keys.problem")
        whole.addWidget(self._problem)
        whole.addLayout(self._end_line())
        self._show()
        self.table.selectRow(0)

    def _preset_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.preset = Choice()
        self.preset.setObjectName("keys.preset")
        self.preset.setAccessibleName(self.tr("Keys like those of"))
        for name, one in PRESETS.items():
            self.preset.addItem(one.title, name)
        self.preset.setCurrentIndex(max(0, self.preset.findData(self._hub.settings.key_preset)))
        self.preset.currentIndexChanged.connect(self._on_preset)
        self._help = plain_label("", "muted", wrap=True)
        line.addWidget(plain_label(self.tr("Keys like those of")))
        line.addWidget(self.preset)
        line.addWidget(self._help, 1)
        return line

    def _make_table(self) -> QTableWidget:
        self.table = QTableWidget(len(self._commands), 3)
        self.table.setObjectName("keys.table")
        self.table.setAccessibleName(self.tr("Commands and their keys"))
        self.table.setHorizontalHeaderLabels([self.tr("Command"), self.tr("Keys"), self.tr("Also wanted by")])
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(KEYS, 210)
        self.table.setColumnWidth(NOTE, 250)
        self.table.itemSelectionChanged.connect(self._forget_key)
        self.table.doubleClicked.connect(lambda _: self.field.setFocus())
        return self.table

    def _key_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.field = KeyField()
        self.field.pressed.connect(self._on_pressed)
        line.addWidget(self.field, 1)
        for words, name, done in (
            (self.tr("Only this key"), "keys.set", lambda: self._give(only=True)),
            (self.tr("This key, too"), "keys.add", lambda: self._give(only=False)),
            (self.tr("No key"), "keys.none", self._on_none),
        ):
            made = button(words, name, done)
            made.setAutoDefault(False)
            line.addWidget(made)
        return line

    def _end_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        reset = button(self.tr("All as in the preset"), "keys.reset", self._on_reset)
        close = button(self.tr("Done"), "keys.done", self.accept, kind="primary")
        for made in (reset, close):
            made.setAutoDefault(False)
        line.addWidget(reset)
        line.addStretch(1)
        line.addWidget(close)
        return line

    def _show(self) -> None:
        keys = self._hub.keys
        found = keymap.conflicts(keys, self._own, self._labels, self._menus)
        for row, one in enumerate(self._commands):
            told = " · ".join(map(keymap.words, keys.keys(one.name, one.keys)))
            others = ", ".join(_words(clash) for clash in found if clash.command == one.name)
            title = shortcuts.tr(one.title)
            for column, text in ((TITLE, title), (KEYS, told), (NOTE, others)):
                cell = QTableWidgetItem(text)
                cell.setToolTip("")
                self.table.setItem(row, column, cell)
        self._help.setText(shortcuts.tr(PRESETS[str(self.preset.currentData())].help))

    def _command(self) -> Command | None:
        row = self.table.currentRow()
        return self._commands[row] if 0 <= row < len(self._commands) else None

    def _forget_key(self) -> None:
        self._key = ""
        self.field.clear()
        self._problem.setText("")

    def _on_pressed(self, key: str) -> None:
        """Say before anything changes what else wants the key."""
        self._key = key
        one = self._command()
        taken = [
            self.tr("“{other}” has this key now and would lose it.").format(other=shortcuts.tr(other.title))
            for other in self._commands
            if one is not None and other.name != one.name and key in self._hub.keys.keys(other.name, other.keys)
        ]
        by_key = {keymap.normal(name): title for name, title in self._labels.items() if name}
        if key in by_key:
            taken.append(self.tr("The label “{name}” would no longer be given by it.").format(name=by_key[key]))
        if key in {keymap.normal(name) for name in self._menus}:
            taken = [self.tr("This key belongs to the menus; choose another one.")]
        self._problem.setText(" ".join(taken))

    def _give(self, *, only: bool) -> None:
        one = self._command()
        if one is None or not self._key:
            self._problem.setText(self.tr("Press the new key first, in the field at the left."))
            self.field.setFocus()
        elif self._key in {keymap.normal(name) for name in self._menus}:
            self._problem.setText(self.tr("This key belongs to the menus; choose another one."))
        else:
            before = () if only else self._hub.keys.keys(one.name, one.keys)
            self._keep(one, (*before, self._key))

    def _on_none(self) -> None:
        one = self._command()
        if one is not None:
            self._keep(one, ())

    def _keep(self, one: Command, keys: tuple[str, ...]) -> None:
        usual = {other.name: other.keys for other in self._commands}
        changes = self._hub.keys.with_keys(one.name, keys, usual)
        self._hub.save_settings(key_changes=keymap.to_setting(changes))
        self._forget_key()
        self._show()

    def _on_preset(self) -> None:
        self._hub.save_settings(key_preset=str(self.preset.currentData()))
        self._show()

    def _on_reset(self) -> None:
        self._hub.save_settings(key_changes="{}")
        self._forget_key()
        self._show()


def _words(clash: Conflict) -> str:
    return f"{keymap.words(clash.key)}: {shortcuts.tr(clash.other) if clash.kind == 'command' else clash.other}"


def open_dialog(hub: Hub, window: QWidget) -> KeyDialog:
    """Open it over the window."""
    dialog = KeyDialog(hub, window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
