"""Pack a run for a server: one ZIP with the run folder, the program's engine, and how to start it there.

While it is away the run trains nowhere here. `verbs.returning` takes it back.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import desktop_llm
from desktop_llm import atomic, settings
from desktop_llm.data import run_pack
from desktop_llm.data.run_pack import ENDING, JOB, PROGRAM, RUN, OnBytes, Packing
from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.jobs import forecast, renting, server, snapshot
from desktop_llm.jobs import job as jobs
from desktop_llm.jobs.folder import START, RunFolder, steps
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.jobs.server import Server
from desktop_llm.paths import expanded
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.store.runs import HALF_HERE, SENDABLE, Run
from desktop_llm.verbs import foretelling, personal, queueing, teaching, training

ROOMS = ("catalog", "engine", "evidence", "jobs", "loop", "nets", "tasks")
"""What of the program a server needs: all that the engine stands upon."""
WINDOW = ("__main__.py", "app.py", "cli.py", "screen.py")
"""Files of it that only the window or the command line needs, outside the engine's own room."""
LIBRARIES = (
    "torch", "transformers", "tokenizers", "safetensors", "peft", "accelerate", "numpy", "scipy", "scikit-learn",
    "psutil", "appdirs", "nvidia-ml-py", "bitsandbytes",
)  # fmt: skip
OPTIONAL = {"bitsandbytes"}
MODEL_FILES = {".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken", ".md"}
"""Endings of what is packed of a model folder; LICENSE, which has none, goes along."""
PROGRAM_BYTES = 600_000
BYTES_A_CHARACTER = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A run that was packed into `path`, `bytes` long; `line` starts it where it was copied to."""

    number: int
    path: Path
    bytes: int
    line: str
    changes: Changes


def pack(
    project: Project,
    number: int,
    path: Path,
    asked: Server,
    *,
    replace_it: bool = False,
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Packed:
    """Write run `number` to the new file `path`; it is on a server from then on. Raises UserError, Cancelled.

    Then there is no file, and the run stands as it was. `replace_it`: instead of a file that is there.
    """
    server.check(asked)
    _must_be_free(project, path, replace_it=replace_it)
    return _pack(project, packable(project, number), path, asked, on_progress, should_stop)


def _pack(
    project: Project,
    run: Run,
    path: Path,
    asked: Server,
    on_progress: Callable[[float, str], None],
    should_stop: Callable[[], bool],
) -> Packed:
    number = run.number
    teaching.must_not_be_needed(run)
    personal.must_be_reviewed(project, number)
    folder = project.runs.folder(number)

    def look() -> bool:
        if should_stop():
            raise Cancelled
        on_progress(0.0, "")
        return False

    files = list(_files(folder, folder.job(), look))
    total = sum(source.stat().st_size for _, source in files)
    told, message = _note(folder, path)
    # first of all: nobody is to start it meanwhile
    changes = project.runs.send_away(number, told, message, states=(run.state,))
    try:
        on_bytes = run_pack.counter(total, on_progress, should_stop)
        _write(project, run, path, asked, files, on_bytes)
    except BaseException:  # it stays, whatever stopped us; then the reason goes on up
        project.runs.put_back(run)
        raise
    line = unpack_line(path, number, asked)
    return Packed(number=number, path=path, bytes=path.stat().st_size, line=line, changes=changes)


def pack_new(
    project: Project,
    recipe: Recipe,
    path: Path,
    asked: Server,
    *,
    replace_it: bool = False,
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Packed:
    """Freeze rows and labels as they are now into a run, and pack it. Raises UserError, Cancelled: there is no run."""
    server.check(asked)
    _must_be_free(project, path, replace_it=replace_it)
    number, _ = training.prepare(project, recipe, here=False)
    try:
        return _pack(project, project.runs.get(number), path, asked, on_progress, should_stop)
    except BaseException:  # nobody asked for a run that waits here; then the reason goes on up
        with suppress(UserError):
            project.runs.enqueue(number)
            queueing.remove(project, number)
        raise


def call_back(project: Project, number: int) -> Changes:
    """Wait no longer for a run that is on a server: it can be trained here. Raises UserError."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    run = project.runs.get(number)
    if run.server.get(HALF_HERE):
        raise UserError(f"Run {number} is half here, as taking it back was broken off; take it back once more.")
    words = "Called back from the server; Resume trains it here. What the server does with it cannot come in then."
    return project.runs.put_back(replace(run, state="interrupted"), words)


def packable(project: Project, number: int) -> Run:
    """The run, when it may go to a server. Raises UserError that says why not."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    run = project.runs.get(number)
    run.must_be_here()
    if run.state not in SENDABLE:
        ended = run.state in ("finished", "stopped")
        what = "has ended; train it longer, or start a new one" if ended else f"is {run.state}; stop it first"
        raise UserError(f"Run {number} {what}.")
    return run


def size(project: Project, number: int | None, recipe: Recipe) -> int:
    """About how many bytes the pack of a run will have; of one that is still to be made where there is no `number`."""
    if number is not None:
        folder = project.runs.folder(number)
        return PROGRAM_BYTES + sum(source.stat().st_size for _, source in _run_files(folder, folder.job()))
    start = sum(one.stat().st_size for one in _model_files(recipe))
    return PROGRAM_BYTES + start + round(BYTES_A_CHARACTER * project.items.characters())


def hours(project: Project, recipe: Recipe, gpus: int) -> int:
    """How many hours to ask a server for, by what was measured of the recipe here; a day where nothing was."""
    costly = forecast.costly(recipe)
    found = next((one for one in foretelling.kept(project) if one.recipe == costly), None)
    if found is None:
        return server.HOURS
    quotes = renting.quotes(renting.from_text(settings.load().gpu_prices), found.flops, found.slices, found.memory)
    slowest = max((one.seconds for one in quotes), default=0.0)
    if not slowest:
        return server.HOURS
    wanted = server.SAFETY * (slowest / max(1, gpus) + renting.SETTLING_SECONDS) / 3600
    return min(server.MOST_HOURS, max(1, math.ceil(wanted)))


def packed_job(job: Job, asked: Server) -> Job:
    """The job as it travels: its model folder lies in the run folder, and it runs on what there is."""
    fitting = {"auto", "cuda"} if asked.gpus else {"auto", "cpu"}
    device = job.recipe.device if job.recipe.device in fitting else "auto"
    return replace(job, recipe=replace(job.recipe, model=start_of(job.recipe), device=device))


def start_of(recipe: Recipe) -> str:
    """What a recipe starts from, by its name in the run folder that travels."""
    return SCRATCH if recipe.model == SCRATCH else START


def name_of(number: int) -> str:
    """What a run is called on a server."""
    return f"run-{number:04d}"


def unpack_line(path: Path, number: int, asked: Server) -> str:
    """What to type on the server beside the file."""
    return f"unzip {shlex.quote(path.name)} && cd {name_of(number)} && {server.start_line(asked)}"


def _must_be_free(project: Project, path: Path, *, replace_it: bool) -> None:
    if path.suffix.casefold() != ENDING:
        raise UserError(f"The name of the file ends in {ENDING}: call it “{path.name}{ENDING}”.")
    if path.resolve().is_relative_to(project.path.resolve()):
        raise UserError("The file would lie in the project's own folder; choose another place.")
    if path.exists() and not replace_it:
        raise UserError(f"“{path}” is there already; choose another name.")


def _note(folder: RunFolder, path: Path) -> tuple[dict[str, object], str]:
    """What the project remembers of it, and what it says."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = folder.events_file.stat().st_size if folder.events_file.exists() else 0
    told = {"at": now, "file": path.name, "events": said}
    return told, f"Packed for a server on {now[:10]} as {path.name}; take it back when it has trained there."


def _write(
    project: Project, run: Run, path: Path, asked: Server, files: list[tuple[str, Path]], on_bytes: OnBytes
) -> None:
    name, job = name_of(run.number), project.runs.folder(run.number).job()
    title = (
        f"Run {run.number} of the project “{project.name}”, packed by desktop_llm {desktop_llm.__version__} "
        f"on {datetime.now(UTC):%Y-%m-%d}"
    )
    back = f"desktop-llm take-back {shlex.quote(project.path.name)} back.zip"
    with run_pack.packing(path, name, on_bytes) as packed:
        _put_words(packed, asked, server.readme(asked, title=title, back=back), name)
        told = jobs.to_json(packed_job(job, asked))
        packed.put(f"{RUN}/{JOB}", (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode())
        for inside, source in files:
            try:
                packed.copy(inside, source)
            except FileNotFoundError as error:
                raise from_os_error(error, "pack", source) from error


def _put_words(packed: Packing, asked: Server, readme: str, name: str) -> None:
    packed.put("README.txt", readme.encode())
    packed.put("run.sh", server.script(asked, name).encode())
    packed.put("run.slurm", server.slurm(asked, name).encode())
    packed.put("requirements.txt", _requirements().encode())


def _requirements() -> str:
    """The versions that run here, without the mark of a build (`+cpu`), which a server has another of."""
    lines = []
    for name in LIBRARIES:
        try:
            version = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            if name not in OPTIONAL:
                lines.append(name)
            continue
        lines.append(f"{name}=={version}")
    return "\n".join(lines) + "\n"


def _files(folder: RunFolder, job: Job, look: Callable[[], bool]) -> Iterator[tuple[str, Path]]:
    yield from _program()
    yield from _run_files(folder, job, look)


def _program() -> Iterator[tuple[str, Path]]:
    root = Path(desktop_llm.__file__).parent
    found = [path for path in root.glob("*.py") if path.name not in WINDOW]
    for room in ROOMS:
        found += [path for path in (root / room).rglob("*.py") if room == "engine" or path.name not in WINDOW]
    if not found:
        raise UserError("This build of the program holds no source to pack; install it with pip to train on a server.")
    for path in sorted(found):
        yield f"{PROGRAM}/desktop_llm/{path.relative_to(root).as_posix()}", path


def _run_files(folder: RunFolder, job: Job, look: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, Path]]:
    """All that the run needs to begin, or to go on from its newest whole checkpoint. Raises UserError.

    `look` is asked between the parts that are looked through whether to stop; it may raise, too.
    """
    look()
    wrong = snapshot.look_through(folder.snapshot, should_stop=look).damage
    if wrong:
        raise UserError(wrong)
    kept = [folder.snapshot, folder.model, folder.adapter, folder.checkpoints / "best"]
    kept += islice((path for path in steps(folder.checkpoints) if not atomic.damage(path, between=look)), 1)
    kept += sorted(folder.dynamics.glob("[!.]*"))
    for part in kept:
        for path in sorted(part.rglob("*")):
            if path.is_file():
                yield f"{RUN}/{path.relative_to(folder.path).as_posix()}", path
    if folder.events_file.exists():
        yield f"{RUN}/{folder.events_file.name}", folder.events_file
    for path in _model_files(job.recipe):
        yield f"{RUN}/{START}/{path.name}", path


def _model_files(recipe: Recipe) -> list[Path]:
    """What is packed of the model folder that a recipe starts from; nothing of a pickle, nothing of its subfolders."""
    if recipe.model == SCRATCH:
        return []
    folder = expanded(recipe.model)
    if not folder.is_dir():
        raise UserError(f"The model folder “{folder}” is gone; put it back to pack the run.")
    licence = {"LICENSE", "LICENCE", "NOTICE"}
    found = [one for one in sorted(folder.iterdir()) if one.suffix in MODEL_FILES or one.name in licence]
    return [one for one in found if one.is_file()]
