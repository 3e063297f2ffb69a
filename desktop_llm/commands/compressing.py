"""The commands that make models smaller: shrink, compress."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, must_be_writable, must_learn, opened
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.engine.shrink import Shrunk


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("shrink", _shrink, "make a smaller start for a run: leave out layers, or tokens that no text uses")
    one.add_argument("project", type=expanded)
    one.add_argument("source", metavar="RUN|FOLDER", help="what is made smaller")
    one.add_argument("--layers", type=int, metavar="N", help="keep so many layers")
    one.add_argument("--measured", action="store_true", help="keep those that are missed most, not evenly many")
    one.add_argument("--heads", type=int, metavar="N", help="keep so many heads of each layer, those that say most")
    one.add_argument("--inner", type=int, metavar="N", help="keep so many inner neurons of each layer, likewise")
    one.add_argument("--own-tokens", action="store_true", help="keep the tokens that the project's texts use")
    one.add_argument("--to", type=expanded, metavar="FOLDER", help="a new folder; without, one in the project")

    one = verb("compress", _compress, "a run and its smaller forms: answers, time and size, measured on this machine")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    one.add_argument("--rows", type=int, metavar="N", help="measure on at most so many held-out rows; 1,000 by itself")
    one.add_argument("--last", action="store_true", help="measure nothing: tell what was measured the last time")


def _compress(told: Any, out: Out) -> None:
    from desktop_llm.errors import UserError
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import compressing

    with opened(told.project) as project:
        must_learn(project)
        if told.last:
            board = compressing.kept(project, told.run)
            if board is None:
                raise UserError(f"Run {told.run} was not measured in its smaller forms yet; leave out --last.")
        else:
            must_be_writable(project)
            rows = compressing.ROWS if told.rows is None else told.rows
            board = compressing.measure(project, told.run, rows=rows)
        metric = task_named(project.task).deciding(board.metric)
        for one in board.points:
            out(asdict(one), f"   {compressing.line(one, metric)}")
        for sentence in board.left_out:
            out({"left_out": sentence}, f"   {sentence}")
        verdict, how = compressing.words(board, metric), compressing.conditions(board)
        told_last = {key: value for key, value in asdict(board).items() if key not in ("points", "left_out")}
        out({**told_last, "verdict": verdict}, f"{verdict}\n{how}")


def _shrink(told: Any, out: Out) -> None:
    from desktop_llm.verbs import shrinking

    with opened(told.project) as project:
        must_learn(project)
        wish = shrinking.Smaller(
            source=told.source,
            layers=told.layers,
            heads=told.heads,
            inner=told.inner,
            measured=told.measured,
            tokens=told.own_tokens,
            to=told.to,
        )
        made = shrinking.shrink(project, wish)
        use = f"--set model={shlex.quote(str(made.folder))}"
        out(_as_json(made), f"{shrinking.words(made)}\nIt is in “{made.folder}”; train it with {use}")


def _as_json(told: Shrunk) -> dict[str, Any]:
    return {
        "folder": str(told.folder),
        "parameters": told.parameters,
        "parameters_before": told.parameters_before,
        "layers": [place + 1 for place in told.layers],
        "layers_before": told.layers_before,
        "tokens": told.tokens,
        "tokens_before": told.tokens_before,
        "losses": list(told.losses),
    }
