"""How fluid a text of 100,000 characters with 2,000 spans stays: from a key, or a move of the mouse, to the repaint.

Run by hand: python -m tests.benchmarks.spans [--rounds 400]
The text is English in paragraphs, one paragraph without an end, Chinese without spaces, and Arabic with emoji. Keys go
through the Label page of the real window; those that change spans write them to the project's disk. Prints p50, p95
and p99 in milliseconds, of the clock and of what the window's thread worked (wanted: p99 below 30, of keys that change
spans p50 below 10), and how long it takes from asking for the text to its first repaint. On a busy machine only the
thread's own time says anything.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("DESKTOP_LLM_HOME", tempfile.mkdtemp(prefix="desktop_llm-bench-"))

from PySide6.QtCore import QEvent, QEventLoop, QPointF, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_llm.gui import garbage, precedence, theme
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.tasks.token_tagging.screen import Editor
from tests.tasks.token_tagging.texts import make, span

SIZE, SPANS = 100_000, 2_000
Took = tuple[float, float]
"""Milliseconds of the clock, and those that the window's thread worked."""
WORDS = {
    "paragraphs": ("Anna", "flew", "to", "Berlin", "and", "saw", "the", "museum,", "then", "left.\n\n"),
    "one paragraph": ("Anna", "flew", "to", "Berlin", "and", "saw", "the", "museum,", "then", "left."),
    "Chinese": ("北京大学", "是", "中国", "的", "一所", "综合性", "大学", "，", "位于", "海淀区。"),
    "Arabic": ("سافرت", "ليلى", "إلى", "برلين", "😀", "يوم", "الاثنين", "ثم", "Siemens", "زارت"),
}
MOVES = (
    *("Right", "Ctrl+Right", "Down", "PgDown", "Shift+Right", "Shift+Down", "Alt+Right", "Alt+Left", "Up"),
    "Ctrl+End",
)
CHANGES = (
    *("Shift+Right", "2", "Shift+Left", "3"),  # an edge further, another label, the edge back, the label back
    *("Del", "Ctrl+Shift+Right", "1", "Alt+Right", "Alt+Right"),  # away, a word selected, a new span; on to the next
)
NO_CHANGE = ("Ctrl+Shift+Right", "Alt+Right")


def text_and_spans(name: str) -> tuple[str, list[dict[str, object]]]:
    """A text of SIZE characters with SPANS spans spread over it."""
    source, parts, size = random.Random(1), [], 0
    space = "" if name == "Chinese" else " "
    while size < SIZE:
        word = source.choice(WORDS[name]) + space
        parts.append((size, word))
        size += len(word)
    text = "".join(word for _, word in parts)[:SIZE].strip()
    chosen = sorted(source.sample(range(len(parts) - 2), SPANS))
    labels = ("person", "place", "地点")
    return text, [
        span(parts[place][0], parts[place][0] + len(parts[place][1].strip()), source.choice(labels)) for place in chosen
    ]


class Bench:
    """The window on its Label page."""

    def __init__(self, app: QApplication, window: MainWindow) -> None:
        """The project is open."""
        self._app, self._window = app, window
        page = window.page("label")
        assert isinstance(page, LabelPage)
        self.page = page

    @property
    def editor(self) -> Editor:
        """The task's editor."""
        found = self._window.findChild(Editor, "label.editor")
        assert isinstance(found, Editor)
        return found

    def rest(self, seconds: float = 0.3) -> None:
        """Let everything that waits be done."""
        until = time.monotonic() + seconds
        while time.monotonic() < until or not self._window.hub.background.idle:
            self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)

    def open(self, number: int) -> float:
        """Ask for a row; milliseconds to its first repaint."""
        began = time.perf_counter()
        self.page.opened(item=number)
        self.editor.spans.viewport().repaint()
        took = (time.perf_counter() - began) * 1000
        self.rest()
        return took

    def times(self, do: Callable[[str], None], what: Sequence[str], rounds: int) -> list[Took]:
        """What it takes from doing each to the end of the repaint that it asks for."""
        view, took = self.editor.spans.viewport(), []
        for place in range(rounds):
            told = what[place % len(what)]
            began, worked = time.perf_counter(), time.thread_time()
            do(told)
            view.repaint()
            if told not in NO_CHANGE or what is not CHANGES:
                took.append(((time.perf_counter() - began) * 1000, (time.thread_time() - worked) * 1000))
            self._app.processEvents()
        self.rest()
        return took

    def press(self, key: str) -> None:
        """A key in the page."""
        QTest.keySequence(self.page, QKeySequence(key))

    def scroll(self, to: str) -> None:
        """To another place of the text."""
        self.editor.spans.verticalScrollBar().setValue(int(to))

    def drag(self, where: str) -> None:
        """The mouse, its button held, to another place; or wheel down."""
        view = self.editor.spans.viewport()
        x, y = (float(part) for part in where.split())
        point = QPointF(x, y)
        kind, button = QEvent.Type.MouseMove, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, point, view.mapToGlobal(point), Qt.MouseButton.NoButton, button, none)
        self._app.sendEvent(view, event)


def _tell(name: str, took: list[Took]) -> None:
    for what, values in (name, [one[0] for one in took]), ("  worked", [one[1] for one in took]):
        cuts = statistics.quantiles(values, n=100)
        sys.stdout.write(
            f"  {what:18s} p50 {cuts[49]:6.2f}   p95 {cuts[94]:6.2f}   p99 {cuts[98]:6.2f}   most {max(values):6.2f}\n"
        )
    sys.stdout.flush()


def main() -> None:
    """Every text: opened, moved in, changed, dragged over, scrolled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    app = QApplication([])
    theme.apply(app, "light")
    path = Path(tempfile.mkdtemp(prefix="desktop_llm-bench-")) / "Long"
    make(path, [text_and_spans(name) for name in WORDS]).close()
    hub = Hub()
    precedence.take()
    garbage.keep_to_this_thread(app)
    garbage.spare(hub)
    window = MainWindow(hub)
    window.resize(1920, 1080)
    window.show()
    bench = Bench(app, window)
    window.hub.open_project(path, then_page="label")
    bench.rest(2 * garbage.SETTLED_MS / 1000)
    for number, name in enumerate(WORDS, 1):
        sys.stdout.write(f"{name}\n  first repaint {bench.open(number):6.1f} ms\n")
        bench.press("Ctrl+Home")
        _tell("keys that move", bench.times(bench.press, MOVES, rounds))
        bench.press("Ctrl+Home")
        bench.press("Alt+Right")
        _tell("keys that change", bench.times(bench.press, CHANGES, rounds))
        view = bench.editor.spans.viewport()
        QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.rect().center())
        source = random.Random(2)
        places = [f"{source.randrange(view.width())} {source.randrange(view.height())}" for _ in range(50)]
        _tell("selecting", bench.times(bench.drag, places, rounds))
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton)
        bar = bench.editor.spans.verticalScrollBar()
        steps = [str(source.randrange(bar.maximum())) for _ in range(50)]
        _tell("scrolling", bench.times(bench.scroll, steps, rounds))
    window.leave()


if __name__ == "__main__":
    main()
