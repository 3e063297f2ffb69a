"""The turns of a conversation as a list that can be changed: messages with role and content, all else in them kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

Index = QModelIndex | QPersistentModelIndex
Message = Mapping[str, Any]
ROLES = ("system", "user", "assistant", "tool")
SAID, BESIDE, ROLE = (int(Qt.ItemDataRole.UserRole) + place for place in range(3))
"""What a turn says in words; what it holds beside them (tool calls, pictures), told in JSON; who says it."""


class TurnModel(QAbstractListModel):
    """Signals: `typed()`: a turn says something else; `reordered()`: turns were added, removed, moved, given away."""

    typed = Signal()
    reordered = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        """No conversation."""
        super().__init__(parent)
        self._turns: list[Message] = []

    def load(self, messages: Sequence[Message]) -> None:
        """Another conversation; nothing is told."""
        self.beginResetModel()
        self._turns = list(messages)
        self.endResetModel()

    def messages(self) -> list[dict[str, Any]]:
        """The conversation as it stands."""
        return [dict(one) for one in self._turns]

    def silent(self) -> int | None:
        """The place of the first turn that says nothing at all."""
        return next((place for place, one in enumerate(self._turns) if not said(one) and not beside(one)), None)

    def next_role(self, place: int) -> str:
        """Who speaks after the turn at a place, as conversations go."""
        role = self._turns[place].get("role") if 0 <= place < len(self._turns) else "system"
        return "assistant" if role in ("user", "tool") else "user"

    def insert(self, place: int, role: str) -> None:
        """A new turn that says nothing yet."""
        self.beginInsertRows(QModelIndex(), place, place)
        self._turns.insert(place, {"role": role, "content": ""})
        self.endInsertRows()

    def remove(self, place: int) -> None:
        """Take a turn out; the last one stays."""
        if len(self._turns) > 1:
            self.beginRemoveRows(QModelIndex(), place, place)
            del self._turns[place]
            self.endRemoveRows()
            self.reordered.emit()

    def move(self, place: int, by: int) -> bool:
        """Let a turn change places with the one before (-1) or behind it (1); whether there is one."""
        other = place + by
        if not 0 <= other < len(self._turns):
            return False
        self.beginMoveRows(QModelIndex(), place, place, QModelIndex(), other + (by > 0))
        self._turns[place], self._turns[other] = self._turns[other], self._turns[place]
        self.endMoveRows()
        self.reordered.emit()
        return True

    def set_role(self, place: int, role: str) -> None:
        """Let somebody else have said it."""
        if self._turns[place].get("role") != role:
            self._turns[place] = {**self._turns[place], "role": role}
            self.dataChanged.emit(self.index(place), self.index(place))
            self.reordered.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All turns."""
        return 0 if parent.isValid() else len(self._turns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Words can be changed; what is no text is kept as it is."""
        flags = super().flags(index)
        editable = index.isValid() and isinstance(self._turns[index.row()].get("content", ""), str | None)
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See SAID, BESIDE, ROLE."""
        if not 0 <= index.row() < len(self._turns):
            return None
        turn = self._turns[index.row()]
        if role in (SAID, Qt.ItemDataRole.EditRole):
            return said(turn)
        if role == BESIDE:
            return beside(turn)
        if role == ROLE:
            return str(turn.get("role", ""))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{turn.get('role', '')}: {said(turn) or beside(turn)}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Let a turn say something else."""
        if role != Qt.ItemDataRole.EditRole or not 0 <= index.row() < len(self._turns):
            return False
        turn = self._turns[index.row()]
        if said(turn) != value:
            self._turns[index.row()] = {**turn, "content": value}
            self.dataChanged.emit(index, index)
            self.typed.emit()
        return True


def said(turn: Message) -> str:
    """What a turn says in words."""
    content = turn.get("content")
    return content if isinstance(content, str) else ""


def beside(turn: Message) -> str:
    """What a turn holds beside words, in JSON."""
    content = turn.get("content")
    told = [] if content is None or isinstance(content, str) else [content]
    told += [turn["tool_calls"]] if turn.get("tool_calls") else []
    return "\n".join(json.dumps(one, ensure_ascii=False, indent=1) for one in told)
