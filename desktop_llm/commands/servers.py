"""The commands about runs that train on a server: pack, take-back, call-back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, Parser, UsageError, must_be_writable, must_learn, opened, usage
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.jobs.server import Server
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.packing import Packed


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("pack", _pack, "pack a run for a server; the file holds its texts")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    one.add_argument("--to", type=expanded, required=True, metavar="FILE.zip")
    ask(one)
    one = verb("take-back", _take_back, "take a run back from a server, ended or not")
    one.add_argument("project", type=expanded)
    one.add_argument("file", type=expanded, metavar="FOLDER|FILE.zip")
    one = verb("call-back", _call_back, "wait no longer for a run that is on a server, and train it here")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)


def ask(one: Parser) -> None:
    """What a server is asked for."""
    one.add_argument("--gpus", type=int, metavar="N", help="GPUs on each machine of the server (1); 0: none")
    one.add_argument("--nodes", type=int, metavar="N", help="machines that train together (1)")
    one.add_argument("--hours", type=int, metavar="N", help="how long Slurm is asked for")


def must_be_asked_for(told: Any) -> None:
    """Raises UsageError where something is asked of a server, and nothing is packed for one."""
    given = [f"--{name}" for name, value in _given(told).items() if value is not None]
    if given and told.pack is None:
        raise UsageError(f"{given[0]} is asked of a server: it goes with --pack.")
    if told.estimate and told.pack is not None:
        raise UsageError("--estimate only measures, and --pack makes a run: ask for one of them.")


def pack_new(told: Any, project: Project, recipe: Recipe, out: Out) -> None:
    """Make a run and pack it, for `train --pack`."""
    from desktop_llm.verbs import packing

    asked = _asked(told, project, recipe)
    _tell(packing.pack_new(project, recipe, told.pack, asked), out)


def _pack(told: Any, out: Out) -> None:
    from desktop_llm.verbs import packing

    with opened(told.project) as project:
        must_learn(project)
        must_be_writable(project)
        asked = _asked(told, project, packing.packable(project, told.run).recipe)
        _tell(packing.pack(project, told.run, told.to, asked), out)


def _asked(told: Any, project: Project, recipe: Recipe) -> Server:
    from dataclasses import replace

    from desktop_llm.jobs import server
    from desktop_llm.verbs import packing

    asked = server.Server(**{name: value for name, value in _given(told).items() if value is not None})
    with usage():
        server.check(asked)
    return (
        asked
        if told.hours is not None
        else replace(asked, hours=packing.hours(project, recipe, asked.gpus * asked.nodes))
    )


def _given(told: Any) -> dict[str, int | None]:
    return {"gpus": told.gpus, "nodes": told.nodes, "hours": told.hours}


def _tell(packed: Packed, out: Out) -> None:
    from desktop_llm.jobs import server

    out(
        {"run": packed.number, "to": str(packed.path), "bytes": packed.bytes, "line": packed.line},
        f"Run {packed.number} is packed in “{packed.path}” ({packed.bytes:,} bytes). The file holds its texts: put it "
        f"only where they may be.\nThere: {packed.line}\nOnce before, in the unpacked folder: {server.SETUP}",
    )


def _take_back(told: Any, out: Out) -> None:
    from desktop_llm.verbs import returning

    with opened(told.project) as project:
        must_be_writable(project)
        back = returning.take(project, told.file)
    run = back.run
    for name in back.left_out:
        out({"left_out": name}, f"  {name} is damaged and was left out")
    how_far = f", step {run.step:,} of {run.total_steps:,}." if run.total_steps else ". It has not begun a step."
    words = f"Run {run.number} is taken back: {run.state}{how_far}"
    if not back.new:
        words = f"Nothing in it was new; run {run.number} is {run.state}, step {run.step:,}."
    out({"run": run.number, "state": run.state, "step": run.step, "new": back.new}, words)


def _call_back(told: Any, out: Out) -> None:
    from desktop_llm.verbs import packing

    with opened(told.project) as project:
        must_be_writable(project)
        packing.call_back(project, told.run)
        out({"run": told.run}, f"Run {told.run} is called back; resume trains it here.")
