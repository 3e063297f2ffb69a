"""Let an export answer other programs: looked at before anything is started, then served until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import formats
from desktop_llm.jobs.model_note import task_of
from desktop_llm.serving import place as places
from desktop_llm.serving.place import Place
from desktop_llm.store.project import is_project
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.serving.server import Server

MODULES = ("fastapi", "uvicorn")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model.onnx")


def missing() -> str:
    """The sentence on what has to be installed first; '' where all is there."""
    names = formats.lacking(MODULES)
    if not names:
        return ""
    return (
        f"Serving needs {', '.join(names)}, which this installation does not have; add it with: "
        f"{formats.command(MODULES)}"
    )


def check(folder: Path, place: Place) -> None:
    """Raise UserError for a folder that cannot be served, or a place where it may not be."""
    lacking = missing()
    if lacking:
        raise UserError(lacking)
    places.check(place)
    if is_project(folder):
        raise UserError(f"“{folder}” is a project; export one of its runs, and serve that folder.")

    task = task_named(task_of(folder))
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise UserError(f"“{folder}” has no weights that are served here; export as a Hugging Face folder or ONNX.")
    if task.writes and not any((folder / name).is_file() for name in WEIGHTS[:2]):
        raise UserError("Models that write are served from a Hugging Face folder; export the run as one.")


def start(folder: Path, place: Place) -> Server:
    """A server with its model loaded, in this process. Raises UserError."""
    from desktop_llm.engine import worker

    worker.offline()
    check(folder, place)
    with at_rest():
        from desktop_llm.serving import server

    return server.ready(folder, place)


def process() -> Callable[..., None]:
    """What a process of its own is started with: `process()(folder, place, pipe)`."""
    from desktop_llm.serving import process as made

    target: Callable[..., None] = made.serve
    return target


def words(told: dict[str, Any]) -> str:
    """What a server has done, in words."""
    done = f"{told['requests']:,} requests"
    if told["refused"]:
        done += f", {told['refused']:,} refused"
    if told["median_ms"]:
        done += f", median {told['median_ms']:.0f} ms"
    return done
