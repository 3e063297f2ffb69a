"""The contract between the pages and a task's `screen` room: the widgets that only the task can draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.keymap import Command as Command  # editors know it from here


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassInfo:
    """A class of the label schema: its id in the project, name, colour (#rrggbb), key and use count.

    `description` says what it means; an `archived` one is shown where it is the label, and not offered for choosing.
    """

    id: int
    name: str
    color: str
    key: str
    count: int
    description: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """An item as a screen shows it: content fields by name, extra columns, stored label value or None.

    `draft`: the value is kept for whoever comes back, and is not given as a label yet.
    """

    id: int
    content: Mapping[str, str]
    extra: Mapping[str, str]
    value: Any | None
    suggestion: Prediction | None
    position: int
    total: int
    source: str
    draft: bool = False


class LabelEditor(QWidget):
    """The part of the Label page in which a label is made.

    Signals: `chosen(value)`: the person gave this stored label value and goes on to the next row; `edited(value)`:
    gave it, None for none, and stays with this row, as there may be more to add; `edit_classes_asked()`;
    `asked(action)`: the person wants what the page calls next, previous or skip.

    An editor in which texts are written has a focus proxy, which gets the keyboard when the page does.
    """

    chosen = Signal(object)
    edited = Signal(object)
    edit_classes_asked = Signal()
    asked = Signal(str)
    writes: bool = False
    """Whether somebody is writing: what is `edited` then, one time after the other, is one step to undo."""
    can_list: ClassVar[bool] = False
    """Whether one key or click makes a whole label (by `chosen`), so that many rows can be given it at once."""

    def commands(self) -> Sequence[Command]:
        """What keys do here beside those of the page and of the labels; they come before the page's own."""
        return ()

    def do(self, command: str) -> None:
        """Do one of the `commands`."""

    def confirm(self) -> bool:
        """Give what stands as the label and go on (by `chosen`); False where there is nothing to confirm.

        Where it returns False, a suggestion that waits is accepted instead.
        """
        return False

    def settle(self) -> None:
        """Give now, by `edited`, what was written a moment ago: this row is about to go."""

    def let_write(self, allowed: bool) -> None:
        """Whether anything can be kept: no text is to be typed that would be lost."""

    def set_switches(self, switches: Mapping[str, bool]) -> None:
        """Follow what the project has chosen of the task's `switches`."""

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """Show these classes."""
        raise TypeError("each screen draws its own")

    def show_item(self, item: ShownItem | None) -> None:
        """Show an item; None: there is none to label. The same one again keeps what is selected in it."""
        raise TypeError("each screen draws its own")

    def set_foot(self, foot: QWidget) -> None:
        """Show the page's own `foot` below the item."""
        raise TypeError("each screen draws its own")

    def show_list(self, listing: QWidget | None) -> None:
        """Show the page's list of rows in the item's place, None: the item again. Only asked of those that `can_list`.

        What is `chosen` meanwhile is for the rows that are selected in the list.
        """

    def set_keys(self, told: Mapping[str, str]) -> None:
        """The keys of the page's commands in words, by command name, for hints; '' where a command has none."""

    def set_recent(self, values: Sequence[tuple[Any, str]]) -> None:
        """The labels given last, the newest first, each with its key in words; only asked of those that `can_list`."""

    def focus_filter(self) -> None:
        """Go to where labels are found by typing, if there is such a place."""

    def key_for_label(self, text: str) -> bool:
        """Handle a typed character that may choose a label; True when it was used."""
        raise TypeError("each screen draws its own")


class ResultView(QWidget):
    """The part of the Results page that draws `Scores.details` of a run.

    Signals: `rows_asked(truth, predicted)`: open in Label the rows with this true and this predicted label
    (either may be None for "any"); `these_asked(ids, words)`: open these rows, which `words` describe.
    """

    rows_asked = Signal(object, object)
    these_asked = Signal(object, str)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw; an empty mapping clears."""
        raise TypeError("each screen draws its own")


class TryView(QWidget):
    """The part of the Try it page: input, and the answer beside it.

    Signals: `asked(row)` with content fields, all of them empty when there is nothing to ask.
    """

    asked = Signal(dict)

    def put(self, row: Mapping[str, str]) -> None:
        """Show content fields as if somebody had typed them; they are asked about."""
        raise TypeError("each screen draws its own")

    def show_waiting(self) -> None:
        """The model was asked and has not answered; the first time it has to be loaded."""
        raise TypeError("each screen draws its own")

    def show_answer(self, prediction: Prediction, milliseconds: float) -> None:
        """Show what the model says."""
        raise TypeError("each screen draws its own")

    def show_problem(self, sentence: str) -> None:
        """Show one sentence instead of an answer."""
        raise TypeError("each screen draws its own")


class WritingView(QWidget):
    """The Try it page of a task whose models write: what is said to one or two of them, and what they write.

    Signals: `asked(column, row, Sampling)`: the model of a column is to go on from content fields, or where there is
    None for a Sampling to say how it foretells their text; `stopped()`: enough has been said; `kept(row)`: content
    fields that are to become a row of the project.
    """

    asked = Signal(int, dict, object)
    stopped = Signal()
    kept = Signal(dict)

    def show_names(self, names: Sequence[str]) -> None:
        """What the models are called, one a column."""
        raise TypeError("each screen draws its own")

    def let_keep(self, allowed: bool) -> None:
        """Whether anything can become a row now."""
        raise TypeError("each screen draws its own")

    def sampling(self) -> Sampling | None:
        """How models are set to write; None where a setting is none, which it says."""
        raise TypeError("each screen draws its own")

    def show_pieces(self, column: int, pieces: Sequence[Piece]) -> None:
        """A model has written more."""
        raise TypeError("each screen draws its own")

    def show_ending(self, column: int, ending: Ending) -> None:
        """A model has stopped."""
        raise TypeError("each screen draws its own")

    def show_problem(self, column: int, sentence: str) -> None:
        """A model writes nothing, or no more, for this reason."""
        raise TypeError("each screen draws its own")


class ScreenRoom(Protocol):
    """The function of every task's `screen` module."""

    def label_editor(self, parent: QWidget | None = None) -> LabelEditor:
        """The editor for labels."""


@runtime_checkable
class ModelRoom(Protocol):
    """The further functions of a `screen` module whose task has a model."""

    def result_view(self, parent: QWidget | None = None) -> ResultView:
        """The view of a run's details."""

    def try_view(self, parent: QWidget | None = None) -> TryView | WritingView:
        """The view to try a model by hand; a WritingView where the task `writes`."""
