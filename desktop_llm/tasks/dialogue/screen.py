"""What this task shows: the conversation turn by turn, each to be written, added, removed, moved or given away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QTimer, SignalInstance
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.tasks.dialogue.labels import messages, said, whole
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import key_hint
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.screen import ClassInfo, Command, LabelEditor, ShownItem
from desktop_llm.widgets.source_card import show_cells
from desktop_llm.widgets.turn_list import TurnList
from desktop_llm.widgets.turn_model import ROLE, ROLES
from desktop_llm.widgets.writing_field import REST_MS, size_of

LOOKING = ("up", "down")
"""Commands that change nothing."""


class Editor(LabelEditor):
    """What is changed is kept while it is changed; Enter keeps the conversation as it stands and goes on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """No conversation yet."""
        super().__init__(parent)
        self._item: ShownItem | None = None
        self._known: object = None
        """The label as the project has it, as far as this editor knows."""
        self._keys: Mapping[str, str] = {}
        self._telling, self._allowed = False, True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._on_rested)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(16)
        self._whole.addWidget(self._build_card(), 1)

    def commands(self) -> Sequence[Command]:
        """Turns are chosen and changed by keys; Alt with an arrow goes to another row."""
        return (
            Command(name="give", title=self.tr("Keep the conversation and go on"), keys=("Ctrl+Return",)),
            Command(name="up", title=self.tr("The turn above"), keys=("Up",)),
            Command(name="down", title=self.tr("The turn below"), keys=("Down",)),
            Command(name="write", title=self.tr("Write in the turn"), keys=("E",)),
            Command(name="leave", title=self.tr("End writing in the turn"), keys=("Esc",)),
            Command(name="add", title=self.tr("Add a turn below"), keys=("N", "Ins")),
            Command(name="remove", title=self.tr("Remove the turn"), keys=("Del",)),
            Command(name="role", title=self.tr("Let the next role have said it"), keys=("R",)),
            Command(name="move_up", title=self.tr("Move the turn up"), keys=("Ctrl+Up",)),
            Command(name="move_down", title=self.tr("Move the turn down"), keys=("Ctrl+Down",)),
            Command(name="draft", title=self.tr("Take the model’s conversation"), keys=("Ctrl+Shift+D",)),
            Command(name="next", title=self.tr("Next row"), keys=("Alt+Down",)),
            Command(name="previous", title=self.tr("Previous row"), keys=("Alt+Up",)),
        )

    def do(self, command: str) -> None:
        """Do one of the `commands`."""
        actions: dict[str, Callable[[], object]] = {
            "give": self.confirm,
            "up": lambda: self.turns.choose(self.turns.place - 1),
            "down": lambda: self.turns.choose(self.turns.place + 1),
            "write": self.turns.write,
            "leave": self.turns.leave,
            "draft": self._on_draft,
            "add": self._on_add,
            "remove": self._on_remove,
            "role": self._turn_role,
            "move_up": lambda: self._move(-1),
            "move_down": lambda: self._move(1),
        }
        if command in actions:
            if self._allowed or command in LOOKING:
                actions[command]()
        else:
            self.asked.emit(command)

    def confirm(self) -> bool:
        """The conversation as it stands; a turn that says nothing is shown instead."""
        if self._item is None or not self._allowed:
            return False
        self.turns.leave()
        silent = self.turns.turns.silent()
        if silent is not None or not self.turns.turns.rowCount():
            self.turns.choose(silent or 0)
            words = self.tr("Turn {number:,} says nothing: write it (E) or remove it (Del).")
            self._tell_state(words.format(number=(silent or 0) + 1))
            return True
        self._timer.stop()
        self.writes = False
        self._tell(self.chosen, self.turns.turns.messages())
        return True

    def settle(self) -> None:
        """Give what was written a moment ago."""
        self.turns.leave()
        if self._timer.isActive():
            self._timer.stop()
            self._on_rested()

    def let_write(self, allowed: bool) -> None:
        """In a project that can only be read a conversation can, too."""
        self._allowed = allowed
        self.turns.let_write(allowed)
        self._show_state()

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the conversation."""
        self._keys = told
        self._show_hints(writing=self.turns.writing)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """This task has none."""

    def show_item(self, item: ShownItem | None) -> None:
        """Show a row; what is being written in the same one stays."""
        same = item is not None and self._item is not None and item.id == self._item.id
        stays = same and item is not None and (self._telling or item.value == self._known)
        self._item, self._known = item, None if item is None else item.value
        if not stays:
            self.turns.turns.load(self._messages(item))
            self.turns.choose(self.turns.turns.rowCount() - 1 if self._waits() else 0)
            self._show_extra(item)
        self._show_state()

    def set_foot(self, foot: QWidget) -> None:
        """Below the conversation."""
        self._whole.addWidget(foot)

    def key_for_label(self, text: str) -> bool:
        """No label has a key."""
        return False

    def _build_card(self) -> Card:
        self._card = Card(" ", " ")
        extra = QWidget()
        self._extra = FlowLayout(extra)
        self._card.body.addWidget(extra)
        self.turns = TurnList("label.turns", self.tr("Conversation"))
        self.turns.delegate.names = {
            "system": self.tr("System"),
            "user": self.tr("User"),
            "assistant": self.tr("Assistant"),
            "tool": self.tr("Tool"),
        }
        self.turns.turns.typed.connect(self._on_typed)
        self.turns.turns.reordered.connect(self._on_reordered)
        self.turns.selectionModel().currentChanged.connect(lambda *_: self._show_turn())
        self._card.body.addWidget(self.turns, 1)
        self._state = plain_label("", "muted", wrap=True)
        self._state.setObjectName("label.counts")
        self._card.body.addWidget(self._state)
        self._card.body.addLayout(self._build_tools())
        hints = QWidget()
        self._hints = FlowLayout(hints)
        self._hinted: list[tuple[str, str]] = []
        self._card.body.addWidget(hints)
        self.turns.opened.connect(lambda: self._show_hints(writing=True))
        self.turns.left.connect(lambda: self._show_hints(writing=False))
        return self._card

    def _show_hints(self, *, writing: bool) -> None:
        """Keys that do something now: where a turn is written most of them are letters of it."""
        if writing:
            told = [
                ("Ctrl+Enter", self.tr("keep and go on")),
                ("Esc", self.tr("end writing")),
                ("Alt+↓ / Alt+↑", self.tr("other rows")),
            ]
        elif not self._allowed:
            told = [
                ("↑ / ↓", self.tr("choose a turn")),
                (" / ".join(filter(None, map(self._keys.get, ("next", "previous")))), self.tr("other rows")),
            ]
        else:
            keys = self._keys
            told = [
                (keys.get("accept") or "Ctrl+Enter", self.tr("keep and go on")),
                ("↑ / ↓", self.tr("choose a turn")),
                ("E", self.tr("write")),
                ("N", self.tr("add")),
                (" / ".join(filter(None, map(keys.get, ("next", "previous")))), self.tr("other rows")),
            ]
        if told == self._hinted:  # widgets are dear; a key press is not to wait for the same ones again
            return
        self._hinted = told
        self._hints.clear()
        for key, words in told:
            if key:
                self._hints.addWidget(key_hint(key, words))

    def _build_tools(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.role_box = Choice()
        self.role_box.setObjectName("label.turn.role")
        self.role_box.setAccessibleName(self.tr("Who says it"))
        for role in ROLES:
            self.role_box.addItem(self.turns.delegate.names[role], role)
        self.role_box.activated.connect(lambda _: self._on_role_chosen())
        self.add_button = button(self.tr("Add below"), "label.turn.add", self._on_add, tip="N")
        self.write_button = button(self.tr("Write"), "label.turn.write", self.turns.write, tip="E")
        self.up_button = button("↑", "label.turn.up", lambda: self._move(-1), tip="Ctrl+↑")
        self.up_button.setAccessibleName(self.tr("Move the turn up"))
        self.down_button = button("↓", "label.turn.down", lambda: self._move(1), tip="Ctrl+↓")
        self.down_button.setAccessibleName(self.tr("Move the turn down"))
        self.remove_button = button(self.tr("Remove"), "label.turn.remove", self._on_remove, tip="Del")
        self.draft_button = button(self.tr("Take the model’s"), "label.draft", self._on_draft)
        self.give_button = button(self.tr("Keep and go on"), "label.give", self.confirm, kind="primary")
        tools = (self.role_box, self.write_button, self.add_button, self.up_button, self.down_button)
        for part in (*tools, self.remove_button, self.draft_button):
            line.addWidget(part)
        line.addStretch(1)
        line.addWidget(self.give_button)
        return line

    def _messages(self, item: ShownItem | None) -> list[dict[str, Any]]:
        if item is None:
            return []
        return item.value if isinstance(item.value, list) else messages(item.content.get("messages", ""))

    def _waits(self) -> bool:
        """Whether the conversation waits for an answer."""
        return not whole(self.turns.turns.messages())

    def _show_extra(self, item: ShownItem | None) -> None:
        show_cells(self._extra, {} if item is None else item.extra)

    def _show_state(self) -> None:
        item = self._item
        if item is None:
            self._card.set_title("")
            self._card.set_note("")
            self._tell_state(self.tr("Nothing waits here. All rows come back with Show: All."))
        else:
            known = item.position <= item.total
            words = self.tr("Row {position:,} of {total:,}") if known else self.tr("Row {position:,}")
            self._card.set_title(words.format(position=item.position, total=item.total))
            told = self.turns.turns.messages()
            text = "\n".join(one["content"] for one in told if isinstance(one.get("content"), str))
            turns = self.tr("1 turn") if len(told) == 1 else self.tr("{count:,} turns").format(count=len(told))
            kept = self.tr("draft kept, not given yet") if item.draft else self.tr("kept")
            where = kept if item.value is not None else item.source
            self._card.set_note(" · ".join((turns, size_of(text), where)))
            waits = self.tr("It waits for an answer: N adds one.")
            self._tell_state(waits if self._waits() and self._allowed else "")
        self._show_turn()
        self._show_hints(writing=self.turns.writing)

    def _tell_state(self, words: str) -> None:
        self._state.setText(words)
        self._state.setVisible(bool(words))

    def _show_turn(self) -> None:
        """What can be done with the chosen turn."""
        place, turns = self.turns.place, self.turns.turns
        free = self._item is not None and self._allowed
        shown = self._item is not None and place >= 0
        there = shown and self._allowed
        self.role_box.setCurrentIndex(self.role_box.findData(self.turns.currentIndex().data(ROLE)) if shown else -1)
        for part in (self.role_box, self.write_button):
            part.setEnabled(there)
        for part in (self.add_button, self.give_button, self.draft_button):
            part.setEnabled(free)
        self.remove_button.setEnabled(there and turns.rowCount() > 1)
        self.up_button.setEnabled(there and place > 0)
        self.down_button.setEnabled(there and place + 1 < turns.rowCount())
        self.draft_button.setVisible(self._suggested() is not None)

    def _suggested(self) -> list[dict[str, Any]] | None:
        told = self._item.suggestion.label if self._item is not None and self._item.suggestion is not None else None
        return told if isinstance(told, list) and all(isinstance(one, dict) for one in told) else None

    def _tell(self, signal: SignalInstance, value: object) -> None:
        self._telling = True
        try:
            signal.emit(value)
        finally:
            self._telling = False

    def _keep(self, *, writing: bool) -> None:
        self._timer.stop()
        # a turn that says nothing yet is none
        told = [one for one in self.turns.turns.messages() if said(one)]
        shown = self._messages(self._item) if self._known is None else self._known
        if self._item is not None and told and told != shown:
            self.writes = writing
            self._tell(self.edited, told)
        self._show_state()

    def _on_typed(self) -> None:
        self._timer.start()

    def _on_rested(self) -> None:
        self._keep(writing=True)

    def _on_reordered(self) -> None:
        self._keep(writing=False)

    def _on_role_chosen(self) -> None:
        if self.turns.place >= 0:
            self.turns.turns.set_role(self.turns.place, str(self.role_box.currentData()))

    def _on_add(self) -> None:
        """A turn below the chosen one, to be written at once; it is kept once it says something."""
        if self._item is None:
            return
        self.settle()
        place = self.turns.place
        self.turns.turns.insert(place + 1, self.turns.turns.next_role(place))
        self.turns.choose(place + 1)
        self.turns.write()

    def _turn_role(self) -> None:
        """Let the next role have said it."""
        if self.turns.place >= 0:
            now = self.turns.currentIndex().data(ROLE)
            role = ROLES[(ROLES.index(now) + 1) % len(ROLES)] if now in ROLES else ROLES[0]
            self.turns.turns.set_role(self.turns.place, role)

    def _move(self, by: int) -> None:
        place = self.turns.place
        if place >= 0 and self.turns.turns.move(place, by):
            self.turns.choose(place + by)

    def _on_remove(self) -> None:
        place = self.turns.place
        if place < 0:
            return
        self.turns.leave()
        self.turns.turns.remove(place)
        self.turns.choose(min(place, self.turns.turns.rowCount() - 1))

    def _on_draft(self) -> None:
        told = self._suggested()
        if told is not None:
            self.turns.leave()
            self.turns.turns.load(told)
            self.turns.choose(self.turns.turns.rowCount() - 1)
            self._keep(writing=False)

    def hideEvent(self, event: QHideEvent) -> None:
        """The page or the window goes."""
        super().hideEvent(event)
        self.settle()


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)
