"""The commands about runs: train, resume, runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop_llm.commands import servers
from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, must_learn, opened, usage
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.store.project import Project


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("train", _train, "train a model")
    one.add_argument("project", type=expanded)
    one.add_argument("--recipe", type=expanded, metavar="FILE.toml")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    one.add_argument("--processes", type=int, metavar="N", help="on N GPUs of this machine at once, or N processes")
    one.add_argument("--estimate", action="store_true", help="only measure what it would take")
    one.add_argument("--from", dest="start", type=int, metavar="RUN", help="start from the model of a run")
    one.add_argument("--again", type=int, metavar="RUN", help="repeat a run: its data, its recipe")
    one.add_argument("--pack", type=expanded, metavar="FILE.zip", help="do not train here: pack the run for a server")
    servers.ask(one)
    one = verb("resume", _resume, "go on with a run after a stop, a crash, a power cut, or for longer")
    one.add_argument("project", type=expanded)
    one.add_argument("run", type=int)
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="go on by another plan")
    one.add_argument("--stop", action="store_true", help="end the run where it stands, and keep its best model")
    one = verb("runs", _runs, "list the runs of a project, what differs between two, or delete one")
    one.add_argument("project", type=expanded)
    one.add_argument("--diff", type=int, nargs=2, metavar=("A", "B"), help="what differs between two runs")
    one.add_argument("--delete", type=int, metavar="RUN", help="what would go with a run; with --yes it goes for good")
    one.add_argument("--yes", action="store_true", help="with --delete: do it; else it is only told what would go")


def _values(told: Any) -> dict[str, Any]:
    """What --set says. Raises UserError."""
    from desktop_llm.jobs import recipe as recipes

    values = {}
    for pair in told.set:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"--set takes KEY=VALUE, not “{pair}”.")
        values[key.strip()] = recipes.parse_value(key.strip(), text)
    return values


def recipe_of(told: Any, project: Project) -> Recipe:
    """What `told` (recipe, set, start, processes, pack) says. Raises UserError, UsageError."""
    from desktop_llm.jobs import recipe as recipes
    from desktop_llm.jobs import recipe_file
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import balancing, possible, training
    from desktop_llm.verbs.evaluating import finished_folder

    start = {} if told.start is None else {"model": str(finished_folder(project, told.start).model)}
    task, rows = task_named(project.task), training.amount(project)
    spread = {} if told.processes is None else {"num_processes": told.processes}
    with usage():
        values = {**_values(told), **spread, **start}
        written = recipe_file.values(told.recipe) if told.recipe is not None else {}
        base = recipe_file.from_toml(task.recipe, told.recipe) if told.recipe is not None else task.recipe
        given = {**written, **values}
        lora = bool(given.get("lora_r")) and given.get("model", base.model) != recipes.SCRATCH
        base = training.default_recipe(task, values.get("model", base.model), rows, lora=lora)
        if told.recipe is not None:
            base = recipe_file.from_toml(base, told.recipe)
        recipe = recipes.changed(base, values)
        possible.check_given(recipe, given, task.groups)
        task.deciding(recipe.metric_for_best_model, recipe)
        possible.check(recipe)
        if recipe.balance_by:
            balancing.check(project, recipe.balance_by)
        if told.pack is None:
            possible.check_here(recipe)
    return recipe


def _train(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, training

    servers.must_be_asked_for(told)
    with opened(told.project) as project:
        must_learn(project)
        must_be_writable(project)
        if told.again is not None:
            return _again(told, project, out)
        recipe = recipe_of(told, project)
        if told.estimate:
            from desktop_llm.verbs import estimating

            return estimating.estimate(project, recipe, out)
        if told.pack is not None:
            servers.pack_new(told, project, recipe, out)
            return 0
        number, _ = training.prepare(project, recipe)
        out({"run": number}, f"Run {number}")
        return headless.train(project, number, out, catch_interrupt)


def _again(told: Any, project: Project, out: Out) -> int:
    from desktop_llm.verbs import headless, rerunning

    others = (told.recipe, told.start, told.processes, told.pack)
    if told.set or told.estimate or any(one is not None for one in others):
        raise UsageError(
            "--again repeats a run as it was: leave out --set, --recipe, --from, --processes, --estimate and --pack."
        )
    number, _ = rerunning.again(project, told.again)
    differs = rerunning.not_as_then(project, told.again)
    out({"run": number, "again": told.again, "not_as_then": differs}, f"Run {number} repeats run {told.again}")
    for sentence in differs:
        out({}, f"   {sentence}")
    return headless.train(project, number, out, catch_interrupt)


def _resume(told: Any, out: Out) -> int:
    from desktop_llm.verbs import headless, rerunning, training

    with opened(told.project) as project:
        must_learn(project)
        must_be_writable(project)
        if told.stop and told.set:
            raise UsageError("--stop ends the run where it stands: leave out --set.")
        with usage():
            values = _values(told)
            rerunning.check_longer(values)
        if values:
            one = rerunning.prolong(project, told.run, values)
            out(
                {"run": told.run, "step": one.step, "before": one.before, "after": one.after},
                f"Run {told.run} goes on from step {one.step:,} to step {one.after:,} ({one.before:,} were planned)",
            )
        training.resumable(project, told.run)
        return headless.train(project, told.run, out, catch_interrupt, stop=told.stop)


def catch_interrupt(leave: Callable[[], None]) -> None:
    """Ctrl+C and a polite end of the process save a checkpoint first."""
    signal.signal(signal.SIGINT, lambda *_: leave())
    signal.signal(signal.SIGTERM, lambda *_: leave())


def _runs(told: Any, out: Out) -> None:
    from desktop_llm.tasks import task as task_named

    if told.yes and told.delete is None:
        raise UsageError("--yes goes with --delete.")
    if told.delete is not None and told.diff is not None:
        raise UsageError("--delete and --diff are two things; ask for one of them.")
    with opened(told.project) as project:
        must_learn(project)
        if told.delete is not None:
            _delete(project, told.delete, out, sure=told.yes)
            return
        task = task_named(project.task)
        if told.diff is not None:
            here, there = told.diff
            _diff(project, here, there, out)
            return
        runs = project.runs.all()
        if not runs:
            out({}, "There is no run yet; train one.")
        for run in runs:
            figures = run.metrics.get("test", run.metrics.get("validation", {}))
            main_metric = task.main(figures)
            value = figures.get(main_metric.name)
            figure = "" if value is None else f", {main_metric.title.lower()} {value:.4f}"
            out(
                {
                    "run": run.number,
                    "state": run.state,
                    "model": run.model_title,
                    "metrics": run.metrics,
                    "forecast": run.details.get("forecast", {}),
                },
                f"{run.number}  {run.state}, {run.title}{figure}",
            )


def _delete(project: Project, number: int, out: Out, *, sure: bool) -> None:
    from desktop_llm.jobs import amounts
    from desktop_llm.verbs import deleting

    must_be_writable(project)
    told = deleting.going(project, number)
    size = " ".join(amounts.size(told.bytes))
    if sure:
        deleting.delete(project, number)
        words = f"Run {number} is deleted; {size} are free."
    else:
        words = f"Run {number}, {size}, would go for good with its model and figures; --yes deletes it."
    out(
        {"run": number, "deleted": sure, "bytes": told.bytes, "starts": list(told.starts), "taught": list(told.taught)},
        f"{words} {told.words}".rstrip(),
    )


def _diff(project: Project, here: int, there: int, out: Out) -> None:
    from desktop_llm.verbs import differing

    lines = differing.between(project, here, there)
    words, group = [f"Run {here} and run {there}"], ""
    for line in lines:
        if line.group != group:
            group = line.group
            words.append(differing.GROUPS[line.group])
        words.append(f"   {line.name}: {line.here}" + (", the same" if line.same else f" | {line.there}"))
    out({"runs": [here, there], **differing.as_json(lines)}, "\n".join(words))
