"""What a run will take, measured before it starts in a process of its own."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.jobs import forecast as forecasts
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.forecast import Forecast
from desktop_llm.store.project import Project
from desktop_llm.verbs import training

LOOK_SECONDS = 0.1


@contextmanager
def trial_folder(project_path: Path) -> Iterator[Path]:
    """A folder on the disk of the project's runs, taken away afterwards. Raises UserError.

    Its name is one that opening the project tidies away, should nobody come to it.
    """
    folder = project_path / "runs" / f".preflight.{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise from_os_error(error, "make a folder to measure in", folder) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def freeze_in(path: Path, recipe: Mapping[str, Any], folder: Path) -> None:
    """Freeze a run for measuring into `folder`, for another process: opens the project in `path` by itself."""
    with closing(Project.watch(path)) as project:
        training.freeze(project, recipes.from_json(recipe), 0, folder)


def measure(
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[str], None] = lambda doing: None,
) -> Forecast:
    """Measure the run frozen in `folder`, in a process of its own. Raises UserError; Cancelled, at once."""
    from desktop_llm.engine import measure_worker

    child = Child(measure_worker.measure, str(folder), name="desktop-llm-measure")
    code: int | None = None
    try:
        while not child.ended:
            if should_stop():
                child.kill()
                raise Cancelled
            for told in child.wait(LOOK_SECONDS):
                if "doing" in told:
                    on_progress(str(told["doing"]))
                elif "error" in told:
                    raise UserError(told["error"], details=told.get("details", ""))
                else:
                    found = forecasts.from_json(told["forecast"])
                    if found is not None:
                        return found
    finally:
        code = child.close()
    raise UserError(
        f"The process that measures was ended ({exit_words(code)}); most likely the memory does not suffice. "
        "Take a smaller batch size or model."
    )
