"""A plot's values and picture as files: whole, or a sentence."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from desktop_llm.errors import UserError
from desktop_llm.widgets.plot import SeriesPlot


def test_values_and_picture_are_saved_whole_or_refused_in_a_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    plot = SeriesPlot("plot")
    qtbot.addWidget(plot)
    plot.add_series("loss")
    plot.append("loss", [1, 2], [0.5, 0.25])
    told: list[UserError] = []
    plot.problem_met.connect(told.append)
    plot.save(tmp_path / "plot.csv", "csv")
    plot.save(tmp_path / "plot.png", "png")
    assert not told
    with (tmp_path / "plot.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["series", "step", "value"], ["loss", "1", "0.5"], ["loss", "2", "0.25"]]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    for kind in ("csv", "png"):
        plot.save(tmp_path / "no such folder" / f"plot.{kind}", kind)
    assert len(told) == 2
    assert all("no such folder" in one.message for one in told)


def test_many_points_are_smoothed_as_one_after_the_other(qtbot: QtBot) -> None:
    many = 12_345  # not a square: the last stretch is shorter
    values = np.random.default_rng(1).normal(size=many)
    smooth = []
    for size in (1, many):  # one by one, and at once
        plot = SeriesPlot(f"plot.{size}")
        qtbot.addWidget(plot)
        plot.add_series("loss", smoothed=True)
        plot.set_smoothing(0.9)
        for start in range(0, many, size):
            plot.append("loss", np.arange(start, min(many, start + size)), values[start : start + size])
        plot.append("loss", [many], [1.0])  # goes on from where the others ended
        curve = plot._curves["loss"].smooth
        assert curve is not None
        smooth.append(curve.points()[1].copy())
    np.testing.assert_allclose(smooth[1], smooth[0], rtol=1e-9, atol=1e-12)
