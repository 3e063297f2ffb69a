"""From the start of the process to the first painted window: ours against a bare PySide6 window with a table.

Run by hand: python -m tests.benchmarks.startup [--rounds 10]
Interleaved, median, and the ratio; also names what must not be loaded by then.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QTableWidget
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QTableWidget(100, 4))
window.show()
app.processEvents()
window.repaint()
"""
OURS = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from desktop_llm.gui import theme
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.window import MainWindow
hub = Hub()
theme.apply(app, hub.settings.theme)
window = MainWindow(hub)
window.show()
app.processEvents()
window.repaint()
"""
END = """
import time
heavy = ("torch", "transformers", "polars", "pandas", "sklearn", "sqlite_utils", "pyqtgraph", "numpy")
print(time.time(), *(name for name in heavy if name in sys.modules), flush=True)
import os
os._exit(0)
"""


def _start(code: str, home: str) -> tuple[float, list[str]]:
    """Milliseconds from before the interpreter's start to the painted window, and heavy modules loaded."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "DESKTOP_LLM_HOME": home}
    began = time.time()
    command = [sys.executable, "-c", code + END]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    painted, *loaded = done.stdout.split()
    return (float(painted) - began) * 1000, loaded


def main() -> None:
    """Print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    told = parser.parse_args()
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    loaded: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(told.rounds + 1):
            for name, code in (("bare", BARE), ("ours", OURS)):
                milliseconds, found = _start(code, home)
                times[name].append(milliseconds)
                loaded = found if name == "ours" else loaded
    median = {name: statistics.median(values[1:]) for name, values in times.items()}
    sys.stdout.write(
        f"bare window {median['bare']:.0f} ms, ours {median['ours']:.0f} ms, ratio "
        f"{median['ours'] / median['bare']:.2f}; heavy modules loaded by then: {', '.join(loaded) or 'none'}\n"
    )


if __name__ == "__main__":
    main()
