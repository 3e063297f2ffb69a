"""The part of the Export page that lets a model answer other programs: start, stop, address, a line to copy, a load."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.service import Standing
from desktop_llm.gui.status import time_words
from desktop_llm.paths import expanded
from desktop_llm.serving.place import PORT, Place
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import WholeNumber, row_title
from desktop_llm.widgets.work_line import WorkLine


class ServeCard(Card):
    """Serves one exported folder on this machine."""

    def __init__(self, hub: Hub) -> None:
        """Off, until somebody starts it."""
        super().__init__(hub.tr("Serve it"), hub.tr("on this computer alone"))
        self._hub = hub
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.folder = QLineEdit()
        self.folder.setObjectName("serve.folder")
        self.folder.setAccessibleName(self.tr("Exported folder"))
        self.folder.setPlaceholderText(self.tr("a Hugging Face folder, or ONNX"))
        self.port = WholeNumber()
        self.port.setObjectName("serve.port")
        self.port.setAccessibleName(self.tr("Port"))
        self.port.setRange(0, 65535)
        self.port.setSpecialValueText(self.tr("a free one"))
        self.port.setValue(PORT)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.folder, 1)
        line.addWidget(button(self.tr("Choose…"), "serve.choose", self._on_choose))
        form.addRow(row_title(self.tr("Exported folder")), line)
        form.addRow(row_title(self.tr("Port")), self.port)
        self.body.addLayout(form)
        self.words = plain_label("", "muted", wrap=True)
        self.words.setObjectName("serve.words")
        self.body.addWidget(self.words)
        self.curl = QLineEdit()
        self.curl.setObjectName("serve.curl")
        self.curl.setAccessibleName(self.tr("A line that asks it"))
        self.curl.setReadOnly(True)
        self._copy = button(self.tr("Copy"), "serve.copy", self._on_copy)
        asking = QHBoxLayout()
        asking.setSpacing(8)
        asking.addWidget(self.curl, 1)
        asking.addWidget(self._copy)
        self.body.addLayout(asking)
        self._work: Task | None = None
        self._line = WorkLine("serve.load.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        self.body.addWidget(self._line)
        self.load = button(self.tr("Try under load"), "serve.load", self._on_load)
        self.load.setToolTip(self.tr("Asks it for some seconds as 32 programs at once would."))
        self.page = button(self.tr("Open its page"), "serve.page", self._on_page)
        self.page.setToolTip(self.tr("Shows in the browser how other programs ask it."))
        self.go = button(self.tr("Start"), "serve.go", self._on_go)
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addStretch(1)
        last.addWidget(self.page)
        last.addWidget(self.load)
        last.addWidget(self.go)
        self.body.addLayout(last)
        hub.service.changed.connect(self._show)
        self._show(hub.service.standing)

    def propose(self, folder: Path) -> None:
        """An export is there that could be served."""
        if self._hub.service.standing.stage == "off":
            self.folder.setText(str(folder))

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Exported folder"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.curl.text())
        self._hub.show_message(self.tr("Copied."))

    def _on_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._hub.service.standing.address))

    def _on_go(self) -> None:
        service = self._hub.service
        if service.standing.stage != "off":
            service.stop()
            return
        text = self.folder.text().strip()
        try:
            if not text:
                raise UserError(self.tr("Choose an exported folder to serve."))
            service.start(expanded(text), Place(port=self.port.value()))
        except UserError as error:
            self._hub.show_error(error)

    def _on_load(self) -> None:
        address = self._hub.service.standing.address

        def work(task: Task) -> str:
            from desktop_llm.serving import address as addresses
            from desktop_llm.verbs import serving

            return serving.load_apart(addresses.parse(address), task.progress, task.should_stop).words()

        title = self.tr("Asking from 32 sides")
        self._line.begin(title)
        self._work = self._hub.background.run(
            work,
            on_done=self._line.say,
            on_error=lambda error: self._line.say(error.message, "bad"),
            on_progress=self._line.show_progress,
            title=title,
        )
        self._work.ended.connect(self._on_loaded)
        self._show(self._hub.service.standing)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _on_loaded(self, task: Task) -> None:
        self._work = None
        if task.cancelled:
            self._line.say("")
        self._show(self._hub.service.standing)

    def _show(self, now: Standing) -> None:
        off = now.stage == "off"
        for act in (self.load, self.page):
            act.setVisible(now.stage == "on")
        self.load.setEnabled(self._work is None)
        self._line.setVisible(not off)
        self.folder.setEnabled(off)
        self.port.setEnabled(off)
        self.go.setEnabled(now.stage != "stopping")
        self.go.setText(self.tr("Start") if off else self.tr("Stop"))
        rank(self.go, "plain")
        for part in (self.curl, self._copy):
            part.setVisible(now.stage == "on")
        if self.curl.text() != now.curl:
            self.curl.setText(now.curl)
            self.curl.setCursorPosition(0)
        self.words.setText(self._words(now))
        role = "warn" if off and now.problem else "muted"
        if self.words.property("role") != role:
            self.words.setProperty("role", role)
            self.words.style().unpolish(self.words)
            self.words.style().polish(self.words)

    def _words(self, now: Standing) -> str:
        if now.stage == "starting":
            return self.tr("The model is being loaded…")
        if now.stage == "stopping":
            return self.tr("Stopping: what was asked is answered first…")
        if now.stage == "off":
            return now.problem or self.tr(
                "Other programs ask the model over HTTP, as long as this window is open. Its page tells them how."
            )
        done = self.tr("nothing asked yet")
        if now.requests:
            one = self.tr("1 request, {time} ms")
            several = self.tr("{count} requests, median {time} ms")
            done = (one if now.requests == 1 else several).format(
                count=f"{now.requests:,}", time=f"{now.median_ms:.0f}"
            )
        if now.refused:
            done += self.tr(", {count} refused").format(count=f"{now.refused:,}")
        return self.tr("Answers on {address} · {done}").format(address=now.address, done=done)
