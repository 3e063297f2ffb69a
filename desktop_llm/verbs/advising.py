"""What the watch-dog advises, as something that can be done on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

PROGRAM = "desktop-llm"


def on_the_command_line(action: str, value: Mapping[str, Any], project: str, number: int) -> str:
    """What to do about an advice on run `number`, see `jobs.events.Advised`, in a sentence; '' for nothing."""
    place = shlex.quote(project)
    if action == "stop":
        return f"End it and keep the best: Ctrl+C, then {PROGRAM} resume {place} {number} --stop"
    if action == "restart":
        values = " ".join(f"--set {key}={one}" for key, one in value.items())
        return f"Start again: {PROGRAM} train {place} {values}"
    if action == "rows" and value.get("label"):
        return f"Look at them: {PROGRAM} rows {place} --label {shlex.quote(str(value['label']))}"
    if action == "leakage":
        return f"Look for such texts: {PROGRAM} clean {place} --leaks"
    return ""
