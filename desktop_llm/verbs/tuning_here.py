"""A search without the window: its trials one after the other in this process, told on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.verbs import comparing, headless, tuning_verdict
from desktop_llm.verbs.headless import Out
from desktop_llm.verbs.tuning import Standing, Tuner

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.tuning_study import Trial

LEFT = 3


class _Leaver:
    """Whether a person wants to leave: heard between the runs, too."""

    def __init__(self, catch_interrupt: Callable[[Callable[[], None]], None]) -> None:
        self.asked = False
        self._catch, self._leave = catch_interrupt, _nothing
        catch_interrupt(self._on_asked)

    def catch(self, leave: Callable[[], None]) -> None:
        """For a run: what is to be done then."""
        self._leave = leave
        if self.asked:
            leave()

    def _on_asked(self) -> None:
        self.asked = True
        self._leave()


def _nothing() -> None:
    return None


def tune(
    project: Project,
    number: int,
    out: Out,
    catch_interrupt: Callable[[Callable[[], None]], None],
    *,
    verbose: bool = False,
) -> int:
    """Run (or go on with) search `number` to its end; the exit code: 0 done, 3 left. Raises UserError.

    `verbose`: what the runs say is told, too.
    """
    leaver, tuner = _Leaver(catch_interrupt), Tuner(project, number)
    while not leaver.asked and (run := tuner.next()):
        trial = next(one for one in tuner.standing().trials if one.run == run)
        told = f"trial {trial.place}, run {run}: {tuning_verdict.settings(tuner.standing(), trial)}"
        out({"search": number, "trial": trial.place, "run": run, "values": dict(trial.values)}, told)
        said = out if verbose else _quiet
        try:
            headless.train(project, run, said, leaver.catch, enough=tuner.heard)
        except UserError as error:
            if project.runs.get(run).state != "failed":  # a full disk, say: no fault of the trial
                raise
            out({"search": number, "trial": trial.place, "run": run, "failed": error.message}, f"   {error.message}")
        tuner.ended()
        _tell_trial(tuner.standing(), run, out)
    return _tell_end(project, tuner.standing(), out, left=leaver.asked)


def _quiet(told: dict[str, object], words: str) -> None:
    return None


def _tell_trial(standing: Standing, run: int, out: Out) -> None:
    one = next(one for one in standing.trials if one.run == run)
    told = {"search": standing.search.number, **as_json(one)}
    value = "no figure" if one.value is None else comparing.amount(one.value, standing.metric)
    name = standing.metric.title.lower()
    words = {
        "complete": f"   {name} {value}",
        "pruned": f"   {one.why} at {name} {value}",
        "failed": f"   failed: {one.why.rstrip('.')}",
    }
    best = standing.best
    mark = "  best so far" if best is not None and best.run == run and len(standing.trials) > 1 else ""
    if one.state in words:
        out(told, f"{words[one.state]}, {one.seconds:.0f} s{mark}")


def _tell_end(project: Project, standing: Standing, out: Out, *, left: bool) -> int:
    number, place = standing.search.number, shlex.quote(str(project.path))
    if left or not standing.over:
        out({"search": number, "left": True}, f"Left; desktop-llm tune {place} --resume {number} goes on.")
        return LEFT
    verdict = tuning_verdict.of(project, standing)
    best, first = standing.best, standing.first
    told = {
        "search": number,
        "over": standing.over,
        "seconds": round(standing.seconds, 1),
        "metric": standing.metric.name,
        "best": None if best is None else as_json(best),
        "before": None if first is None else as_json(first),
        "test": None
        if verdict.test is None
        else {
            "best": verdict.test.mains[verdict.test.metric.name][0],
            "before": verdict.test.mains[verdict.test.metric.name][1],
            "difference": verdict.test.figures[verdict.test.metric.name].value,
            "interval": [
                verdict.test.figures[verdict.test.metric.name].low,
                verdict.test.figures[verdict.test.metric.name].high,
            ],
        },
        "verdict": f"{verdict.words} {verdict.chosen}".strip(),
    }
    words = [standing.over, verdict.words]
    if verdict.validation is not None:
        words.append(f"On validation texts: {verdict.validation.words}")
    words += [verdict.chosen] if verdict.chosen else []
    if best is not None:
        words.append(f"desktop-llm train {place} --again {best.run} repeats the best one exactly.")
    out(told, "\n".join(words))
    return 0


def as_json(one: Trial) -> dict[str, object]:
    """A trial for programs."""
    return {
        "trial": one.place,
        "run": one.run,
        "state": one.state,
        "value": one.value,
        "values": dict(one.values),
        "before": one.first,
        "seconds": one.seconds,
        "why": one.why,
    }
