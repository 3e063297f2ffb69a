"""The engine by itself: `python -m desktop_llm.engine RUN_FOLDER` prints events, one JSON object a line.

Ctrl+C saves a checkpoint and leaves. Exit 0: finished; 1: failed; 3: left with a checkpoint.

As one of several processes, `torchrun --nproc-per-node N --max-restarts 3 -m desktop_llm.engine RUN_FOLDER`, it ends
with 0 after leaving, too, as `torchrun` takes all else for a reason to start again. Without `torchrun` it is one
process, whatever the recipe says. See `engine.ranks`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from pathlib import Path

from desktop_llm.engine import orders, worker
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Beat, Event, Failed, Finished, Interrupted
from desktop_llm.jobs.folder import RunFolder


def main(arguments: list[str]) -> int:
    """Run the folder named by the one argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m desktop_llm.engine RUN_FOLDER\n")
        return 2
    several = "RANK" in os.environ
    if several and _failed_before(Path(arguments[0])):
        return 1
    control = Control()
    signal.signal(signal.SIGINT, lambda *_: control.leave())
    signal.signal(signal.SIGTERM, lambda *_: control.leave())
    heard = orders.listen(control)

    def on_event(event: Event) -> None:
        if heard or not isinstance(event, Beat):
            _say(events.to_line(event))

    end = worker.train_here(arguments[0], on_event, control, as_rank=True)
    if isinstance(end, Finished):
        return 0
    if isinstance(end, Interrupted):
        return 0 if several else 3
    return 1


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:  # whoever listened has gone: the run goes on unheard, and the events are in its file
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until this process ends


def _failed_before(folder: Path) -> bool:
    """Whether `torchrun` only starts again what has already said why it cannot go on."""
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
        return False
    last = deque(RunFolder(folder).read_events(), maxlen=1)
    return bool(last) and isinstance(last[0], Failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
