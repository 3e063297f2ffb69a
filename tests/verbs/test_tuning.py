"""Searches: the recipe as it was comes first, trials are runs on the same data, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import search as searches
from desktop_llm.jobs.events import Evaluated, Started, StepDone
from desktop_llm.jobs.search import Search
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import deleting, headless, rerunning, training, tuning, tuning_here, tuning_verdict
from desktop_llm.verbs.tuning import Tuner
from tests import projects, run_folders

SHORT = {"num_train_epochs": 1.0, "eval_steps": 2, "learning_rate": 1e-4}
BASE = recipes.changed(TASKS[run_folders.TASK].recipe, {**run_folders.TINY, **SHORT})
OVER = ("learning_rate=1e-5..1e-2:log", "per_device_train_batch_size=4,8")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with closing(Project.open(projects.make(tmp_path / "Tickets"))) as opened:
        yield opened


def _create(project: Project, *over: str, **budget: Any) -> Search:
    return tuning.create(project, BASE, [searches.parse(one) for one in over or OVER], **budget)


def _tune(project: Project, number: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    code = tuning_here.tune(project, number, lambda one, words: told.append(one), lambda leave: None)
    assert code == 0
    return told


def _evaluated(step: int, value: float) -> Evaluated:
    return Evaluated(at=0.0, step=step, split="validation", metrics={"accuracy": value, "loss": 1.0})


def _started(steps: int) -> Started:
    return Started(
        at=0.0, total_steps=steps, steps_per_epoch=steps, parameters=1, device="", precision="fp32", resumed_at=0
    )


def _ends(project: Project, number: int, value: float, *, reason: str = "completed") -> None:
    """Let a run that was made say that it has ended with this figure: no model is trained for it."""
    from desktop_llm.jobs.events import Finished

    final = Evaluated(at=0.0, step=10, split="validation", metrics={"accuracy": value}, best=True, final=True)
    done = Finished(at=0.0, step=10, reason=reason, seconds=1.0)
    project.runs.ingest(number, [_started(10), final, done])


def test_trials_are_runs_on_the_same_data_and_the_recipe_as_it_was_comes_first(project: Project) -> None:
    search = _create(project, trials=4, pruner="none")
    told = _tune(project, search.number)
    standing = tuning.standing(project, search.number)
    assert standing.over == "All 4 trials are done."
    assert [one.run for one in standing.trials] == [1, 2, 3, 4]
    assert standing.first is not None
    assert standing.first.run == 1
    assert project.runs.get(1).recipe == BASE
    runs = [project.runs.get(number) for number in (1, 2, 3, 4)]
    assert len({run.snapshot["sha256"] for run in runs}) == 1
    for run, one in zip(runs, standing.trials, strict=True):
        assert run.state == "finished"
        assert run.trial == {"search": 1, "trial": one.place, "key": one.key}
        assert one.value == run.metrics["validation"]["accuracy"]
        assert {key: getattr(run.recipe, key) for key in search.keys} == one.values
        assert recipes.changed(BASE, one.values) == run.recipe  # nothing else differs
    best = standing.best
    assert best is not None
    assert best.value == max(run.metrics["validation"]["accuracy"] for run in runs)
    assert best.run != 1, "a tiny rate learns nothing in ten steps; one of three others must"
    assert told[-1]["best"]["run"] == best.run
    assert told[-1]["test"]["best"] == project.runs.get(best.run).metrics["test"]["accuracy"]
    verdict = tuning_verdict.of(project, standing)
    assert f"trial {best.place} (run {best.run})" in verdict.words
    assert "On test texts, which chose nothing" in verdict.chosen
    # more of the same search, and its best once more, exactly
    assert Tuner(project, 1).next() == 0
    tuning.extend(project, 1, trials=5, minutes=0.0)
    _tune(project, 1)
    assert [one.run for one in tuning.standing(project, 1).trials] == [1, 2, 3, 4, 5]
    number, _ = rerunning.again(project, best.run)
    assert headless.train(project, number, lambda one, words: None, lambda leave: None) == 0
    assert "the same to the last bit" in project.runs.get(number).message
    assert not project.runs.get(number).trial  # it is no trial of the search


def test_what_comes_next_depends_on_the_results_alone(project: Project, tmp_path: Path) -> None:
    """Whether the program was started anew after each trial or not, the same is proposed."""
    tried = []
    for path in (project.path, projects.make(tmp_path / "Other")):
        with closing(Project.open(path)) if path != project.path else closing(_Kept(project)) as opened:
            number = _create(opened, trials=9, pruner="none").number
            tuner = Tuner(opened, number)
            while run := tuner.next():
                if path != project.path:
                    tuner = Tuner(opened, number)  # killed here: the trial has a run and has not ended
                    assert tuner.next() == run
                rate = opened.runs.get(run).recipe.learning_rate
                _ends(opened, run, 1 - abs(rate - 3e-3) * 50)
                if path != project.path:
                    tuner = Tuner(opened, number)  # killed here: it has ended, and nobody took it
                else:
                    tuner.ended()
            tried.append([(one.run, one.values, one.value) for one in tuner.standing().trials])
    assert tried[0] == tried[1]
    assert len(tried[0]) == 9


class _Kept:
    """A project that somebody else closes."""

    def __new__(cls, project: Project) -> Any:
        class Kept:
            def __getattr__(self, name: str) -> Any:
                return getattr(project, name)

            def close(self) -> None:
                return None

        return Kept()


def test_a_trial_killed_before_it_had_a_run_is_tried_again_and_counted_once(project: Project) -> None:
    number = _create(project, trials=3, pruner="none").number
    tuner = Tuner(project, number)
    run = tuner.next()
    _ends(project, run, 0.5)
    tuner.ended()
    key, values = tuner._study.ask()  # begun, and killed before its run was made
    again = Tuner(project, number)
    assert again.next() == 2
    assert again.standing().trials[-1].values == values
    assert again.standing().trials[-1].key != key
    _ends(project, 2, 0.6)
    again.ended()
    last = again.next()
    _ends(project, last, 0.4)
    again.ended()
    assert again.next() == 0
    assert [(one.place, one.run, one.value) for one in again.standing().trials] == [
        (1, 1, 0.5),
        (2, 2, 0.6),
        (3, 3, 0.4),
    ]


def test_the_recipe_as_it_was_is_tried_first_even_after_a_kill_and_outside_the_ranges(project: Project) -> None:
    number = _create(project, "learning_rate=2e-3..1e-2", "hidden_dropout_prob=0..0.3", trials=2).number
    Tuner(project, number)._study.ask()
    tuner = Tuner(project, number)
    first = tuner.next()
    assert project.runs.get(first).recipe == BASE
    assert tuner.standing().trials[0].first
    _ends(project, first, 0.5)
    tuner.ended()
    second = project.runs.get(tuner.next()).recipe
    assert 2e-3 <= second.learning_rate <= 1e-2
    assert second.hidden_dropout_prob is not None
    assert 0.0 <= second.hidden_dropout_prob <= 0.3


def test_what_falls_behind_is_stopped_and_not_the_recipe_as_it_was(project: Project) -> None:
    number = _create(project, trials=20).number
    tuner = Tuner(project, number)
    for place in range(5):
        run = tuner.next()
        assert not tuner.heard(_started(10))
        values = [0.1] * 10 if place == 0 else [0.5 + step / 100 + place / 1000 for step in range(10)]
        assert not any(tuner.heard(_evaluated(step + 1, value)) for step, value in enumerate(values))
        _ends(project, run, values[-1])
        tuner.ended()
    run = tuner.next()
    tuner.heard(_started(100))
    assert not tuner.heard(_evaluated(9, 0.2))  # not yet a tenth of it
    assert not tuner.heard(_evaluated(10, 0.2))  # too early to judge
    assert not tuner.heard(_evaluated(25, float("nan")))
    assert tuner.heard(_evaluated(30, 0.2))
    _ends(project, run, 0.2, reason="stopped")
    tuner.ended()
    told = tuner.standing().trials[-1]
    assert (told.state, told.why, told.value) == ("pruned", "fell behind", 0.2)
    best = tuner.standing().best
    assert best is not None
    assert best.value == pytest.approx(0.594)
    assert tuner.importance().keys() == {"learning_rate", "per_device_train_batch_size"}


def test_a_run_that_falls_behind_is_really_stopped(project: Project) -> None:
    number = _create(project, "learning_rate=1e-5..1e-2:log", trials=2).number
    tuner = Tuner(project, number)
    run = tuner.next()
    heard = []

    def enough(event: Any) -> bool:
        tuner.heard(event)
        heard.append(event)
        return isinstance(event, Evaluated)

    assert headless.train(project, run, lambda one, words: None, lambda leave: None, enough=enough) == 0
    tuner.ended()
    assert project.runs.get(run).state == "stopped"
    assert project.runs.get(run).step == 2
    assert project.runs.folder(run).model.is_dir()  # it is a run with a model as any other
    assert tuner.standing().trials[0].state == "pruned"


def test_the_time_ends_a_search_and_the_trial_under_way(project: Project) -> None:
    number = _create(project, trials=0, minutes=10.0).number
    tuner = Tuner(project, number)
    run = tuner.next()
    step = StepDone(
        at=0.0,
        step=1,
        epoch=0.1,
        loss=1.0,
        learning_rate=0.1,
        grad_norm=1.0,
        tokens_per_second=1.0,
        memory=0,
        seconds=0.1,
    )
    assert not tuner.heard(step)
    tuner._before = 601.0
    assert tuner.late
    assert tuner.heard(step)
    _ends(project, run, 0.5, reason="stopped")
    tuner.ended()
    assert tuner.next() == 0
    assert tuner.standing().over == "The 10 minutes are over."
    assert tuning.standing(project, number).seconds >= 600  # it is kept
    assert tuner.standing().trials[0].why == "the time was over"


def test_a_search_ends_when_all_was_tried_and_when_all_fails(project: Project) -> None:
    tuner = Tuner(project, _create(project, "per_device_train_batch_size=4,8", trials=9).number)
    for value in (0.5, 0.6):
        run = tuner.next()
        _ends(project, run, value)
        tuner.ended()
    assert tuner.next() == 0
    assert "nothing left in these ranges" in tuner.standing().over
    from desktop_llm.jobs.events import Failed

    tuner = Tuner(project, _create(project, trials=9).number)
    project.runs.ingest(tuner.next(), [Failed(at=0.0, message="The memory was full.")])
    tuner.ended()
    assert tuner.next() == 0
    assert tuner.standing().over == "The recipe itself cannot be trained: The memory was full."


def test_a_trial_whose_process_had_to_be_killed_is_gone_on_with(project: Project) -> None:
    from desktop_llm.jobs.events import Failed

    tuner = Tuner(project, _create(project, trials=2).number)
    run = tuner.next()
    killed = Failed(at=0.0, message="The training process was ended from outside; Resume goes on.")
    project.runs.ingest(run, [killed])
    tuner.ended(left=True)  # a person wanted to stop, and it did not answer
    assert tuner.standing().trials[0].state == "running"
    again = Tuner(project, 1)
    assert again.next() == run
    project.runs.ingest(run, [killed])
    again.ended()  # by itself
    assert again.standing().trials[0].state == "failed"


def test_all_trials_see_the_data_of_the_first(project: Project) -> None:
    tuner = Tuner(project, _create(project, trials=5).number)
    run = tuner.next()
    _ends(project, run, 0.5)
    tuner.ended()
    labels = TASKS[run_folders.TASK].labels
    item = NewItem(content={"text": "one more train"}, label="travel", split="train")
    project.items.insert("more.csv", [item], to_value=labels.to_value, class_names=labels.names)
    second = tuner.next()
    assert project.runs.get(second).snapshot["sha256"] == project.runs.get(run).snapshot["sha256"]
    _ends(project, second, 0.4)
    tuner.ended()
    assert deleting.going(project, run).words == ""
    deleting.delete(project, run)
    assert deleting.going(project, second).words.startswith("Search 1 has not ended, and could not go on: no other run")
    deleting.delete(project, second)
    with pytest.raises(UserError, match="runs of search 1 are deleted"):
        tuner.next()
    assert tuning.standing(project, 1).trials[0].value == 0.5  # what is known of them stays


@pytest.mark.parametrize(("key", "words"), [("model", "starts from the model of"), ("teacher", "is taught by")])
def test_a_run_that_a_search_still_needs_stays(project: Project, key: str, words: str) -> None:
    number, _ = training.prepare(project, BASE)
    assert headless.train(project, number, lambda told, said: None, lambda leave: None) == 0
    base = recipes.changed(BASE, {key: str(project.runs.folder(number).model.resolve())})
    search = tuning.create(project, base, [searches.parse(OVER[0])], trials=3)
    tuner = Tuner(project, search.number)
    _ends(project, tuner.next(), 0.5)
    tuner.ended()
    for refused in (deleting.going, deleting.delete):
        with pytest.raises(UserError, match=f"Search 1 {words} run 1 and has not ended; let it end first"):
            refused(project, number)
    tuning.extend(project, 1, trials=1, minutes=0.0)
    deleting.delete(project, number)
    assert [one.number for one in project.runs.all()] == [2]


def test_what_cannot_be_searched_is_told_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    for over, said in (
        (("lora_r=8,16",), "needs a model folder to start from"),
        (("learning_rate=1e-5..1e-2", "learning_rate=1e-5..1e-3"), "two ranges"),
    ):
        with pytest.raises(UserError, match=said):
            _create(project, *over, trials=3)
    with pytest.raises(UserError, match="no search 3; it has none yet"):
        tuning.load(project, 3)
    with pytest.raises(UserError, match="No range is suggested for “adam_epsilon”"):
        tuning.range_of(project, BASE, "adam_epsilon")
    assert tuning.numbers(project) == []
    assert project.runs.all() == []
    assert not (project.path / "searches").exists()


def test_a_search_finds_the_model_of_a_run_in_a_moved_project(trained: Path, tmp_path: Path) -> None:
    with closing(Project.open(trained)) as opened:
        base = recipes.changed(BASE, {"model": str(opened.runs.folder(1).model), "teacher": "1"})
        number = tuning.create(opened, base, [searches.parse(one) for one in OVER], trials=1).number
    with closing(Project.open(trained.rename(tmp_path / "elsewhere"))) as moved:
        now = str(tmp_path / "elsewhere" / "runs" / "0001" / "model")
        for told in (tuning.extend(moved, number, trials=2, minutes=0.0), tuning.load(moved, number)):
            assert (told.base.model, told.base.teacher, told.trials) == (now, now, 2)


def test_a_torn_line_of_the_journal_is_passed_over(project: Project) -> None:
    number = _create(project, trials=5).number
    tuner = Tuner(project, number)
    run = tuner.next()
    _ends(project, run, 0.5)
    tuner.ended()
    journal = tuning.folder_of(project, number) / "journal.log"
    before = journal.read_bytes()
    journal.write_bytes(before + b'{"op_code": 4, "work')
    assert tuning.standing(project, number).trials == tuner.standing().trials
    assert Tuner(project, number).next() == 2
    journal.write_bytes(b"nonsense\n" + before)
    with pytest.raises(UserError, match=r"journal.* is damaged"):
        tuning.standing(project, number)


def test_ranges_suit_the_task_and_the_start(project: Project) -> None:
    told = {one.range.key for one in tuning.suggested(project, BASE)}
    assert {"learning_rate", "hidden_size", "label_smoothing_factor"} <= told
    assert not {"lora_r", "layers", "beta", "mlm_probability"} & told
    default = training.default_recipe(TASKS[run_folders.TASK], "scratch", 80)
    rate = tuning.range_of(project, default, "learning_rate")
    assert rate.low == pytest.approx(default.learning_rate / 10)
    assert rate.high == pytest.approx(default.learning_rate * 10)


def test_who_looks_at_a_search_writes_nothing(project: Project) -> None:
    """Another window may be writing in that moment: a line that looks torn may be one that is on its way."""
    number = _create(project, trials=3).number
    journal = tuning.folder_of(project, number) / "journal.log"
    with closing(Project.watch(project.path)) as watched:
        assert tuning.standing(watched, number).trials == ()
        assert tuning.importance(watched, number) == {}
        assert not journal.exists()
        tuner = Tuner(project, number)
        assert tuner.next() == 1
        whole = journal.read_bytes()
        journal.write_bytes(whole + whole[:40])
        assert [one.run for one in tuning.standing(watched, number).trials] == [1]
        assert tuning.importance(watched, number) == {}
        assert journal.read_bytes() == whole + whole[:40]
