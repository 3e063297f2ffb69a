"""The setup of a run: where it starts from, its size, and its hyperparameters in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.catalog import folder as folders
from desktop_llm.errors import UserError
from desktop_llm.gui.pages.train_devices import SPREAD_KEYS, TrainDevices
from desktop_llm.gui.pages.train_fold import TrainFold
from desktop_llm.jobs import amounts
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import OWN, SCRATCH, Recipe
from desktop_llm.jobs.recipe_teacher import GROUP as TEACHER
from desktop_llm.tasks.task import Preset, Task
from desktop_llm.verbs import possible
from desktop_llm.verbs.sizing import parameters
from desktop_llm.verbs.training import default_recipe
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice, DataForm

PICK, KEPT = "…", "……"
"""What is no model: any folder is to be chosen, or one of those that are kept."""
SIZES = [one.name for one in fields(Recipe) if one.metadata.get("scratch_only")]
FOLDER_KEYS = [one.name for one in fields(Recipe) if one.metadata.get("folder_only")]


def _keys(*groups: str) -> list[str]:
    return [one.name for group in groups for one in fields(Recipe) if one.metadata["group"] == group]


class TrainSetup(QWidget):
    """Signals: `changed()`: another recipe is set; `models_asked()`: the models that are kept are to be shown."""

    changed = Signal()
    models_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows the general defaults until `set_task`."""
        super().__init__(parent)
        self._task: Task | None = None
        self._recipe = Recipe()
        self._rows = 0
        self._runs: dict[str, str] = {}
        self._own = False
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 8, 0)
        whole.setSpacing(8)
        self._model = Choice()
        self._model.setObjectName("train.model")
        self._model.setAccessibleName(self.tr("Start from"))
        self._model.setToolTip("<p><code>model</code></p>")
        self._preset = Choice()
        self._preset.setObjectName("train.preset")
        self._preset.setAccessibleName(self.tr("Size"))
        self._about = plain_label("", "muted", wrap=True)
        own = [key for key, group in OWN.items() if group != TEACHER]
        self._form = DataForm(Recipe, [*own, *_keys("size", "training"), *SPREAD_KEYS], self._recipe, "train")
        self._devices = TrainDevices(self._form)
        self._reset = button(self.tr("Reset"), "train.reset", self._on_reset, kind="quiet")
        more = TrainFold(self.tr("More settings"), "train.more", _keys("more"), self._recipe, self._reset)
        optimizer = TrainFold(self.tr("Optimizer"), "train.optimizer", _keys("optimizer"), self._recipe)
        self._adapters = TrainFold(self.tr("Adapters (LoRA)"), "train.adapters", _keys("adapter"), self._recipe)
        self._teaching = TrainFold(self.tr("Teacher (distillation)"), "train.teaching", _keys(TEACHER), self._recipe)
        folds = (more, optimizer, self._adapters, self._teaching)
        self._forms = (self._form, *(fold.form for fold in folds))
        titles = max(form.titles_width() for form in self._forms)
        for words, box in ((self.tr("Start from"), self._model), (self.tr("Size"), self._preset)):
            line = QHBoxLayout()
            line.setSpacing(12)
            label = plain_label(words, "muted")
            label.setFixedWidth(titles)
            box.let_narrow()
            line.addWidget(label)
            line.addWidget(box, 1)
            whole.addLayout(line)
        self._preset_label = label
        whole.addWidget(self._about)
        self._advice = plain_label("", "muted", wrap=True)
        self._advice.setObjectName("train.size_advice")
        self._advice.hide()
        whole.addWidget(self._advice)
        for form in self._forms:
            form.set_titles_width(titles)
            form.changed.connect(self._on_form_changed)
        whole.addWidget(self._form)
        for fold in folds:
            whole.addWidget(fold)
        whole.addStretch(1)
        self._model.activated.connect(self._on_model_chosen)
        self._preset.activated.connect(self._on_preset_chosen)

    def scrolled(self) -> QScrollArea:
        """Itself in an area that scrolls where a window is too low for it."""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self)
        return area

    @property
    def recipe(self) -> Recipe:
        """The recipe as it is set. Raises UserError for a value that cannot be."""
        try:
            told = {key: value for form in self._forms for key, value in form.values().items()}
        except ValueError as error:
            raise UserError(self.tr("“{title}” is not a number.").format(title=error)) from error
        return recipes.changed(self._recipe, self._devices.values(told))

    @property
    def own(self) -> bool:
        """Whether the person has set a value; otherwise all are defaults."""
        return self._own

    def set_task(self, task: Task, told: dict[str, Any], models: list[str]) -> None:
        """Offer the task's presets and defaults; `set_rows` suits them to the number of labelled rows.

        `told` is the recipe of last time, its model alone where all else was left to the program; `models` are
        folders used before.
        """
        self._task, self._rows, self._runs = task, 0, {}
        self._own = len(told) > 1
        start = str(told.get("model", SCRATCH))
        self._preset.clear()
        for preset in task.presets:
            self._preset.addItem(self.tr(preset.title), preset)
        self._preset.addItem(self.tr("My own"), None)
        self._model.clear()
        self._model.addItem(self.tr("From scratch"), SCRATCH)
        for model in models:
            self._add_model(model)
        self._model.addItem(self.tr("A model folder…"), PICK)
        self._model.addItem(self.tr("Models…"), KEPT)
        try:
            self._recipe = recipes.from_json(told) if self._own else default_recipe(task, start, self._rows)
        except UserError:
            self._recipe, self._own = default_recipe(task, SCRATCH, self._rows), False
        if self._recipe.model != SCRATCH:
            self._add_model(self._recipe.model)
        self._show()

    def set_runs(self, runs: Mapping[str, str]) -> None:
        """Offer the models of runs, too: their folders, and what they are called here."""
        for gone in self._runs.keys() - runs.keys() - {self._recipe.model}:
            if self._model.findData(gone) >= 0:
                self._model.removeItem(self._model.findData(gone))
        self._runs = dict(runs)
        for place, (model, title) in enumerate(runs.items(), 1):
            there = self._model.findData(model)
            if there >= 0:
                self._model.setItemText(there, title)
            else:
                self._model.insertItem(min(place, self._model.count()), title, model)
        self._model.setCurrentIndex(max(0, self._model.findData(self._recipe.model)))

    def offer_models(self, models: Sequence[str]) -> None:
        """Offer these folders, too."""
        for model in models:
            self._add_model(model)
        self._show()

    def choose_model(self, model: str) -> None:
        """Start from scratch or from a folder, with the task's defaults for it."""
        if self._task is None:
            return
        if model != SCRATCH:
            self._add_model(model)
        self._recipe = default_recipe(self._task, model, self._rows)
        self._own = False
        self._show()
        self.changed.emit()

    def begin_with(self, values: Mapping[str, Any]) -> None:
        """Start from the model of `values`, with the defaults for it, and set the other values."""
        told = dict(values)
        if "model" in told:
            self.choose_model(str(told.pop("model")))
        self.set_values(told)
        self._teaching.unfold(wanted="teacher" in told)

    def set_value(self, key: str, value: Any) -> None:
        """Set one value, as if the person had."""
        self.set_values({key: value})

    def set_values(self, values: dict[str, Any]) -> None:
        """Set some values, as if the person had."""
        self._recipe = self._with_its_rate(recipes.changed(self.recipe, values), values)
        self._own = True
        self._show()
        self.changed.emit()

    def set_recipe(self, recipe: Recipe) -> None:
        """Set a whole recipe, as if the person had."""
        if recipe.model != SCRATCH:
            self._add_model(recipe.model)
        self._recipe, self._own = recipe, True
        self._show()
        self.changed.emit()

    def set_rows(self, rows: int) -> None:
        """Other numbers of labelled rows: the defaults follow, as long as the person has set nothing."""
        self._rows = rows
        if self._task is not None and not self._own:
            self._recipe = default_recipe(self._task, self._recipe.model, rows)
            self._show()

    def set_gpus(self, count: int) -> None:
        """Offer several GPUs at once, where this machine has them."""
        self._devices.offer(count)

    def set_size_advice(self, sentence: str) -> None:
        """Say which size suits the data; '' where nobody knows."""
        self._advice.setText(sentence)
        self._advice.setVisible(bool(sentence))

    def _with_its_rate(self, recipe: Recipe, given: Mapping[str, Any]) -> Recipe:
        """With the learning rate that goes with adapters, or without, where the person has set no other."""
        lora, before = recipe.lora_r > 0, self._recipe.lora_r > 0
        if self._task is None or lora == before or "learning_rate" in given:
            return recipe
        whole, small = (self._usual_rate(recipe.model, lora=one) for one in (False, True))
        was, now = (whole, small) if lora else (small, whole)
        return recipes.changed(recipe, {"learning_rate": now}) if recipe.learning_rate == was else recipe

    def _usual_rate(self, model: str, *, lora: bool) -> float:
        assert self._task is not None
        return default_recipe(self._task, model, self._rows, lora=lora).learning_rate

    def _show(self) -> None:
        scratch = self._recipe.model == SCRATCH
        self._model.setCurrentIndex(max(0, self._model.findData(self._recipe.model)))
        for form in self._forms:
            form.set_values(self._recipe)
            for key in SIZES:
                form.set_shown(key, scratch)
            for key in FOLDER_KEYS:
                form.set_shown(key, not scratch)
        self._show_own()
        self._devices.show(self._recipe)
        self._adapters.setVisible(not scratch)
        self._preset.setVisible(scratch)
        self._preset_label.setVisible(scratch)
        self._show_preset()
        self._about.setText(self._words())
        self._about.setVisible(bool(self._about.text()))

    def _show_own(self) -> None:
        """What only some tasks have, as far as it has a part in what is set."""
        for key, group in OWN.items():
            there = self._task is not None and group in self._task.groups
            if possible.FIELDS[key].metadata.get("of_classes"):
                there = there and self._task is not None and self._task.classes
            for form in (self._form, self._teaching.form):
                form.set_shown(key, there and not possible.without_part(self._recipe, key))
        self._teaching.setVisible(self._task is not None and TEACHER in self._task.groups)

    def _show_preset(self) -> None:
        for place in range(self._preset.count()):
            preset = self._preset.itemData(place)
            values = {} if preset is None else preset.values
            if preset is None or all(getattr(self._recipe, key) == value for key, value in values.items()):
                self._preset.setCurrentIndex(place)
                return

    def _words(self) -> str:
        """What is to be said of the start, and of who teaches."""
        if self._recipe.model == SCRATCH:
            preset = self._preset.currentData()
            help_text = self.tr(preset.help) if isinstance(preset, Preset) else ""
            count = parameters(self._recipe, self._task)
            number, unit = amounts.parameters(count)
            size = f"{number} {self.tr(unit)}".strip()
            words = self.tr("{help} About {size} parameters.").format(help=help_text, size=size).strip()
        else:
            words = folder_words(Path(self._recipe.model))
        teacher = self._recipe.teacher
        if not teacher:
            return words
        named = self.tr("run {number}").format(number=teacher) if teacher.isdecimal() else model_title(teacher)
        return f"{words} {self.tr('Taught by {teacher}.').format(teacher=named)}".strip()

    def _add_model(self, model: str) -> None:
        if self._model.findData(model) < 0:
            place = max(1, self._model.findData(PICK)) if self._model.findData(PICK) >= 0 else self._model.count()
            self._model.insertItem(place, self._runs.get(model) or model_title(model), model)

    def _on_model_chosen(self) -> None:
        chosen = str(self._model.currentData())
        if chosen == KEPT:
            self._show()
            self.models_asked.emit()
            return
        if chosen == PICK:
            chosen = QFileDialog.getExistingDirectory(self, self.tr("A model folder in Hugging Face layout"))
            if not chosen:
                self._show()
                return
        self.choose_model(chosen)

    def _on_preset_chosen(self) -> None:
        preset = self._preset.currentData()
        if isinstance(preset, Preset):
            self._recipe = recipes.changed(self._recipe, dict(preset.values))
            self._own = True
            self._show()
            self.changed.emit()

    def _on_form_changed(self, key: str, value: Any) -> None:
        self._own = True
        try:
            told = self.recipe
            self._recipe = self._with_its_rate(told, {key: value})
        except UserError:
            self.changed.emit()
            return
        if self._recipe.learning_rate != told.learning_rate:
            self._form.set_values(self._recipe)
        self._devices.show(self._recipe)
        self._show_own()
        self._show_preset()
        self._about.setText(self._words())
        self.changed.emit()

    def _on_reset(self) -> None:
        self.choose_model(self._recipe.model)


def model_title(model: str) -> str:
    """What a model folder is called: its name, or where a project's run left it, project and run."""
    folder = Path(model)
    run = folder.parent
    if folder.name == "model" and run.parent.name == "runs" and run.name.isdecimal():
        return QCoreApplication.translate("TrainSetup", "{project}, run {number}").format(
            project=run.parent.parent.name, number=int(run.name)
        )
    return folders.title(folder)


def folder_words(folder: Path) -> str:
    """What a model folder's config.json says of it, in a line; '' when it cannot be read."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = str((told.get("architectures") or [told.get("model_type", "")])[0])
        sizes = [
            f"{told[key]:,} {words}"
            for key, words in (("hidden_size", "wide"), ("num_hidden_layers", "layers"), ("vocab_size", "tokens"))
            if isinstance(told.get(key), int)
        ]
    except (OSError, ValueError, AttributeError, IndexError, TypeError):
        return ""
    return ", ".join([kind, *sizes])
