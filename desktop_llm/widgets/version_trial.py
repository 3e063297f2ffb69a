"""Try it for models that make one text of another: what they are given above, and below what one or two make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.made_column import MadeColumn
from desktop_llm.widgets.sampling_side import SamplingSide
from desktop_llm.widgets.screen import WritingView
from desktop_llm.widgets.talk import ASSISTANT, USER, Talk, Turn

INPUT_HEIGHT = 132
SETTINGS = (
    "num_beams", "length_penalty", "temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed",
    "stop",
)  # fmt: skip
CHOSEN = ("temperature", "top_p", "top_k", "seed")
RowOf = Callable[[str, str, str], dict[str, str]]


class Given(QPlainTextEdit):
    """A field of several lines whose Ctrl+Enter sends. Signals: `sent()`."""

    sent = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter alone makes a line end."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.sent.emit()
            return
        super().keyPressEvent(event)


class VersionTrial(WritingView):
    """`row_of` makes a row of the task from a text, what is told beside it, and what was made of it, '' where nothing
    was; `usual` is how its models write."""

    def __init__(self, row_of: RowOf, usual: Sampling, parent: QWidget | None = None) -> None:
        """Nothing was given yet."""
        super().__init__(parent)
        self.setObjectName("try.view")
        self._row_of = row_of
        self._names: list[str] = [""]
        self._shown: Talk | None = None
        self._done: list[Talk] = []
        """What was made in this session, the newest first: a text in each column, and what a model made of it."""
        self._writing: set[int] = set()
        self._may_keep = False
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addWidget(self._build_input())
        self._side_by_side = QHBoxLayout()
        self._side_by_side.setSpacing(16)
        left.addLayout(self._side_by_side, 1)
        whole.addLayout(left, 1)
        self.side = SamplingSide(SETTINGS, usual)
        self.side.changed.connect(lambda key: self._show_chosen() if key == "num_beams" else None)
        whole.addWidget(self.side)
        self._show_chosen()
        self._columns: list[MadeColumn] = []
        self._show_columns()

    # the contract

    def show_names(self, names: Sequence[str]) -> None:
        """Other models begin with nothing made."""
        if names:
            self._names = list(names)
            self._writing.clear()
            self._shown = None
            self._show_columns()

    def let_keep(self, allowed: bool) -> None:
        """Whether texts can become rows."""
        self._may_keep = allowed
        self._show_buttons()

    def show_pieces(self, column: int, pieces: Sequence[Piece]) -> None:
        """More of a text."""
        if column in self._writing and self._shown is not None:
            self._shown.columns[column][-1].pieces.extend(pieces)
            self._columns[column].show_pieces(pieces)

    def show_ending(self, column: int, ending: Ending) -> None:
        """A text is whole."""
        if column in self._writing and self._shown is not None:
            self._shown.columns[column][-1].ending = ending
            self._end(column)

    def show_problem(self, column: int, sentence: str) -> None:
        """There is no text, for this reason."""
        if column in self._writing and self._shown is not None:
            self._shown.columns[column][-1].problem = sentence
            self._end(column)

    def sampling(self) -> Sampling | None:
        """The settings; None, and a word about it, where one of them is none."""
        return self.side.sampling()

    # how it looks

    def _build_input(self) -> QWidget:
        card = Card(self.tr("Text"), self.tr("Ctrl+Enter writes"))
        self.text = Given()
        self.text.setObjectName("try.text")
        self.text.setAccessibleName(self.tr("Your text"))
        self.text.setPlaceholderText(self.tr("What the model is to make another text of."))
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(INPUT_HEIGHT)
        self.text.sent.connect(self._on_send)
        self.text.textChanged.connect(self._show_buttons)
        card.body.addWidget(self.text)
        self.context = QLineEdit()
        self.context.setObjectName("try.context")
        self.context.setAccessibleName(self.tr("Instruction or context"))
        self.context.setPlaceholderText(self.tr("Instruction or context, if your rows have one"))
        self.context.returnPressed.connect(self._on_send)
        card.body.addWidget(self.context)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._history = Choice()
        self._history.setObjectName("try.history")
        self._history.setAccessibleName(self.tr("Texts of this session"))
        self._history.let_narrow()
        self._history.setPlaceholderText(self.tr("Texts of this session"))
        self._history.activated.connect(self._on_history)
        line.addWidget(self._history, 1)
        tip = self.tr("Compare what was made with the text that was given")
        self.changes = button(self.tr("Changes"), "try.changes", tip=tip)
        self.changes.setCheckable(True)
        self.changes.setProperty("kind", "toggle")
        self.changes.toggled.connect(self._show_changes)
        keep = self.tr("Add the text to the project’s rows, with what the model at the left made of it as a draft")
        self._keep = button(self.tr("Put into the data"), "try.keep", self._on_keep, tip=keep)
        self._stop = button(self.tr("Stop"), "try.stop", self.stopped.emit)
        self._send = button(self.tr("Write"), "try.send", self._on_send, kind="primary")
        for part in (self.changes, self._keep, self._stop, self._send):
            line.addWidget(part)
        card.body.addLayout(line)
        return card

    def _show_chosen(self) -> None:
        """What counts: beams leave nothing to chance, and one wording has no others to be compared with."""
        idle = CHOSEN if self.side.value("num_beams") != 1 else ("length_penalty",)
        self.side.set_enabled_keys([key for key in SETTINGS if key not in idle])

    def _show_columns(self) -> None:
        """What is shown, in as many columns as there are models."""
        told = self._shown.columns if self._shown is not None else [[] for _ in self._names]
        while len(self._columns) > len(told):
            gone = self._columns.pop()
            self._side_by_side.removeWidget(gone)
            gone.deleteLater()
        while len(self._columns) < len(told):
            made = MadeColumn(len(self._columns) + 1)
            made.looked_at.connect(self.side.token.show_piece)
            self._columns.append(made)
            self._side_by_side.addWidget(made, 1)
        for place, (column, turns) in enumerate(zip(self._columns, told, strict=True)):
            column.set_title(self._names[place] if place < len(self._names) else "")
            column.show_turn(turns[-1] if turns else None)
        self._show_changes()
        self._show_history()
        self._show_buttons()

    def _show_history(self) -> None:
        self._history.clear()
        for place, talk in enumerate(self._done):
            self._history.addItem(talk.title, place)
        self._history.setCurrentIndex(self._done.index(self._shown) if self._shown in self._done else -1)

    def _show_buttons(self) -> None:
        free = not self._writing
        made = self._shown is not None and any(
            turn.text and not turn.problem for turn in self._shown.columns[0] if turn.role == ASSISTANT
        )
        self._keep.setEnabled(free and made and self._may_keep)
        self._stop.setEnabled(not free)
        self._send.setEnabled(free and bool(self.text.toPlainText().strip()))
        self._history.setEnabled(free and bool(self._done))

    def _show_changes(self) -> None:
        for place, column in enumerate(self._columns):
            given = self._shown.columns[place][0].said if self._shown is not None else ""
            column.show_changes(given if self.changes.isChecked() else None)

    # what is done

    def _on_send(self) -> None:
        text, context = self.text.toPlainText().strip(), self.context.text().strip()
        told = self.sampling()
        if self._writing or told is None or not text:
            return
        self._shown = Talk(columns=[[Turn(role=USER, said=text), Turn(role=ASSISTANT)] for _ in self._names])
        self._shown.system = context
        self._done.insert(0, self._shown)
        self._writing = set(range(len(self._names)))
        self._show_columns()
        for place, column in enumerate(self._columns):
            column.show_waiting()
            self.asked.emit(place, self._row_of(text, context, ""), told)

    def _on_history(self, place: int) -> None:
        if not self._writing and 0 <= place < len(self._done):
            self._shown = self._done[place]
            self.text.setPlainText(self._shown.columns[0][0].said)
            self.context.setText(self._shown.system)
            self._show_columns()

    def _on_keep(self) -> None:
        if not self._writing and self._shown is not None:
            given, made = self._shown.columns[0]
            self.kept.emit(self._row_of(given.said, self._shown.system, made.text.strip()))

    def _end(self, column: int) -> None:
        self._writing.discard(column)
        self._columns[column].show_end()
        self._show_changes()
        self._show_buttons()
