"""The training loop: batches to steps, measured and saved as planned, obeying pause, stop and leave at every step.

What a step computes depends only on the job and the step's number, never on time, pauses or saves: so a run that
was killed and resumed ends with the weights of one that was not. Only where a loss is no number any more does it
depend on the last checkpoint, to which the run then goes back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Literal

import numpy as np

from desktop_llm.engine import compiling, evaluate, recovering, samples, watching
from desktop_llm.engine.checkpoint import Progress
from desktop_llm.engine.dynamics import Dynamics
from desktop_llm.engine.keeping import Keeping
from desktop_llm.engine.parts import Parts
from desktop_llm.engine.recovering import NotFiniteError
from desktop_llm.engine.stepper import Stepper
from desktop_llm.engine.telling import Telling
from desktop_llm.engine.watching import Advice, Watch
from desktop_llm.jobs.control import WISHES, Wish
from desktop_llm.jobs.events import Advised, Continued, Evaluated, Paused
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import buckets
from desktop_llm.tasks import task as task_named

Outcome = Literal["completed", "early_stopped", "stopped", "left"]


class Loop:
    """One run's steps, from `progress` to the end."""

    def __init__(self, parts: Parts, stepper: Stepper) -> None:
        """The learner is on its device; `progress` is set by the caller after a restore."""
        self.parts, self._stepper = parts, stepper
        self.progress = Progress(precision=parts.device.precision)
        self._keeping = Keeping(parts, stepper)
        self._telling = Telling(parts, self._on_losses)
        self._dynamics = Dynamics(parts.dynamics, parts.ranks)
        self._task = task_named(parts.job.task)
        metric = self._task.metric(parts.plan.metric)
        title = metric.title if metric is not None else ""
        self._missing = False
        """Whether it was said that what decides which model is the best is not measured."""
        self._watch = Watch(parts.job.recipe, parts.plan, len(parts.validation), title)
        # of rows that need no label there is no answer to compare
        shown = [] if self._task.unsupervised else parts.validation.rows
        self._samples = samples.chosen(shown, parts.job.recipe.seed)

    def settle(self) -> None:
        """Decide how steps are computed, compiled or not, before the first of them."""
        self.parts.learner.model.train()
        progress, parts = self.progress, self.parts
        left = parts.plan.total_steps - progress.step
        if left > 0:
            mode = compiling.settle(
                self._stepper.gradient,
                parts.job.recipe,
                batch=parts.plan.batch,
                steps=left,
                mode=progress.mode,
                voice=parts.voice,
            )
            self.progress = replace(progress, mode=mode)

    def run(self) -> Outcome:
        """Step until the plan, the patience or the person ends it; what is to be kept is on the disk then.

        Raises UserError for a loss that is no number, once going back to the last checkpoint is of no use.
        """
        try:
            outcome = self._run()
            self._save_now()
        finally:
            self._telling.close()
            self._keeping.close()
        return outcome

    def _run(self) -> Outcome:
        self.parts.learner.model.train()
        self._stepper.on_halved = self._on_halved
        self._take_up()
        if self.progress.step == 0:
            self.save()
        while True:
            try:
                return self._go_on()
            except NotFiniteError as error:
                self._go_back(error.step)

    def save(self) -> None:
        """Take a checkpoint of where the run stands; a disk that refuses is told."""
        self._gather()
        self._keeping.save(self.progress)

    def _save_now(self) -> None:
        self._gather()
        self._keeping.save_now(self.progress)

    def _gather(self) -> None:
        """Bring together what belongs into a checkpoint of this moment."""
        self._telling.say()
        self._agree_on_places()
        said = self._dynamics.write(self.progress.step)
        if said:
            self.parts.voice.note(said, "warning")
        self.progress = replace(self.progress, watch=watching.to_json(self._watch.memory))

    def _agree_on_places(self) -> None:
        """Of several processes all compute at once what the one with the fullest memory can."""
        ranks, mine = self.parts.ranks, self.progress.places
        if ranks.alone:
            return
        least = ranks.decided(min((one for one in ranks.gathered(mine) if one), default=0))[0]
        if least != mine:
            self._on_halved(least)
            self._stepper.gradient.places = least

    def finish(self) -> None:
        """After the last step: sum up how the examples were judged."""
        rows, labeled = self.parts.train.rows, int(self.parts.job.snapshot["train"])
        # what a teacher said of those behind them is nobody's label to be doubted
        said = self._dynamics.finish(
            lambda: [int(row.get("id", place)) for place, row in enumerate(islice(rows, labeled))]
        )
        if said:
            self.parts.voice.note(said, "warning")

    def advise(self, advice: Advice | None) -> None:
        """Tell what somebody else found out about the run, unless it was told."""
        if advice is not None:
            self._tell(self._watch.say(advice))

    def _go_on(self) -> Outcome:
        while self.progress.step < self.parts.plan.total_steps:
            for group in self._groups():
                began = time.monotonic()
                self._step(group)
                self.progress = replace(self.progress, seconds=self.progress.seconds + time.monotonic() - began)
                outcome = self._after_step()
                if outcome is not None:
                    self._telling.say()
                    return outcome
            self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
        self._telling.say()
        return "completed"

    def _take_up(self) -> None:
        """Let everybody stand where the run stands."""
        self.progress = replace(self.progress, rows=self.parts.plan.batch)
        self._watch.memory = watching.from_json(self.progress.watch)
        self._stepper.rate_factor = self.progress.rate_factor
        self._stepper.gradient.places = self.progress.places
        self._stepper.gradient.most = self._most_at_once()
        self._dynamics.begin(self.progress.step)
        self._telling.begin()
        self._keeping.begin(self.progress.step or None)

    def _most_at_once(self) -> int:
        """How many examples a process computes at once where fewer of them than before share a batch; 0: all."""
        most = self.parts.job.recipe.per_device_train_batch_size
        return most if -(-self.parts.plan.batch // self.parts.ranks.world) > most else 0

    def put_average(self) -> None:
        """Give the model the weights that are kept where none was the best."""
        self._stepper.put_average()

    def _go_back(self, bad: int) -> None:
        """From step `bad`, whose loss or gradient is no number, to the last checkpoint, which is written anew."""
        self._keeping.wait()
        self.progress = recovering.back(self.parts, self._stepper, self.progress, bad)
        self._take_up()
        self.advise(recovering.advice(self.parts.job.recipe.learning_rate, self.progress))
        self.save()

    def _groups(self) -> list[list[np.ndarray]]:
        """The batches of each step left in this epoch."""
        recipe = self.parts.job.recipe
        return buckets.training_steps(
            len(self.parts.train.examples),
            self.parts.plan.batch,
            recipe.gradient_accumulation_steps,
            seed=recipe.seed,
            epoch=self.progress.epoch,
            strata=self.parts.train.examples.strata,
            weights=self.parts.weights,
            done=self.progress.batch,
        )

    def _step(self, group: list[np.ndarray]) -> None:
        step = self.progress.step + 1
        stepped = self._stepper.step(group, step)
        self._dynamics.add(self.progress.epoch, self._stepper.gradient.judged)
        self.progress = replace(self.progress, step=step, batch=self.progress.batch + len(group))
        lengths = self.parts.train.examples.lengths
        self._telling.add(step, np.concatenate([lengths[batch] for batch in group]), stepped)

    def _after_step(self) -> Outcome | None:
        plan, step, ranks = self.parts.plan, self.progress.step, self.parts.ranks
        self.parts.voice.beat()
        if ranks.decided(self._telling.is_due)[0]:
            self._telling.say()
        self._keeping.collect()
        if (step % plan.eval_steps == 0 or step == plan.total_steps) and len(self.parts.validation):
            with self._stepper.averaged():
                self._evaluate()
            patience = self.parts.job.recipe.early_stopping_patience
            if patience and self.progress.waited >= patience and step < plan.total_steps:
                return "early_stopped"
        if ranks.decided(self._keeping.is_due(step))[0]:
            self.save()
        # The last step may lie in the middle of an epoch.
        return self._obey() or ("completed" if step >= plan.total_steps else None)

    def _obey(self) -> Outcome | None:
        wish = self._wish()
        if wish == "pause":
            wish = self._pause()
        if wish == "leave":
            return "left"
        # a run that repeats one which a person stopped ends where that one did
        return "stopped" if wish == "stop" or self.progress.step == self.parts.job.again.get("stopped_at") else None

    def _wish(self, *, wait: bool = False) -> Wish:
        """What the person wants, as the first process hears it; `wait` a little for another wish than to pause."""
        control = self.parts.control
        wish = control.wait_while_paused(1.0) if wait and self.parts.ranks.first else control.wish
        return WISHES[self.parts.ranks.decided(WISHES.index(wish))[0]]

    def _pause(self) -> Wish:
        """Hold, with nothing left in the memory of a GPU, until the person wants something else."""
        self._save_now()
        freed = self._stepper.release()
        self.parts.voice.say(Paused(at=time.time(), step=self.progress.step, freed=freed))
        wish = self._wish()
        while wish == "pause":
            wish = self._wish(wait=True)
            self.parts.voice.beat()
        if wish != "leave":
            self._stepper.take_back()
        self._telling.begin()
        if wish == "run":
            self.parts.voice.say(Continued(at=time.time(), step=self.progress.step))
        return wish

    def _evaluate(self) -> None:
        self._telling.say()
        parts, plan = self.parts, self.parts.plan
        scores, answers = evaluate.measure(
            parts.spread,
            parts.validation,
            parts.device,
            parts.job.recipe.per_device_eval_batch_size,
            parts.classes,
            parts.score,
            parts.voice.beat,
            decide=True,
        )
        value = parts.ranks.told(scores.metrics.get(plan.metric, math.nan))
        better = self._compare(value)
        parts.voice.say(
            Evaluated(at=time.time(), step=self.progress.step, split="validation", metrics=scores.metrics, best=better)
        )
        if parts.ranks.first:
            self._look_at(value, scores.metrics.get("loss", math.nan), answers)
        self._telling.begin()

    def _compare(self, value: float) -> bool:
        """Whether this measurement is the best so far; if so its model is kept, else the run has waited once more."""
        best, plan = self.progress.best, self.parts.plan
        if best is None and math.isnan(value):
            if not self._missing:
                self._missing = True
                said = f"The run was not measured by “{plan.metric}” at step {self.progress.step:,}"
                self.parts.voice.note(f"{said}: no model is the best one by that yet.", "warning")
            return False
        better = best is None or (value > best if plan.higher_is_better else value < best)
        if better:
            self._keeping.best(self.progress.step)
            self.progress = replace(self.progress, best=value, best_step=self.progress.step, waited=0)
        else:
            self.progress = replace(self.progress, waited=self.progress.waited + 1)
        return better

    def _look_at(self, value: float, loss: float, answers: Sequence[Prediction]) -> None:
        """Show some of the answers, and let the watch-dog hear of the measurement."""
        parts, rows = self.parts, self.parts.validation.rows
        sampled = samples.told(self._task, self._samples, rows, answers, parts.classes, self.progress.step)
        if sampled is not None:
            parts.voice.say(sampled)
        truth, said = [row["label"] for row in rows], [one.label for one in answers]
        dead = watching.not_predicted(truth, said, self._task.labels.names) if self._task.classes else {}
        self._tell(self._watch.measured(self.progress.step, value, loss, dead))

    def _on_losses(self, losses: Sequence[tuple[int, float]]) -> None:
        self._tell(self._watch.steps(losses))

    def _on_halved(self, places: int) -> None:
        """Memory was full: keep what is computed at once from now on, and say so."""
        recipe = self.parts.job.recipe
        most = max(1, places // max(1, int(self.parts.train.examples.lengths.max())))
        self.progress = replace(self.progress, places=places)
        batch = self.parts.plan.batch * recipe.gradient_accumulation_steps
        self.parts.voice.note(
            f"The memory was full at step {self.progress.step + 1:,}: of the longest texts, {most:,} are computed at "
            f"once from now on and their gradients added up; a step still learns from {batch:,} texts.",
            "warning",
        )

    def _tell(self, told: Sequence[Advice]) -> None:
        for one in told:
            self.parts.voice.say(
                Advised(
                    at=time.time(),
                    step=self.progress.step,
                    about=one.about,
                    message=one.message,
                    action=one.action,
                    value=one.value,
                )
            )
