"""Try it for models that write: a chat with one model or two side by side, how they write, each token's chances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.sampling_side import SamplingSide
from desktop_llm.widgets.screen import WritingView
from desktop_llm.widgets.talk import ASSISTANT, USER, Talk, Turn
from desktop_llm.widgets.talk_column import TalkColumn

INPUT_HEIGHT = 72
SETTINGS = ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed", "stop")
RowOf = Callable[[Sequence[Mapping[str, Any]]], dict[str, str]]
PairOf = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], dict[str, str]]


class Saying(QPlainTextEdit):
    """A field whose Enter sends. Signals: `sent()`."""

    sent = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift+Enter makes a line end."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.insertPlainText("\n")
            else:
                self.sent.emit()
            return
        super().keyPressEvent(event)


class TalkTrial(WritingView):
    """`row_of` makes a row of the task from messages; without `chat` a text is gone on with, not answered.

    `pair_of` is there where a row of the data wants what two models have said, side by side. `measures`: the models can
    be asked how well they foretell a text.
    """

    def __init__(
        self,
        row_of: RowOf,
        *,
        chat: bool,
        pair_of: PairOf | None = None,
        measures: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Nothing was said yet."""
        super().__init__(parent)
        self.setObjectName("try.view")
        self._row_of, self._pair_of, self._chat, self._measures = row_of, pair_of, chat, measures
        self._names: list[str] = [""]
        self._talk = Talk(columns=[[]])
        self._talks: list[Talk] = [self._talk]
        self._writing: set[int] = set()
        self._may_keep = False
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addLayout(self._build_top())
        self._columns: list[TalkColumn] = []
        self._side_by_side = QHBoxLayout()
        self._side_by_side.setSpacing(16)
        left.addLayout(self._side_by_side, 1)
        left.addWidget(self._build_input())
        whole.addLayout(left, 1)
        self.side = SamplingSide(SETTINGS, Sampling())
        whole.addWidget(self.side)
        self._show_talk()

    # the contract

    def show_names(self, names: Sequence[str]) -> None:
        """Other models in the same number go on with the conversation; in another number they begin a new one."""
        if not names:
            return
        more = len(names) != len(self._names)
        self._names = list(names)
        if more:
            self._begin()
        for column, name in zip(self._columns, names, strict=True):
            column.set_title(name)

    def let_keep(self, allowed: bool) -> None:
        """Whether conversations can become rows."""
        self._may_keep = allowed
        self._show_buttons()

    def show_pieces(self, column: int, pieces: Sequence[Piece]) -> None:
        """More of an answer."""
        if column in self._writing:
            self._talk.columns[column][-1].pieces.extend(pieces)
            self._columns[column].show_pieces(pieces)

    def show_ending(self, column: int, ending: Ending) -> None:
        """An answer is whole."""
        if column in self._writing:
            self._talk.columns[column][-1].ending = ending
            self._end(column)

    def show_problem(self, column: int, sentence: str) -> None:
        """There is no answer, for this reason."""
        if column in self._writing:
            self._talk.columns[column][-1].problem = sentence
            self._end(column)

    def sampling(self) -> Sampling | None:
        """The settings; None, and a word about it, where one of them is none."""
        return self.side.sampling()

    # how it looks

    def _build_top(self) -> QHBoxLayout:
        """What the model is told first, and what was said before."""
        line = QHBoxLayout()
        line.setSpacing(8)
        self.system = QLineEdit()
        self.system.setObjectName("try.system")
        self.system.setAccessibleName(self.tr("System prompt"))
        self.system.setPlaceholderText(self.tr("System prompt, if any: how the model is to behave"))
        self.system.textChanged.connect(lambda text: setattr(self._talk, "system", text.strip()))
        self.system.setVisible(self._chat)
        self._history = Choice()
        self._history.setObjectName("try.history")
        self._history.setAccessibleName(self.tr("Conversations of this session"))
        self._history.let_narrow()
        self._history.activated.connect(self._on_history)
        line.addWidget(self.system, 3)
        line.addWidget(self._history, 2)
        return line

    def _build_input(self) -> QWidget:
        card = Card()
        self.text = Saying()
        self.text.setObjectName("try.text")
        words = self.tr("Your message") if self._chat else self.tr("Your text")
        self.text.setAccessibleName(words)
        self.text.setPlaceholderText(
            self.tr("Say something. Enter sends, Shift+Enter begins a line.")
            if self._chat
            else self.tr("Begin a text. Enter lets the model go on, Shift+Enter begins a line.")
        )
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(INPUT_HEIGHT)
        self.text.sent.connect(self._on_send)
        self.text.textChanged.connect(self._show_buttons)
        card.body.addWidget(self.text)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._new = button(self.tr("New"), "try.new", self._on_new, tip=self.tr("Begin another conversation"))
        again = self.tr("Write the last answer anew, with the settings as they are now")
        self._again = button(self.tr("Again"), "try.again", self._on_again, tip=again)
        self._on = button(self.tr("Go on"), "try.on", self._on_go_on, tip=self.tr("Write more of the last text"))
        self._on.setVisible(not self._chat)
        keep = (
            self.tr("Add what was said, of two models at the left, to the project’s rows, to be labeled")
            if self._pair_of is None
            else self.tr("Add the last answers of two models to the project’s rows, to be compared")
        )
        self._keep = button(self.tr("Put into the data"), "try.keep", self._on_keep, tip=keep)
        for part in (self._new, self._again, self._on, self._keep):
            line.addWidget(part)
        line.addStretch(1)
        self._stop = button(self.tr("Stop"), "try.stop", self.stopped.emit)
        tip = self.tr("Show how well the model foretells your text, token by token; nothing is written")
        self._measure = button(self.tr("Measure"), "try.measure", self._on_measure, tip=tip)
        self._measure.setVisible(self._measures)
        send = self.tr("Send") if self._chat else self.tr("Write")
        self._send = button(send, "try.send", self._on_send, kind="primary")
        line.addWidget(self._stop)
        line.addWidget(self._measure)
        line.addWidget(self._send)
        card.body.addLayout(line)
        return card

    def _show_talk(self) -> None:
        """The conversation as it stands, in as many columns as it has."""
        names = (self.tr("You"), self.tr("Model")) if self._chat else (self.tr("Your text"), self.tr("The model"))
        empty = (
            self.tr("Say something below. The answer appears here as it is written.")
            if self._chat
            else self.tr("Begin a text below. What the model makes of it appears here as it is written.")
        )
        while len(self._columns) > len(self._talk.columns):
            gone = self._columns.pop()
            self._side_by_side.removeWidget(gone)
            gone.deleteLater()
        while len(self._columns) < len(self._talk.columns):
            made = TalkColumn(len(self._columns) + 1, names, empty)
            made.looked_at.connect(self.side.token.show_piece)
            self._columns.append(made)
            self._side_by_side.addWidget(made, 1)
        for place, column in enumerate(self._columns):
            column.set_title(self._names[place] if place < len(self._names) else "")
            column.show_turns(self._talk.columns[place])
        self.system.setText(self._talk.system)
        self._show_history()
        self._show_buttons()

    def _show_history(self) -> None:
        self._history.clear()
        for place, talk in enumerate(self._talks):
            title = talk.title or self.tr("New conversation") if self._chat else talk.title or self.tr("New text")
            self._history.addItem(title, place)
        self._history.setCurrentIndex(self._talks.index(self._talk))
        self._history.setEnabled(len(self._talks) > 1)

    def _show_buttons(self) -> None:
        free = not self._writing
        answered = any(turn.role == ASSISTANT for turns in self._talk.columns for turn in turns)
        self._new.setEnabled(free and not self._talk.empty)
        self._again.setEnabled(free and answered)
        self._on.setEnabled(free and (answered or any(turn.read for turns in self._talk.columns for turn in turns)))
        self._keep.setEnabled(free and self._may_keep and self._has_said())
        self._stop.setEnabled(not free)
        for one in (self._send, self._measure):
            one.setEnabled(free and bool(self.text.toPlainText().strip()))
        self._history.setEnabled(free and len(self._talks) > 1)

    def _has_said(self) -> bool:
        """Whether there is something to put into the data."""
        if self._pair_of is None:
            return any(turn.text and not turn.problem for turn in self._talk.columns[0] if turn.role == ASSISTANT)
        last = [turns[-1] for turns in self._talk.columns if turns]
        return len(last) == 2 and all(
            turn.role == ASSISTANT and turn.text.strip() and not turn.problem for turn in last
        )

    # what is done

    def _begin(self) -> None:
        """Another conversation; one in which nothing was said is not kept."""
        system = self._talk.system
        if self._talk.empty:
            self._talks.remove(self._talk)
        self._talk = Talk(columns=[[] for _ in self._names], system=system)
        self._talks.insert(0, self._talk)
        self._writing.clear()
        self._show_talk()

    def _on_send(self) -> None:
        text = self.text.toPlainText()
        told = self.sampling()
        if self._writing or told is None or not text.strip():
            return
        # a text is not gone on with by another, but by Go on
        if len(self._talk.columns) != len(self._names) or not (self._chat or self._talk.empty):
            self._begin()
        self.text.clear()
        for place, turns in enumerate(self._talk.columns):
            turns.append(Turn(role=USER, said=text.strip() if self._chat else text))
            self._columns[place].add(turns[-1])
        self._ask_all(told)
        self._show_history()

    def _on_measure(self) -> None:
        text = self.text.toPlainText()
        if self._writing or not text.strip():
            return
        if len(self._talk.columns) != len(self._names) or not self._talk.empty:
            self._begin()
        self.text.clear()
        for place, turns in enumerate(self._talk.columns):
            turns.append(Turn(role=USER, said=text, read=True))
            self._columns[place].add(turns[-1])
            self._columns[place].show_waiting()
            self._writing.add(place)
            self.asked.emit(place, self._row_of(self._talk.messages(place)), None)
        self._show_history()
        self._show_buttons()

    def _ask_all(self, told: Sampling) -> None:
        for place, turns in enumerate(self._talk.columns):
            row = self._row_of(self._talk.messages(place))
            turns.append(Turn(role=ASSISTANT))
            self._columns[place].add(turns[-1])
            self._columns[place].show_waiting()
            self._writing.add(place)
            self.asked.emit(place, row, told)
        self._show_buttons()

    def _on_again(self) -> None:
        told = self.sampling()
        if self._writing or told is None:
            return
        for place, turns in enumerate(self._talk.columns):
            while turns and turns[-1].role == ASSISTANT:
                turns.pop()
            self._columns[place].show_turns(turns)
        self._ask_all(told)

    def _on_go_on(self) -> None:
        told = self.sampling()
        if not self._writing and told is not None:
            self._ask_all(told)

    def _on_new(self) -> None:
        if not self._writing:
            self._begin()
            self.text.setFocus()

    def _on_history(self, place: int) -> None:
        if not self._writing and 0 <= place < len(self._talks):
            self._talk = self._talks[place]
            self._show_talk()

    def _on_keep(self) -> None:
        if self._writing:
            return
        if self._pair_of is None:
            self.kept.emit(self._row_of(self._talk.messages(0)))
        else:
            self.kept.emit(self._pair_of(self._talk.messages(0), self._talk.messages(1)))

    def _end(self, column: int) -> None:
        self._writing.discard(column)
        self._columns[column].show_end()
        self._show_buttons()
