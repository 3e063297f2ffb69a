"""The first page: make a project, open one, go on with a recent one, or try the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_llm import paths
from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.tasks import TASKS
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

SAMPLE = "Sample: shop messages"
SAMPLE_FILE = "shop_messages.jsonl"


class ProjectsPage(Page):
    """New, open, recent, sample."""

    name = "projects"

    def __init__(self, hub: Hub) -> None:
        """Recent projects come from the settings."""
        super().__init__(hub, hub.tr("Projects"))
        self.header.addWidget(button(self.tr("Open project…"), "projects.open", self._on_open))
        columns = QHBoxLayout()
        columns.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addWidget(self._new_card())
        left.addWidget(self._sample_card())
        left.addStretch(1)
        columns.addLayout(left, 1)
        columns.addWidget(self._recent_card(), 1)
        self.content.addLayout(columns, 1)
        hub.settings_changed.connect(lambda _: self._show_recent())
        self._show_recent()

    def opened(self, **arguments: Any) -> None:
        """`new` puts the cursor into the name; `pick` asks for a folder."""
        if arguments.get("new"):
            self.name_field.setFocus()
            self.name_field.selectAll()
        if arguments.get("pick"):
            self._on_open()

    def _new_card(self) -> Card:
        card = Card(self.tr("New project"))
        self._tasks = QButtonGroup(self)
        for task in TASKS.values():
            choice = QPushButton(f"{task.title}\n{task.description}")
            choice.setObjectName(f"projects.task.{task.name}")
            choice.setAccessibleName(task.title)
            choice.setProperty("kind", "choice")
            choice.setProperty("task", task.name)
            choice.setCheckable(True)
            choice.setChecked(not self._tasks.buttons())
            self._tasks.addButton(choice)
            card.body.addWidget(choice)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.name_field = QLineEdit()
        self.name_field.setObjectName("projects.name")
        self.name_field.setAccessibleName(self.tr("Name"))
        self.name_field.setPlaceholderText(self.tr("Support tickets"))
        self.name_field.textChanged.connect(self._on_name_changed)
        self.name_field.returnPressed.connect(self._on_create)
        self.folder_field = QLineEdit(str(paths.projects_dir()))
        self.folder_field.setObjectName("projects.folder")
        self.folder_field.setAccessibleName(self.tr("In folder"))
        folder = QHBoxLayout()
        folder.addWidget(self.folder_field, 1)
        folder.addWidget(button(self.tr("Choose…"), "projects.choose", self._on_choose))
        form.addRow(plain_label(self.tr("Name"), "muted"), self.name_field)
        form.addRow(plain_label(self.tr("In folder"), "muted"), folder)
        card.body.addLayout(form)
        self.create_button = button(self.tr("Make project"), "projects.new", self._on_create, kind="primary")
        self.create_button.setEnabled(False)
        card.body.addWidget(self.create_button, 0, Qt.AlignmentFlag.AlignRight)
        return card

    def _sample_card(self) -> Card:
        card = Card(self.tr("Look around first"))
        words = self.tr(
            "A sample project with short messages to a shop: half of them labeled, half waiting for you. "
            "It trains within a minute."
        )
        card.body.addWidget(plain_label(words, "muted", wrap=True))
        self.sample_button = button(self.tr("Open the sample"), "projects.sample", self._on_sample)
        card.body.addWidget(self.sample_button, 0, Qt.AlignmentFlag.AlignRight)
        return card

    def _recent_card(self) -> Card:
        self._recent = Card(self.tr("Recent"))
        self._recent_list = QVBoxLayout()
        self._recent_list.setSpacing(4)
        self._recent.body.addLayout(self._recent_list)
        self._recent.body.addStretch(1)
        return self._recent

    def _show_recent(self) -> None:
        while self._recent_list.count():
            widget = self._recent_list.takeAt(0).widget()
            if widget is not None:
                widget.deleteLater()
        recent = self.hub.settings.recent_projects
        if not recent:
            words = self.tr("Projects that you open are listed here.")
            self._recent_list.addWidget(plain_label(words, "muted", wrap=True))
        for place, name in enumerate(recent):
            self._recent_list.addWidget(self._recent_row(place, Path(name)))

    def _recent_row(self, place: int, path: Path) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        there = (path / "project.db").is_file()
        made = QPushButton(f"{path.name}\n{path.parent}".replace("&", "&&"))
        made.setObjectName(f"projects.recent.{place}")
        made.setAccessibleName(path.name)
        made.setProperty("kind", "choice")
        made.setEnabled(there)
        made.clicked.connect(lambda: self.hub.open_project(path, then_page="label"))
        line.addWidget(made, 1)
        forget = button(self.tr("Remove"), f"projects.forget.{place}", lambda: self._forget(str(path)), kind="quiet")
        forget.setToolTip(self.tr("Takes it from this list; the files stay."))
        line.addWidget(forget)
        return row

    def _forget(self, name: str) -> None:
        recent = tuple(one for one in self.hub.settings.recent_projects if one != name)
        self.hub.save_settings(recent_projects=recent)

    def _on_name_changed(self, text: str) -> None:
        self.create_button.setEnabled(bool(text.strip()))

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("In folder"), self.folder_field.text())
        if chosen:
            self.folder_field.setText(chosen)

    def _on_create(self) -> None:
        name = self.name_field.text().strip()
        folder = "".join("_" if sign in '/\\:*?"<>|' or ord(sign) < 32 else sign for sign in name).strip(". ")
        if not folder:
            self.hub.show_error(UserError(self.tr("Give the project a name with letters or digits.")))
            return
        path = Path(self.folder_field.text()).expanduser() / folder
        self.hub.create_project(path, str(self._tasks.checkedButton().property("task")), name)
        self.name_field.clear()

    def _on_open(self) -> None:
        start = paths.projects_dir()
        start = start if start.is_dir() else Path.home()
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open project"), str(start))
        if chosen:
            self.hub.open_project(Path(chosen), then_page="label")

    def _on_sample(self) -> None:
        path = paths.projects_dir() / SAMPLE.replace(":", "")
        self.sample_button.setEnabled(False)
        self.hub.background.run(
            lambda task: _make_sample(path, task),
            on_done=lambda _: self._on_sample_made(path),
            on_error=self._on_sample_failed,
            title=self.tr("Making the sample"),
        )

    def _on_sample_made(self, path: Path) -> None:
        self.sample_button.setEnabled(True)
        self.hub.open_project(path, then_page="label")

    def _on_sample_failed(self, error: UserError) -> None:
        self.sample_button.setEnabled(True)
        self.hub.show_error(error)


def _make_sample(path: Path, told: Task) -> None:
    """Make and fill the sample project, unless it is there from an earlier time."""
    from desktop_llm.store.project import Project, is_project
    from desktop_llm.verbs import importing

    if is_project(path):
        return
    task = next(iter(TASKS.values()))
    project = Project.create(path, task.name, SAMPLE)
    try:
        plan = importing.plan(task, paths.resource("samples", SAMPLE_FILE))
        importing.run(project, plan, should_stop=told.should_stop)
    finally:
        project.close()
