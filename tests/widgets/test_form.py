"""The form made from a dataclass: what goes in comes out, and only what a person changes is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.recipe import KEYS, Recipe
from desktop_llm.widgets.form import DataForm

ODD = Recipe(
    model="/models/<b>mine</b>",
    learning_rate=3.3e-5,
    adam_epsilon=1.25e-9,
    adam_beta2=0.999999,
    num_train_epochs=0.37,
    intermediate_size=4097,
    hidden_dropout_prob=0.123456789,
    max_steps=100_000_000,
    bf16=False,
    fp16=True,
    group_by_length=False,
    lr_scheduler_type="cosine",
    eval_steps=7,
    seed=2**31 - 1,
)


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """A field whose words look like markup."""

    key: str = field(default="", metadata={"title": "<b>Title</b>", "help": "a < b & <img src=x>"})


def form(qtbot: QtBot, cls: type[Any], keys: tuple[str, ...], values: object, **more: Any) -> DataForm:
    """A form that is shown."""
    made = DataForm(cls, keys, values, "test", **more)
    qtbot.addWidget(made)
    made.show()
    return made


def control(made: DataForm, key: str, kind: type[QWidget]) -> Any:
    """The control of a key, found as a person's tool finds it: by its object name."""
    found = made.findChild(kind, f"test.{key}")
    assert isinstance(found, kind)
    return found


@pytest.mark.parametrize("given", [Recipe(), ODD])
def test_what_goes_in_comes_out(qtbot: QtBot, given: Recipe) -> None:
    made = form(qtbot, Recipe, KEYS, given)
    assert Recipe(**made.values()) == given


def test_showing_values_tells_nobody(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, KEYS, Recipe())
    with qtbot.assertNotEmitted(made.changed):
        made.set_values(ODD)
    assert Recipe(**made.values()) == ODD


def test_a_typed_number_is_told_once_when_the_line_is_left(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("learning_rate", "weight_decay"), Recipe())
    line = control(made, "learning_rate", QLineEdit)
    told: list[tuple[str, object]] = []
    made.changed.connect(lambda key, value: told.append((key, value)))
    line.selectAll()
    QTest.keyClicks(line, "2e-5")
    assert told == []
    QTest.keyClick(line, Qt.Key.Key_Return)
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert told == [("learning_rate", 2e-5)]


def test_a_whole_number_is_told_when_it_is_whole(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("max_length",), Recipe())
    box = control(made, "max_length", QSpinBox)
    told: list[object] = []
    made.changed.connect(lambda _, value: told.append(value))
    box.selectAll()
    QTest.keyClicks(box, "512")
    assert made.values() == {"max_length": 512}
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert told == [512]


@pytest.mark.parametrize("text", ["often", "0", "1e9", ""])
def test_what_is_no_number_of_the_range_is_marked_and_not_told(qtbot: QtBot, text: str) -> None:
    made = form(qtbot, Recipe, ("learning_rate",), Recipe())
    line = control(made, "learning_rate", QLineEdit)
    with qtbot.assertNotEmitted(made.changed):
        line.setText(text)
        line.editingFinished.emit()
    with pytest.raises(ValueError, match="Learning rate"):
        made.values()
    assert [one.text() for one in made.findChildren(QLabel) if one.property("role") == "bad"] == ["Learning rate"]


def test_an_emptied_line_means_automatic(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("intermediate_size", "bf16"), ODD)
    line = control(made, "intermediate_size", QLineEdit)
    assert line.placeholderText() == "Automatic"
    with qtbot.waitSignal(made.changed) as told:
        line.clear()
        line.editingFinished.emit()
    assert told.args == ["intermediate_size", None]
    box = control(made, "bf16", QComboBox)
    box.setCurrentIndex(box.findText("Automatic"))
    assert made.values() == {"intermediate_size": None, "bf16": None}


def test_choices_are_told_by_value(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("lr_scheduler_type",), Recipe())
    box = control(made, "lr_scheduler_type", QComboBox)
    with qtbot.waitSignal(made.changed) as told:
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert told.args == ["lr_scheduler_type", "cosine"]


def test_the_wheel_changes_nothing(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("lr_scheduler_type", "max_length"), Recipe())
    middle = QPointF(5, 5)
    for one in (control(made, "lr_scheduler_type", QComboBox), control(made, "max_length", QSpinBox)):
        wheel = QWheelEvent(
            middle,
            one.mapToGlobal(middle),
            QPoint(0, -120),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(one, wheel)
    assert Recipe(**made.values()) == Recipe()


def test_the_key_stands_in_the_tip_and_words_stay_words(qtbot: QtBot) -> None:
    made = form(qtbot, Hostile, ("key",), Hostile())
    line = control(made, "key", QLineEdit)
    assert "<code>key</code>" in line.toolTip()
    assert "a &lt; b &amp; &lt;img src=x&gt;" in line.toolTip()
    titles = [one for one in made.findChildren(QLabel) if one.text() == "<b>Title</b>"]
    assert [one.textFormat() for one in titles] == [Qt.TextFormat.PlainText]
    assert line.accessibleName() == "<b>Title</b>"


def test_help_can_stand_beside_the_control(qtbot: QtBot) -> None:
    made = form(qtbot, Hostile, ("key",), Hostile(), notes=True)
    assert "a < b & <img src=x>" in [one.text() for one in made.findChildren(QLabel)]


def test_keys_that_are_not_to_be_changed_are_grey(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("seed", "max_length"), Recipe())
    made.set_enabled_keys({"seed"})
    assert control(made, "seed", QSpinBox).isEnabled()
    assert not control(made, "max_length", QSpinBox).isEnabled()


def test_rows_can_be_hidden(qtbot: QtBot) -> None:
    made = form(qtbot, Recipe, ("seed", "max_length"), Recipe())
    made.set_shown("seed", False)
    assert not control(made, "seed", QSpinBox).isVisible()
    assert control(made, "max_length", QSpinBox).isVisible()
