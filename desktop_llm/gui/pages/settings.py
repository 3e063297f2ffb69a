"""The Settings page: what a person can set, where things are kept, and which versions run."""

from __future__ import annotations

import platform
from functools import partial
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_llm import __version__, paths
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.gui import key_dialog
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.labeler_offer import LabelerOffer
from desktop_llm.gui.pages.settings_prices import PricesCard
from desktop_llm.settings import Settings
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import DataForm

WIDEST = 760
WINDOW_KEYS = ("theme",)
PERSON_KEYS = ("labeler",)
WORK_KEYS = ("advance_after_label", "train_in_window", "measure_by_itself", "keep_awake", "tell_end")
KEY_KEYS = ("key_preset",)
LIBRARIES = ("PySide6-Essentials", "torch", "transformers", "tokenizers", "safetensors", "sqlite-utils")


def versions() -> list[tuple[str, str]]:
    """Name and version of the program and of what it stands on; nothing is imported for it."""
    told = [("desktop_llm", __version__), ("Python", platform.python_version()), ("Qt", qVersion())]
    for name in LIBRARIES:
        try:
            told.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:  # a packed program may come without the metadata
            continue
    return [*told, ("System", platform.platform(terse=True))]


class SettingsPage(Page):
    """Every change takes effect and is kept at once."""

    name = "settings"

    def __init__(self, hub: Hub) -> None:
        """Shows the hub's settings."""
        super().__init__(hub, hub.tr("Settings"))
        inside = QWidget()
        inside.setMaximumWidth(WIDEST)
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 8, 0)
        whole.setSpacing(16)
        self._forms = [
            self._form(whole, self.tr("Window"), WINDOW_KEYS),
            self._person(whole),
            self._form(whole, self.tr("Work"), WORK_KEYS),
            self._keys(whole),
        ]
        whole.addWidget(PricesCard(hub))
        whole.addWidget(self._folders())
        whole.addWidget(self._about())
        whole.addStretch(1)
        area = QScrollArea()
        area.setObjectName("settings.scroll")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self.content.addWidget(area, 1)
        hub.settings_changed.connect(self._on_settings_changed)

    def _form(self, whole: QVBoxLayout, title: str, keys: tuple[str, ...]) -> DataForm:
        card = Card(title)
        form = DataForm(Settings, keys, self.hub.settings, "settings", notes=True)
        form.changed.connect(self._on_changed)
        card.body.addWidget(form)
        whole.addWidget(card)
        return form

    def _person(self, whole: QVBoxLayout) -> DataForm:
        """Who labels; whoever changes the name is asked for the labels under the old one."""
        form = self._form(whole, self.tr("You"), PERSON_KEYS)
        card = form.parentWidget()
        assert isinstance(card, Card)
        card.body.addWidget(LabelerOffer(self.hub))
        return form

    def _keys(self, whole: QVBoxLayout) -> DataForm:
        """The preset, and the way to the single keys."""
        form = self._form(whole, self.tr("Keys"), KEY_KEYS)
        card = form.parentWidget()
        assert isinstance(card, Card)
        line = QHBoxLayout()
        line.addWidget(
            button(self.tr("Keys…"), "settings.keys", lambda: key_dialog.open_dialog(self.hub, self.window()))
        )
        line.addStretch(1)
        card.body.addLayout(line)
        return form

    def _folders(self) -> Card:
        card = Card(self.tr("Folders"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, (title, name, folder) in enumerate(
            (
                (self.tr("Projects"), "settings.open_projects", paths.projects_dir()),
                (self.tr("Settings"), "settings.open_config", paths.config_dir()),
                (self.tr("Log"), "settings.open_log", paths.log_dir()),
            )
        ):
            where = plain_label(str(folder), "muted", wrap=True)
            where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            opener = button(self.tr("Open folder"), name, partial(self._open, folder))
            opener.setAccessibleName(self.tr("Open folder: {name}").format(name=title))
            grid.addWidget(plain_label(title), row, 0)
            grid.addWidget(where, row, 1)
            grid.addWidget(opener, row, 2)
        card.body.addLayout(grid)
        return card

    def _about(self) -> Card:
        card = Card(self.tr("Versions"), self.tr("everything stays on this computer"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        told = versions()
        for row, (name, version) in enumerate(told):
            grid.addWidget(plain_label(name, "muted"), row, 0)
            grid.addWidget(plain_label(version), row, 1)
        card.body.addLayout(grid)
        text = "\n".join(f"{name} {version}" for name, version in told)

        def copy() -> None:
            QGuiApplication.clipboard().setText(text)

        line = QHBoxLayout()
        line.addWidget(button(self.tr("Copy"), "settings.copy_versions", copy))
        line.addStretch(1)
        card.body.addLayout(line)
        return card

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.hub.show_error(from_os_error(error, self.tr("open the folder"), folder))
            return
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            sentence = self.tr("No program here opens folders; the folder is “{path}”.").format(path=folder)
            self.hub.show_error(UserError(sentence))

    def _on_changed(self, key: str, value: object) -> None:
        self.hub.save_settings(**{key: value})

    def _on_settings_changed(self, settings: Settings) -> None:
        for form in self._forms:
            form.set_values(settings)
