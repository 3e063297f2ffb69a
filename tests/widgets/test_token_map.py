"""Attention, painted: the cell under the mouse is told, and the keyboard goes from head to head."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.explanation import Attention
from desktop_llm.widgets import theme
from desktop_llm.widgets.token_map import HeadGrid, TokenMap, picture

TOKENS = ("[CLS]", "old", "<b>bread</b>")


@pytest.fixture
def told() -> Attention:
    weights = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 4, 3)).astype(np.float16)
    return Attention(tokens=TOKENS, weights=weights)


def test_deeper_is_more() -> None:
    drawn = picture(np.array([[0.0, 0.25], [1.0, 0.5]]))
    palette = theme.current()
    assert (drawn.width(), drawn.height()) == (2, 2)
    assert drawn.pixelColor(0, 0) == QColor(palette.hover)
    assert drawn.pixelColor(0, 1) == QColor(palette.accent)
    assert drawn.pixelColor(1, 0) not in (QColor(palette.hover), QColor(palette.accent))


def test_a_head_that_looks_everywhere_alike_is_pale() -> None:
    drawn = picture(np.full((20, 20), 1 / 20))
    palette = theme.current()
    told = [QColor(color).lightnessF() for color in (palette.hover, drawn.pixelColor(3, 3), palette.accent)]
    assert abs(told[1] - told[0]) < abs(told[1] - told[2])


def test_tokens_have_names_however_low_the_room(qtbot: QtBot) -> None:
    shown = TokenMap()
    qtbot.addWidget(shown)
    names = tuple(f"token{place}" for place in range(18))
    shown.resize(400, 160)
    shown.show_head(names, np.full((18, 18), 1 / 18))
    shown.resize(shown.minimumSize())
    left, top, side = shown._geometry()
    assert (left, top) > (0, 0)
    assert side >= shown.fontMetrics().height()
    shown.show_head((), None)
    assert shown.minimumHeight() == 160


def test_a_cell_tells_who_takes_from_whom(qtbot: QtBot, told: Attention) -> None:
    shown = TokenMap()
    qtbot.addWidget(shown)
    shown.resize(400, 300)
    shown.show_head(told.tokens, told.weights[1, 2])
    left, top, side = shown._geometry()
    words = shown.words_at(QPointF(left + 2.5 * side, top + 1.5 * side))
    assert words == f"“old” takes {100 * float(told.weights[1, 2, 1, 2]):.0f} % from “<b>bread</b>”"
    assert shown.words_at(QPointF(left - 2, top + 5)) == ""
    assert not shown.grab().isNull()


def test_heads_are_chosen_by_mouse_and_keyboard(qtbot: QtBot, told: Attention) -> None:
    grid = HeadGrid()
    qtbot.addWidget(grid)
    grid.resize(300, 200)
    seen: list[tuple[int, int]] = []
    grid.chosen.connect(lambda layer, head: seen.append((layer, head)))
    grid.show_attention(told)
    place = grid.cell(1, 3).center()
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=QPoint(int(place.x()), int(place.y())))
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(grid, key)
    assert seen == [(1, 3), (1, 2), (0, 2)]  # above the first layer there is none
    grid.show_attention(None)
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton)
    assert len(seen) == 3
