"""The engine by itself: `python -m desktop_llm.engine RUN_FOLDER` prints events, one JSON object a line.

Ctrl+C saves a checkpoint and leaves. Exit 0: finished; 1: failed; 3: left with a checkpoint.
"""

from __future__ import annotations

import signal
import sys

from desktop_llm.engine import worker
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Beat, Event, Finished, Interrupted


def main(arguments: list[str]) -> int:
    """Run the folder named by the one argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m desktop_llm.engine RUN_FOLDER\n")
        return 2
    control = Control()
    signal.signal(signal.SIGINT, lambda *_: control.leave())
    signal.signal(signal.SIGTERM, lambda *_: control.leave())

    def on_event(event: Event) -> None:
        if not isinstance(event, Beat):
            sys.stdout.write(events.to_line(event) + "\n")
            sys.stdout.flush()

    end = worker.train_here(arguments[0], on_event, control)
    if isinstance(end, Finished):
        return 0
    return 3 if isinstance(end, Interrupted) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
