"""The dialog that asks a served model for suggestions: its address, what leaves this computer, and what came of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.rows import Changes
from desktop_llm.serving import address as addresses
from desktop_llm.serving.address import Address
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import row_title

if TYPE_CHECKING:
    from desktop_llm.verbs.server_suggesting import Asked

WIDTH = 600


class ServerDialog(WorkDialog):
    """Nothing is asked before its button is pressed; where the server is another machine, not before one agrees."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """The address of the server that runs here is proposed, or the one that was asked last."""
        super().__init__(hub, parent, "server", self.tr("Suggestions from a server"), WIDTH)
        self.whole.addWidget(
            plain_label(
                self.tr(
                    "A model that this program serves, here or elsewhere, is asked about all rows without a label."
                    " Labels and further columns are not sent."
                ),
                "muted",
                wrap=True,
            )
        )
        self.whole.addLayout(self._build_form())
        self.agree = QCheckBox(self.tr("I agree"))
        self.agree.setObjectName("server.agree")
        self.agree.toggled.connect(lambda _: self._let())
        self._warning = plain_label("", "warn", wrap=True)
        self._warning.setObjectName("server.warning")
        self.whole.addWidget(self._warning)
        self.whole.addWidget(self.agree)
        self._loop = plain_label(self._loop_words(), "muted", wrap=True)
        self._loop.setVisible(bool(self._loop.text()))
        self.whole.addWidget(self._loop)
        self.add_line()
        close = button(self.tr("Close"), "server.close", self.reject)
        self._go = button(self.tr("Ask the server"), "server.go", self.ask, kind="primary")
        self.add_buttons(close, self._go)
        self._propose()
        self._let()

    def ask(self) -> None:
        """Ask about all rows that wait."""
        project, address = self._hub.project, self._address()
        if project is None or address is None or self._work is not None or not self._may(address):
            return

        def work(task: Task) -> tuple[Asked, Changes]:
            from desktop_llm.verbs import server_suggesting

            return server_suggesting.suggest(project, address, task.progress, task.should_stop)

        self.begin(self.tr("Asking the server"), work, self._on_done_asking)

    def _build_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.field = QLineEdit()
        self.field.setObjectName("server.address")
        self.field.setAccessibleName(self.tr("Address"))
        self.field.setPlaceholderText("http://127.0.0.1:8765")
        self.field.textChanged.connect(lambda _: self._on_address())
        self.token = QLineEdit()
        self.token.setObjectName("server.token")
        self.token.setAccessibleName(self.tr("Token"))
        self.token.setPlaceholderText(self.tr("if it wants one; it is not kept"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.textChanged.connect(lambda _: self._let())
        for part in (self.field, self.token):
            part.returnPressed.connect(self.ask)
            form.addRow(row_title(part.accessibleName()), part)
        return form

    def _propose(self) -> None:
        here = self._hub.service.standing.address
        if here or self._hub.project is None:
            self.field.setText(here)
            return
        project = self._hub.project

        def read(_: Task) -> str:
            from desktop_llm.verbs import server_suggesting

            return str(server_suggesting.last(project).get("url", ""))

        self._hub.background.run(read, on_done=self._put_last)

    def _put_last(self, url: str) -> None:
        if not self.field.text():
            self.field.setText(url)

    def _on_address(self) -> None:
        self.agree.setChecked(False)  # what was agreed to was another address
        self._line.say("")
        self._let()

    def _address(self) -> Address | None:
        """What is typed; None where it is none."""
        try:
            return addresses.parse(self.field.text(), self.token.text())
        except UserError as error:
            if self.field.text().strip():
                self._line.say(error.message, "bad")
            return None

    def _may(self, address: Address) -> bool:
        return address.own or self.agree.isChecked()

    def _let(self) -> None:
        free = self._work is None
        told: Address | None = None
        with suppress(UserError):  # it is still being typed; pressing Enter says what is wrong
            told = addresses.parse(self.field.text(), self.token.text())
        warning = told.warning(self.tr("The texts of all rows without a label")) if told is not None else ""
        self._warning.setText(warning)
        for part in (self._warning, self.agree):
            part.setVisible(bool(warning))
        for touched in (self.field, self.token, self.agree):
            touched.setEnabled(free)
        self._go.setEnabled(free and self._hub.writable and told is not None and self._may(told))
        super()._let()

    def _loop_words(self) -> str:
        if not self._hub.looping.choice.on:
            return ""
        return self.tr("The model that learns while you label is on: at its next turn it puts its own in their place.")

    def _stopped_words(self) -> str:
        return self.tr("Stopped; nothing had come.")

    def _on_done_asking(self, told: tuple[Asked, Changes] | None) -> None:
        if told is None:
            return
        asked, changes = told
        self._line.say(asked.words(), "" if asked.guesses else "warn")
        self._hub.changed.emit(changes)


def open_dialog(hub: Hub, window: QWidget) -> ServerDialog:
    """Open it over the window."""
    dialog = ServerDialog(hub, window)
    dialog.open()
    return dialog
