"""A plot's values and picture as files: whole, or a sentence."""

from __future__ import annotations

import csv
from pathlib import Path

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
