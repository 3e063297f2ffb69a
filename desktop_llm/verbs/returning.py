"""Take back a run that was packed for a server: its files into the run folder, its events into the project.

All of it is judged before anything is touched. The same return twice changes nothing; neither does one that is older
than what is here. An unfinished run can be taken back again later, for what it has done since.
"""

from __future__ import annotations

import io
import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop_llm import atomic
from desktop_llm.data import run_pack
from desktop_llm.data.run_pack import JOB, LARGEST_JOB, Files, OnBytes
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import job as jobs
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Event, Finished
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.store.runs import ALIVE, AWAY, HALF_HERE, Run
from desktop_llm.verbs import packing

EVENTS = "events.jsonl"
BASE, ADAPTER = "base.json", "adapter_config.json"
"""Notes of what an adapter stands upon, which name a folder."""
LEFT = (
    "Taken back from a server before its end. If it still trains there, take it back again later; Resume goes on from "
    "here instead."
)
BROKEN_OFF = "Taking it back from a server was broken off, so part of it is here; take it back once more."
Relation = Literal["same", "newer", "older", "apart"]
NOTHING = Changes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """How a run stands after it was taken back; `new` is False where nothing had come that was not here already.

    `left_out` names checkpoints that were damaged.
    """

    run: Run
    new: bool
    left_out: tuple[str, ...] = ()
    changes: Changes = NOTHING


def take(
    project: Project,
    path: Path,
    *,
    on_progress: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Returned:
    """Take the run in the folder or ZIP `path` back. Raises UserError, Cancelled; then all is as it was.

    Only where the disk fails while its files are put in place it stays on a server, to be taken back once more.
    """
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    with run_pack.opened(path) as files, _staging(project) as staging:
        job = _job(files, staging.path, path)
        run = _must_be_ours(project, job, path)
        if EVENTS not in files:
            raise UserError(f"Run {run.number} in “{path.name}” has not begun: there is no {EVENTS}; start it there.")
        folder = project.runs.folder(run.number)
        relation = _compare(folder.events_file, run_pack.pieces(files, EVENTS))
        if relation == "apart":
            raise UserError(
                f"Run {run.number} went on here after it was packed, so what comes from the server is no longer the "
                "same run; start a new one there, or keep this one."
            )
        if not _is_new(run, folder, relation):
            return Returned(run=run, new=False)
        with _kept_away(project, run):
            total = sum(one.size for name, one in files.items() if name != JOB)
            _stage(files, staging, run_pack.counter(total, on_progress, should_stop))
            left_out = _judge(staging, job, path)
            _rehome(staging, folder.job().recipe.model)
        with _half_here(project, run):
            _place(staging, folder)
        changes = _take_in(project, run.number)
    return Returned(run=project.runs.get(run.number), new=True, left_out=left_out, changes=changes)


@contextmanager
def _staging(project: Project) -> Iterator[RunFolder]:
    """A folder beside the project's runs that is gone afterwards; opening the project tidies it away, too."""
    path = project.path / "runs" / f".return.{secrets.token_hex(4)}.part"
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise from_os_error(error, "make a folder to take the run into", path) from error
    try:
        yield RunFolder(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _kept_away(project: Project, run: Run) -> Iterator[None]:
    """Let nobody go on with the run here while it is looked through; where that fails it stands as before."""
    if run.state != AWAY:
        project.runs.send_away(run.number, run.server, run.message, states=(run.state,))
    try:
        yield
    except BaseException:  # then the reason goes on up
        if run.state != AWAY:
            with suppress(UserError):  # it was called back meanwhile
                project.runs.put_back(run)
        raise


@contextmanager
def _half_here(project: Project, run: Run) -> Iterator[None]:
    """While its files are put in place; where that fails, it stays away, and all that is left is to take it again."""
    project.runs.send_away(run.number, {**run.server, HALF_HERE: True}, BROKEN_OFF, states=(AWAY,))
    yield
    told = {name: value for name, value in run.server.items() if name != HALF_HERE}  # of an earlier time
    project.runs.send_away(run.number, told, run.message, states=(AWAY,))


def _job(files: Files, staging: Path, path: Path) -> Job:
    if files[JOB].size > LARGEST_JOB:
        raise UserError(f"“{path.name}” holds no run: its {JOB} is far too large.")
    run_pack.copy(files, JOB, staging / JOB, lambda more: None)
    return jobs.read(staging / JOB, named=f"The {JOB} in “{path.name}”", mend="copy it again from the server")


def _must_be_ours(project: Project, theirs: Job, path: Path) -> Run:
    """The run of the project that `theirs` is. Raises UserError where it is none, or its job was changed."""
    known = {run.number: run for run in project.runs.all()}
    run = known.get(theirs.number)
    ours = project.runs.folder(theirs.number).job() if run is not None else None
    if run is None or ours is None or _mark(ours) != _mark(theirs):
        raise UserError(
            f"“{path.name}” holds run {theirs.number} of “{theirs.project}”, which was not packed by this project; "
            "take it back into the project that it comes from."
        )
    if run.state in ALIVE:
        raise UserError(f"Run {run.number} trains here now; stop it first.")
    if len(ours.history) > len(theirs.history):
        raise UserError(
            f"Run {run.number} was made longer here after it was packed, so what comes from the server is no longer "
            "the same run; start a new one there, or keep this one."
        )
    changed = _changed(ours, theirs)
    if changed:
        raise UserError(
            f"The job of run {run.number} was changed on the server ({', '.join(changed)}), so it is another run; put "
            "the job back as it was packed and train it again there."
        )
    return run


def _mark(job: Job) -> tuple[Any, ...]:
    """What tells a run from all others."""
    return job.created, job.task, job.snapshot.get("sha256")


def _changed(ours: Job, theirs: Job) -> list[str]:
    """The parts of a job that differ; on which device it runs may be decided on the server."""
    expected, found = jobs.to_json(ours), jobs.to_json(theirs)
    recipe, there = dict(expected.pop("recipe")), dict(found.pop("recipe"))
    recipe |= {"model": packing.start_of(ours.recipe), "device": there["device"]}
    told = [key for key in recipe if recipe[key] != there.get(key)]
    # as JSON: what was read from there has lists where a job in memory may have tuples
    return told + [key for key in expected if json.dumps(expected[key]) != json.dumps(found.get(key))]


def _compare(here: Path, there: Iterable[bytes]) -> Relation:
    """How the events in the file `here` stand to those that come: the same, a beginning of them, or no such."""
    longer = False
    try:
        with here.open("rb") if here.exists() else io.BytesIO() as file:
            for piece in there:
                mine = file.read(len(piece))
                if not piece.startswith(mine):
                    return "apart"
                longer = longer or len(mine) < len(piece)
            if longer:
                return "newer"
            return "older" if file.read(1) else "same"
    except OSError as error:
        raise from_os_error(error, "read", here) from error


def _is_new(run: Run, folder: RunFolder, relation: Relation) -> bool:
    """Whether there is something to take; also where taking it was broken off after the events were here."""
    if relation != "same" or run.state != AWAY:
        return relation == "newer"
    return folder.events_file.exists() and folder.events_file.stat().st_size > int(run.server.get("events", 0))


def _stage(files: Files, staging: RunFolder, on_bytes: OnBytes) -> None:
    for name in files:
        if name != JOB:
            run_pack.copy(files, name, staging.path / name, on_bytes)


def _judge(staging: RunFolder, job: Job, path: Path) -> tuple[str, ...]:
    """Check all checksums; damaged checkpoints go, and are named. Raises UserError where the result is not whole."""
    if staging.snapshot.is_dir():
        wrong = snapshot.verify(staging.snapshot)
        if wrong or snapshot.note(staging.snapshot).get("sha256") != job.snapshot.get("sha256"):
            raise UserError(f"The data of run {job.number} in “{path.name}” is not what it was packed with.")
    for part in (staging.model, staging.adapter, staging.checkpoints / "best"):
        wrong = atomic.damage(part) if part.is_dir() else ""
        if wrong:
            raise UserError(
                f"The run in “{path.name}” is damaged: {wrong} in {part.name}; copy it from the server again."
            )
    if isinstance(_last_of(staging), Finished) and not staging.model.is_dir():
        raise UserError(f"Run {job.number} has ended, but “{path.name}” lacks its model; bring its whole folder back.")
    damaged = [one for one in _apart(staging) if one.name != "best" and atomic.damage(one)]
    for one in damaged:
        shutil.rmtree(one)
    return tuple(one.name for one in damaged)


def _last_of(folder: RunFolder) -> Event | None:
    last = None
    for event in folder.read_events():
        last = event
    return last


def _apart(folder: RunFolder) -> list[Path]:
    """The folders that stand for themselves, each replaced as a whole, of checkpoints and of how texts were judged."""
    return sorted((*folder.checkpoints.glob("[!.]*"), *folder.dynamics.glob("[!.]*")))


def _rehome(staging: RunFolder, model: str) -> None:
    """Let adapters name the model folder that is here, not the one that was on the server."""
    for note in staging.path.rglob(BASE):
        folder = note.parent
        for name, key in ((BASE, "folder"), (ADAPTER, "base_model_name_or_path")):
            with suppress(OSError, ValueError, TypeError):  # one that cannot be read names nothing
                told = json.loads((folder / name).read_text(encoding="utf-8"))
                told[key] = model
                atomic.write_json(folder / name, told)
        atomic.write_json(folder / atomic.MANIFEST, atomic.manifest_of(folder))


def _place(staging: RunFolder, folder: RunFolder) -> None:
    """Put what came in the place of what was here, the events last: only they tell that all of it is there."""
    try:
        came = _apart(staging)
        kept = {one.relative_to(staging.path) for one in came}
        for one in (*came, staging.predictions, staging.adapter, staging.model):
            if one.is_dir():
                target = folder.path / one.relative_to(staging.path)
                atomic.recover(target)
                atomic.put_folder(one, target)
        for one in _apart(folder) if kept else ():
            if one.relative_to(folder.path) not in kept:  # the server let go of it
                shutil.rmtree(one, ignore_errors=True)
        atomic.put_file(staging.events_file, folder.events_file)
    except OSError as error:
        raise from_os_error(error, "put the run into", folder.path) from error


def _take_in(project: Project, number: int) -> Changes:
    changes = project.runs.replay(number, LEFT)
    if project.runs.get(number).state in ("finished", "stopped"):
        changes |= project.take_answers(number)
    return changes
