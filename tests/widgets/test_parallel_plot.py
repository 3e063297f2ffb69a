"""Parallel coordinates: lines where their values are, chosen by a click, told in words."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from desktop_llm.widgets.parallel_plot import ParallelPlot, Thread, Upright

AXES = tuple(Upright(title=name, ticks=((0.0, "low"), (1.0, "high"))) for name in ("rate", "size", "figure"))


def _plot(qtbot: QtBot) -> ParallelPlot:
    plot = ParallelPlot("plot", "Trials")
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show_threads(
        AXES,
        [
            Thread(key=3, places=(0.0, 0.0, 0.0), kind="plain", words="the <b>low</b> one"),
            Thread(key=5, places=(1.0, None, 1.0), kind="best", words="the high one"),
            Thread(key=7, places=(0.5, 0.5, 0.5), kind="first", words="the middle"),
        ],
    )
    plot.show()
    qtbot.waitExposed(plot)
    return plot


def test_a_line_is_where_its_values_are(qtbot: QtBot) -> None:
    plot = _plot(qtbot)
    low, high, middle = (plot.points(one) for one in plot.threads())
    assert [point.y() for point in low[0]] == [low[0][0].y()] * 3
    assert low[0][0].y() > middle[0][0].y() > high[0][0].y()  # upwards is more
    assert [len(piece) for piece in high] == [1, 1]  # broken where it has no place
    xs = [point.x() for point in low[0]]
    assert xs == sorted(xs)
    assert xs[1] - xs[0] == xs[2] - xs[1]
    assert "the middle" in plot.accessibleName()


def test_a_click_chooses_the_line_under_it(qtbot: QtBot) -> None:
    plot = _plot(qtbot)
    low = plot.points(plot.threads()[0])[0]
    between = QPoint(round((low[0].x() + low[1].x()) / 2), round(low[0].y()) - 3)
    with qtbot.waitSignal(plot.chosen) as told:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=between)
    assert told.args == [3]
    with qtbot.assertNotEmitted(plot.chosen):
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=between - QPoint(0, 30))


def test_all_kinds_of_lines_are_drawn_and_the_marked_one_most_strongly(qtbot: QtBot) -> None:
    plot = _plot(qtbot)
    before = plot.grab().toImage()
    plot.mark(3)
    after = plot.grab().toImage()
    assert before != after
    plot.show_threads([], [])  # nothing yet
    assert plot.grab().toImage() != after
    plot.show_threads(AXES[:1], [Thread(key=1, places=(0.3,), kind="faint", words="one axis")])
    assert not plot.grab().isNull()
