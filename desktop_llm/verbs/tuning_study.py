"""The memory of a search, kept by Optuna in a journal beside the search: what was tried, how it came out, what is next.

A line of the journal is on the disk before anything follows from it, so that a search that was killed goes on where it
was. Each trial is proposed by a sampler of its own seed: what comes next depends on the results so far alone, not on
how often the program was started in between.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.search import Range, Search

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

State = Literal["running", "complete", "pruned", "failed"]
JOURNAL = "journal.log"
RUNGS = 10
"""A run is compared with the others after each tenth of it, however many steps that is."""
RANDOM_TRIALS = 5
"""So many trials look around before what they found is believed."""
UNPRUNED, WARM_RUNGS = 4, 2
"""No run falls behind before so many have ended, and before so many tenths of itself."""
LEAST_FOR_IMPORTANCE = 5
FIRST, PLACE, RUN, VALUES, SECONDS, WHY, SPENT = "first", "place", "run", "values", "seconds", "why", "spent"
SEEDS = 100_003
"""Between the seeds of two searches lie those of so many trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial; `key` is Optuna's number of it, `place` counts those that have a run, from 1; `run` 0: it has none yet.

    `values` are those of the searched settings; `value` is the figure it came to, or the last known one of a trial that
    was pruned; `first`: it is the recipe as it was before the search. `why` says what became of it, where that is to be
    said; `seconds` are those of its training.
    """

    key: int
    place: int
    run: int
    state: State
    value: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    first: bool = False
    seconds: float = 0.0
    why: str = ""


class Study:
    """One search's memory. May be used from several threads, one at a time."""

    def __init__(self, search: Search, folder: Path, *, reading: bool = False) -> None:
        """Opens the journal in `folder`, or begins it. Raises UserError.

        `reading`: nothing is written, for whoever only looks may not be the one who writes.
        """
        import optuna

        optuna.logging.disable_default_handler()
        self.search = search
        self._live: dict[int, optuna.trial.Trial] = {}
        self._ranges = {one.key: _distribution(one) for one in search.ranges}
        journal = folder / JOURNAL
        try:
            self._study = _read(search, journal) if reading else _opened(search, journal)
        except OSError as error:
            raise from_os_error(error, "open the journal of the search", journal) from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"The journal “{journal}” is damaged ({error}); start a new search.") from error

    @property
    def spent(self) -> float:
        """Seconds that were spent on it."""
        return float(self._study.user_attrs.get(SPENT, 0.0))

    def spend(self, seconds: float) -> None:
        """Keep how many were spent in all."""
        self._study.set_user_attr(SPENT, round(seconds, 1))

    def trials(self) -> list[Trial]:
        """All that have a run, in their order."""
        return [_told(one) for one in self._study.get_trials(deepcopy=False) if RUN in one.user_attrs]

    def under_way(self) -> list[Trial]:
        """Those that were begun and have not ended, with a run or without."""
        return [_told(one) for one in self._study.get_trials(deepcopy=False) if one.state.name == "RUNNING"]

    def ask(self) -> tuple[int, dict[str, Any] | None]:
        """Begin a trial: its key, and the values that it is to have; None: those of the recipe before the search."""
        import optuna

        known = self._study.get_trials(deepcopy=False)
        if not known:
            self._begin_first()
            known = self._study.get_trials(deepcopy=False)
        waits = next((one for one in known if one.state.name == "WAITING"), None)
        bare = waits is not None and bool(waits.user_attrs.get(FIRST)) and not self._knows_first
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self.search.seed * SEEDS + len(known)) % 2**32, n_startup_trials=RANDOM_TRIALS
        )
        trial = self._study.ask({} if bare else self._ranges)
        self._live[trial.number] = trial
        if trial.user_attrs.get(FIRST):
            return trial.number, None
        return trial.number, {key: self._rounded(key, value) for key, value in trial.params.items()}

    def give_run(self, key: int, run: int, place: int, values: Mapping[str, Any]) -> None:
        """Keep which run a trial has, and which values of the searched settings."""
        trial = self._trial(key)
        trial.set_user_attr(PLACE, place)
        trial.set_user_attr(VALUES, dict(values))
        trial.set_user_attr(RUN, run)

    def report(self, key: int, share: float, value: float) -> bool:
        """How a trial stands after this share of its run; whether it falls behind."""
        trial = self._trial(key)
        reported = self._study.get_trials(deepcopy=False)[key].intermediate_values
        fresh = [rung for rung in range(1, min(RUNGS, math.floor(share * RUNGS + 1e-9)) + 1) if rung not in reported]
        for rung in fresh:
            trial.report(value, rung)
        return bool(fresh) and not trial.user_attrs.get(FIRST) and trial.should_prune()

    def complete(self, key: int, value: float, seconds: float) -> None:
        """A trial has ended with this figure."""
        self._trial(key).set_user_attr(SECONDS, round(seconds, 1))
        self._study.tell(key, value)

    def prune(self, key: int, seconds: float, why: str) -> None:
        """A trial was ended before its time."""
        from optuna.trial import TrialState

        trial = self._trial(key)
        trial.set_user_attr(SECONDS, round(seconds, 1))
        trial.set_user_attr(WHY, why)
        self._study.tell(key, state=TrialState.PRUNED)

    def fail(self, key: int, why: str, *, again: bool = False) -> None:
        """A trial came to nothing; `again`: its values are tried once more, next."""
        from optuna.trial import TrialState

        trial = self._study.get_trials(deepcopy=False)[key]
        if again:  # first, for what is told twice costs a trial, and what is forgotten the recipe of before
            attrs = {FIRST: True} if trial.user_attrs.get(FIRST) else None
            self._study.enqueue_trial(dict(trial.params), user_attrs=attrs)
        self._trial(key).set_user_attr(WHY, why)
        self._study.tell(key, state=TrialState.FAIL)

    def importance(self) -> dict[str, float]:
        """How much each setting had to do with how trials came out, 0 to 1, the most telling first; {}: too few yet."""
        import optuna
        from optuna.importance import FanovaImportanceEvaluator

        done = [
            one
            for one in self._study.get_trials(deepcopy=False)
            if one.state.name == "COMPLETE" and set(self._ranges) <= set(one.params)
        ]
        if len(done) < LEAST_FOR_IMPORTANCE or len({one.value for one in done}) < 2:
            return {}
        told = optuna.importance.get_param_importances(
            self._study, evaluator=FanovaImportanceEvaluator(seed=0), params=list(self._ranges)
        )
        return {key: float(value) for key, value in told.items()}

    def _begin_first(self) -> None:
        """The recipe as it is comes first. Where a range does not have its value, the sampler learns nothing of it."""
        values = first_values(self.search)
        self._study.enqueue_trial(values if self._knows_first else {}, user_attrs={FIRST: True})

    @property
    def _knows_first(self) -> bool:
        values = first_values(self.search)
        return all(one.has(values[one.key]) for one in self.search.ranges)

    def _rounded(self, key: str, value: Any) -> Any:
        """To digits that a person would write, within the range."""
        one = next(told for told in self.search.ranges if told.key == key)
        if one.choices or one.whole:
            return value
        return min(max(float(f"{value:.3g}"), one.low), one.high)

    def _trial(self, key: int) -> optuna.trial.Trial:
        """One that is under way, as Optuna wants to be told of it."""
        import optuna

        if key not in self._live:
            frozen: Any = self._study.get_trials(deepcopy=False)[key]
            self._live[key] = optuna.trial.Trial(self._study, frozen._trial_id)
        return self._live[key]


def first_values(search: Search) -> dict[str, Any]:
    """Those of the searched settings in the recipe as it was before."""
    return {key: getattr(search.base, key) for key in search.keys}


def _told(one: FrozenTrial) -> Trial:
    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    attrs, value = one.user_attrs, one.value
    if one.state.name in ("RUNNING", "PRUNED") and one.intermediate_values:
        value = one.intermediate_values[max(one.intermediate_values)]
    return Trial(
        key=one.number,
        place=int(attrs.get(PLACE, 0)),
        run=int(attrs.get(RUN, 0)),
        state=states.get(one.state.name, "running"),
        value=value,
        values=attrs.get(VALUES, {}),
        first=bool(attrs.get(FIRST)),
        seconds=float(attrs.get(SECONDS, 0.0)),
        why=str(attrs.get(WHY, "")),
    )


def _distribution(one: Range) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if one.choices:
        return CategoricalDistribution(one.choices)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


def _pruner(search: Search) -> BasePruner:
    from optuna import pruners

    if search.pruner == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=WARM_RUNGS, reduction_factor=3)
    if search.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=WARM_RUNGS)
    return pruners.NopPruner()


def _opened(search: Search, journal: Path) -> optuna.Study:
    """The study of the journal, whole again where a power cut has torn it; begun where there is none."""
    import optuna

    _mend(journal)
    return optuna.create_study(
        storage=_storage(journal),
        study_name=_name(search),
        direction="maximize" if search.higher_is_better else "minimize",
        pruner=_pruner(search),
        load_if_exists=True,
    )


def _read(search: Search, journal: Path) -> optuna.Study:
    """The study as the journal has it now; one without trials where none was begun."""
    import optuna

    if journal.exists():
        storage = _storage(journal)
        if any(one.study_name == _name(search) for one in storage.get_all_studies()):
            return optuna.load_study(storage=storage, study_name=_name(search))
    return optuna.create_study()


def _name(search: Search) -> str:
    return f"search {search.number}"


def _storage(journal: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    # a project has one writer already: a file that locks would only outlive a killed program
    lock: Any = _Threads()
    return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))


class _Threads:
    """A lock for the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        return self._lock.acquire()

    def release(self) -> None:
        self._lock.release()


def _mend(journal: Path) -> None:
    """Take away a last line that a power cut has torn: what follows would be glued to it. Raises OSError."""
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
