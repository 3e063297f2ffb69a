"""The command that searches for a better recipe: tune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, must_learn, opened, usage
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.jobs.search import Range
    from desktop_llm.store.project import Project

WRITTEN = "learning_rate=1e-5..1e-3:log"


def declare(verb: Declare) -> None:
    """The parser."""
    one = verb("tune", _tune, "search for a better recipe: trial after trial, each of them a run")
    one.add_argument("project", type=expanded)
    one.add_argument("--trials", type=int, metavar="N", help="at most so many (15 where no minutes are given)")
    one.add_argument("--minutes", type=float, metavar="M", help="at most so long")
    words = f"what is searched, as often as you like: KEY, or with a range such as {WRITTEN} or optim=adamw,muon"
    one.add_argument("--over", action="append", default=[], metavar="KEY[=RANGE]", help=words)
    one.add_argument("--recipe", type=expanded, metavar="FILE.toml", help="the recipe around which is searched")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="what is the same in all trials")
    one.add_argument("--from", dest="start", type=int, metavar="RUN", help="start from the model of a run")
    one.add_argument("--pruner", choices=("median", "halving", "none"), default="median", help="ends what falls behind")
    one.add_argument("--seed", type=int, default=42, help="of the search; that of the runs is a setting")
    rest = one.add_mutually_exclusive_group()
    rest.add_argument("--resume", type=int, metavar="SEARCH", help="go on, with --trials or --minutes for longer")
    rest.add_argument("--list", action="store_true", help="the searches of the project and how they stand")
    rest.add_argument("--learning-rate", action="store_true", help="only which learning rate the recipe bears")
    rest.add_argument("--ranges", action="store_true", help="what could be searched, and the ranges suggested for it")
    one.set_defaults(processes=None, pack=None)


def _tune(told: Any, out: Out) -> int:
    from desktop_llm.commands.training import catch_interrupt
    from desktop_llm.verbs import tuning, tuning_here

    with opened(told.project) as project:
        must_learn(project)
        if told.list:
            return _list(project, out)
        if told.ranges:
            return _ranges(project, told, out)
        must_be_writable(project)
        if told.learning_rate:
            return _rate(project, told, out)
        number = told.resume if told.resume is not None else _create(project, told)
        if told.resume is not None:
            _extend(project, told)
        search = tuning.load(project, number)
        over = "; ".join(f"{one.key} {one.words}" for one in search.ranges)
        out({"search": number, "over": {one.key: one.words for one in search.ranges}}, f"Search {number} over {over}")
        return tuning_here.tune(project, number, out, catch_interrupt, verbose=told.verbose)


def _rate(project: Project, told: Any, out: Out) -> int:
    from desktop_llm.commands.training import recipe_of
    from desktop_llm.verbs import rate_finding

    if told.over or told.trials is not None or told.minutes is not None:
        raise UsageError("--learning-rate searches nothing: leave out --over, --trials and --minutes.")
    found = rate_finding.find(project, recipe_of(told, project))
    words = f"{found.words} --set learning_rate={found.suggested:g}" if found.suggested else found.words
    out(
        {
            "suggested": found.suggested or None,
            "lowest": found.lowest or None,
            "rates": list(found.rates),
            "losses": list(found.losses),
        },
        words,
    )
    return 0


def _create(project: Project, told: Any) -> int:
    from desktop_llm.commands.training import recipe_of
    from desktop_llm.jobs import search as searches
    from desktop_llm.verbs import tuning

    base = recipe_of(told, project)
    with usage():
        ranges = _over(project, base, told.over)
        tuning.check_ranges(base, ranges)
    trials = told.trials if told.trials is not None else (0 if told.minutes else searches.TRIALS)
    with usage():
        searches.check_budget(trials, told.minutes or 0.0)
    return tuning.create(
        project,
        base,
        ranges,
        trials=trials,
        minutes=told.minutes or 0.0,
        pruner=told.pruner,
        seed=told.seed,
    ).number


def _over(project: Project, base: Recipe, written: list[str]) -> list[Range]:
    """What is searched. Raises UserError."""
    from desktop_llm.jobs import search as searches
    from desktop_llm.verbs import tuning

    if not written:
        return [one.range for one in tuning.suggested(project, base) if one.first]
    return [searches.parse(one) if "=" in one else tuning.range_of(project, base, one.strip()) for one in written]


def _extend(project: Project, told: Any) -> None:
    from desktop_llm.jobs import search as searches
    from desktop_llm.verbs import tuning

    if told.over or told.set or told.recipe is not None or told.start is not None:
        raise UsageError("--resume goes on as it was: leave out --over, --set, --recipe and --from.")
    if told.trials is None and told.minutes is None:
        return
    before = tuning.load(project, told.resume)
    trials = before.trials if told.trials is None else told.trials
    minutes = before.minutes if told.minutes is None else told.minutes
    with usage():
        searches.check_budget(trials, minutes)
    tuning.extend(project, told.resume, trials=trials, minutes=minutes)


def _ranges(project: Project, told: Any, out: Out) -> int:
    from desktop_llm.commands.training import recipe_of
    from desktop_llm.verbs import tuning

    for one in tuning.suggested(project, recipe_of(told, project)):
        mark = "  (searched unless you say --over)" if one.first else ""
        told_json = {"key": one.range.key, "range": one.range.words, "first": one.first}
        out(told_json, f"{one.range.key}={one.range.words}{mark}")
    return 0


def _list(project: Project, out: Out) -> int:
    from desktop_llm.verbs import comparing, tuning
    from desktop_llm.verbs.tuning_here import as_json

    numbers = tuning.numbers(project)
    if not numbers:
        out({}, "There is no search yet; desktop-llm tune begins one.")
    for number in numbers:
        stands = tuning.standing(project, number)
        best = stands.best
        figure = "" if best is None else f", best {comparing.amount(best.value or 0.0, stands.metric)} (run {best.run})"
        over = stands.over or f"can go on (--resume {number})"
        out(
            {
                "search": number,
                "over": stands.over,
                "trials": [as_json(one) for one in stands.trials],
                "best": None if best is None else best.run,
                "seconds": stands.seconds,
            },
            f"{number}  {', '.join(stands.search.keys)}: {stands.done:,} trials{figure}; {over}",
        )
    return 0
