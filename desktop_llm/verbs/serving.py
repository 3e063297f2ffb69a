"""Let an export answer other programs: looked at before anything is started, then served until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import formats
from desktop_llm.jobs.model_note import task_of
from desktop_llm.rows import Rejected
from desktop_llm.serving import place as places
from desktop_llm.serving.address import Address
from desktop_llm.serving.place import Place
from desktop_llm.store.project import is_project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import exporting, predicting

if TYPE_CHECKING:
    from desktop_llm.serving.load import Loaded
    from desktop_llm.serving.server import Server

MODULES = ("fastapi", "uvicorn")
MOST_TEXTS = 10_000
POLL = 0.1
Progress = Callable[[float, str], object]
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
    lacking = unfit(folder)
    if lacking:
        raise UserError(lacking)


def unfit(folder: Path) -> str:
    """Why a folder cannot be served, in a sentence; '' where it can."""
    try:
        writes = task_named(task_of(folder)).writes
    except UserError as error:
        return error.message
    there = [(folder / name).is_file() for name in WEIGHTS]
    if (writes or formats.goes_on(exporting.config_of(folder))) and not any(there[:2]):
        what = "Models that write" if writes else "Models that are asked by a prompt"
        return f"{what} are served from a Hugging Face folder; export the run as one."
    if not any(there):
        return f"“{folder}” has no weights that are served here; export as a Hugging Face folder or ONNX."
    return ""


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


def load(address: Address, clients: int, seconds: float, given: str = "") -> Loaded:
    """Ask a server from so many sides for so many seconds, about the rows of a file or some of our own.

    Raises UserError.
    """
    from desktop_llm.serving import load as loading
    from desktop_llm.serving.client import Client

    if not given:
        return loading.put(address, clients=clients, seconds=seconds)
    with Client(address) as one:
        about = one.about()
    rows = islice(predicting.rows_of(given, about.task), MOST_TEXTS)
    texts = [next(iter(row.values())) for row in rows if not isinstance(row, Rejected)]
    if not texts:
        raise UserError(f"“{given}” has no text to ask about.")
    return loading.put(address, clients=clients, seconds=seconds, texts=texts)


def load_apart(address: Address, on_progress: Progress, should_stop: Callable[[], bool]) -> Loaded:
    """The usual load by a process of its own, beside the window's and the server's. Raises UserError, Cancelled."""
    from desktop_llm.serving import load as loading

    try:
        child = Child(loading.work, address, loading.CLIENTS, loading.SECONDS, name="desktop-llm-load")
    except OSError as error:
        raise UserError(f"No process could be started ({error}); close other programs and try again.") from error
    try:
        while not child.ended:
            for told in child.wait(POLL):
                if "error" in told:
                    raise UserError(str(told["error"]))
                if "loaded" in told:
                    found: Loaded = told["loaded"]
                    return found
                on_progress(told["done"], told["words"])
            if should_stop():
                raise Cancelled
    finally:
        child.kill()
        code = child.close()
    raise UserError(f"The process that asks the server has ended ({exit_words(code)}); try again.")


def words(told: dict[str, Any]) -> str:
    """What a server has done, in words."""
    done = f"{told['requests']:,} requests"
    if told["refused"]:
        done += f", {told['refused']:,} refused"
    if told["median_ms"]:
        done += f", median {told['median_ms']:.0f} ms"
    return done
