"""The first page: make a project, open one, go on with a recent one, or try the sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import paths
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import bundles, samples
from desktop_llm.gui.pages.recent import Recent
from desktop_llm.tasks import TASKS
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.choice_card import ChoiceCard
from desktop_llm.widgets.form import row_title

if TYPE_CHECKING:
    from desktop_llm.gui.background import Task
    from desktop_llm.settings import Settings
    from desktop_llm.store.project import Project

WIDEST = 1200
FORBIDDEN = frozenset('/\\:*?"<>|')
"""Signs that one system or another does not take in the name of a folder."""


def folder_name(name: str) -> str:
    """The name of the folder for a project's name; '' when nothing of it can be used."""
    return "".join("_" if sign in FORBIDDEN or not sign.isprintable() else sign for sign in name).strip(" ._")


def _files(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


class ProjectsPage(Page):
    """New, open, recent, sample."""

    name = "projects"

    def __init__(self, hub: Hub) -> None:
        """Recent projects come from the settings."""
        super().__init__(hub, hub.tr("Projects"))
        self._busy: Task | None = None
        self._sample_buttons: list[QPushButton] = []
        self.open_button = button(self.tr("Open folder…"), "projects.open", self._on_open)
        self.bundle_button = button(self.tr("Open a bundle…"), "projects.bundle", self._on_bundle)
        self.bundle_button.setToolTip(self.tr("Make a project of the file that a colleague has sent."))
        self.header.addWidget(self.bundle_button)
        self.header.addWidget(self.open_button)
        self.setAcceptDrops(True)
        inside = QWidget()
        inside.setMaximumWidth(WIDEST)
        columns = QHBoxLayout(inside)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addWidget(self._new_card())
        left.addStretch(1)
        columns.addLayout(left, 1)
        self.recent = Recent(self.tr("Recent projects"))
        self.recent.chosen.connect(self._open)
        self.recent.forgotten.connect(self._on_forgotten)
        right = QVBoxLayout()
        right.setSpacing(16)
        right.addWidget(self.recent)
        shipped = samples.shipped()
        if shipped:
            right.addWidget(self._samples_card(shipped))
        right.addStretch(1)
        columns.addLayout(right, 1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self.content.addWidget(area, 1)
        hub.settings_changed.connect(self._on_settings_changed)
        self._on_settings_changed(hub.settings)

    def set_project(self, project: Project | None) -> None:
        """Mark the one that is open."""
        self.recent.mark_open(project.path if project is not None else None)

    def opened(self, **arguments: Any) -> None:
        """`new` puts the cursor into the name; `pick` asks for a folder, `bundle` for a bundle."""
        self._look_for_missing()
        if arguments.get("new"):
            self.name_field.setFocus()
            self.name_field.selectAll()
        if arguments.get("pick"):
            self._on_open()
        if arguments.get("bundle"):
            self._on_bundle()

    def _new_card(self) -> Card:
        card = Card(self.tr("New project"))
        self._tasks = QButtonGroup(self)
        choices = QGridLayout()
        choices.setSpacing(8)
        card.body.addLayout(choices)
        for place, task in enumerate(TASKS.values()):
            without = "" if task.learns else self.tr(" Labels only, no model yet.")
            choice = ChoiceCard(task.title, task.description + without, f"projects.task.{task.name}")
            choice.setProperty("task", task.name)
            choice.setCheckable(True)
            choice.setChecked(not self._tasks.buttons())
            self._tasks.addButton(choice)
            choices.addWidget(choice, place // 2, place % 2)
        self.name_field = self._line("projects.name", self.tr("Name"), self.tr("for example Support tickets"))
        self.name_field.textChanged.connect(self._on_typed)
        self.name_field.returnPressed.connect(self._on_create)
        self.folder_field = self._line("projects.folder", self.tr("In folder"), "")
        self.folder_field.setText(str(paths.projects_dir()))
        self.folder_field.textChanged.connect(self._on_typed)
        folder = QHBoxLayout()
        folder.setSpacing(8)
        folder.addWidget(self.folder_field, 1)
        folder.addWidget(button(self.tr("Choose…"), "projects.choose", self._on_choose))
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(row_title(self.tr("Name")), self.name_field)
        form.addRow(row_title(self.tr("In folder")), folder)
        card.body.addLayout(form)
        self._where = plain_label("", "muted", wrap=True)
        self._where.setObjectName("projects.where")
        self.create_button = button(self.tr("Make project"), "projects.new", self._on_create, kind="primary")
        last = QHBoxLayout()
        last.addWidget(self._where, 1)
        last.addWidget(self.create_button, 0, Qt.AlignmentFlag.AlignBottom)
        card.body.addLayout(last)
        self._on_typed()
        return card

    def _line(self, name: str, title: str, hint: str) -> QLineEdit:
        line = QLineEdit()
        line.setObjectName(name)
        line.setAccessibleName(title)
        line.setPlaceholderText(hint)
        return line

    def _samples_card(self, shipped: Sequence[samples.Sample]) -> Card:
        card = Card(self.tr("Sample projects"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        for row, sample in enumerate(shipped):
            name = "projects.sample" if not row else f"projects.sample.{sample.task}"
            opening = button(self.tr("Open"), name, partial(self._on_sample, sample), kind="plain")
            opening.setAccessibleName(self.tr("Open the sample {name}").format(name=sample.name))
            self._sample_buttons.append(opening)
            words = f"{TASKS[sample.task].title}: {sample.words}"
            grid.addWidget(plain_label(words, "muted", wrap=True), row, 0)
            grid.addWidget(opening, row, 1, Qt.AlignmentFlag.AlignVCenter)
        card.body.addLayout(grid)
        return card

    def _path(self) -> Path | None:
        """Where the new project would be; None while something is missing."""
        name, folder = folder_name(self.name_field.text()), self.folder_field.text().strip()
        return paths.expanded(folder) / name if name and folder else None

    def _begin(self, task: Task) -> None:
        """One project at a time: a second click would meet the first one's lock."""
        self._busy = task
        task.ended.connect(self._on_ended)
        self._show_busy()

    def _on_ended(self, task: Task) -> None:
        if task is self._busy:
            self._busy = None
            self._show_busy()

    def _show_busy(self) -> None:
        free = self._busy is None
        for part in (self.open_button, self.bundle_button, self.recent, *self._sample_buttons):
            part.setEnabled(free)
        self._on_typed()

    def _on_typed(self) -> None:
        path = self._path()
        self.create_button.setEnabled(path is not None and self._busy is None)
        self._where.setText(self.tr("Will be the folder {path}").format(path=path) if path is not None else "")

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("In folder"), self.folder_field.text())
        if chosen:
            self.folder_field.setText(chosen)

    def _on_create(self) -> None:
        path, task = self._path(), self._tasks.checkedButton()
        if path is None or self._busy is not None or task is None:
            return
        made = self.hub.create_project(path, str(task.property("task")), " ".join(self.name_field.text().split()))
        self._begin(made)
        made.ended.connect(self._on_created)

    def _on_created(self, task: Task) -> None:
        if task.error is None:
            self.name_field.clear()

    def _on_open(self) -> None:
        start = paths.projects_dir()
        chosen = QFileDialog.getExistingDirectory(
            self, self.tr("Open the folder of a project"), str(start if start.is_dir() else Path.home())
        )
        if chosen:
            self._open(Path(chosen))

    def _on_bundle(self) -> None:
        bundles.ask_and_take(self.hub, self, new=True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take bundles."""
        if bundles.apart(_files(event))[0] and self._busy is None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Make a project of each bundle."""
        event.acceptProposedAction()
        bundles.take(self.hub, self, bundles.apart(_files(event))[0], new=True)

    def _open(self, path: Path) -> None:
        if self.hub.project is not None and self.hub.project.path == path.absolute():
            self.hub.page_asked.emit("label", {})
        elif self._busy is None:
            self._begin(self.hub.open_project(path, then_page="label"))

    def _on_sample(self, sample: samples.Sample) -> None:
        path = paths.projects_dir() / sample.name
        if self.hub.project is not None and self.hub.project.path == path.absolute():
            self.hub.page_asked.emit("label", {})
            return
        self._begin(
            self.hub.background.run(
                lambda task: samples.make(sample, paths.projects_dir(), task.should_stop),
                on_done=self._on_sample_made,
                on_error=self.hub.show_error,
                title=self.tr("Making the sample"),
            )
        )

    def _on_sample_made(self, path: Path) -> None:
        self._busy = None
        self._open(path)

    def _on_settings_changed(self, settings: Settings) -> None:
        if self.recent.show_paths([Path(name) for name in settings.recent_projects]):
            self._look_for_missing()

    def _look_for_missing(self) -> None:
        """A folder on a sleeping disk or a lost network is asked for in the background."""
        from desktop_llm.store.project import is_project

        recent = [Path(name) for name in self.hub.settings.recent_projects]
        if recent:
            self.hub.background.run(
                lambda _: [path for path in recent if not is_project(path)], on_done=self.recent.mark_missing
            )

    def _on_forgotten(self, path: Path) -> None:
        recent = tuple(one for one in self.hub.settings.recent_projects if one != str(path))
        self.hub.save_settings(recent_projects=recent)
