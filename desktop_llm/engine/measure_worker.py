"""The measuring process at the far end of a pipe: what a run will take, said once; importable without torch."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from desktop_llm.engine import worker
from desktop_llm.errors import UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import forecast as forecasts


def measure(folder: str, pipe: Connection) -> None:
    """Measure the run that is frozen in `folder`: {"doing": words} on the way, then {"forecast"} or {"error"}."""
    worker.offline()
    with at_rest():
        from desktop_llm.engine.device import step_aside

    step_aside()

    def say(told: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody listens any more
            pipe.send(told)

    try:
        with at_rest():
            from desktop_llm.engine import preflight

        found = preflight.measure(Path(folder), lambda doing, done, total: say({"doing": doing}))
        say({"forecast": forecasts.to_json(found)})
    except UserError as error:
        say({"error": error.message, "details": error.details})
    except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
        say({"error": f"Measuring met a defect of the program ({type(error).__name__}: {error})."})
