"""What this task shows: the text at the left, and beside it what it becomes, to be written or mended from a draft."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, SignalInstance
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.tasks.rewriting.labels import SAMPLING
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import key_hint
from desktop_llm.widgets.differences import Differences
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.screen import ClassInfo, Command, LabelEditor, ResultView, ShownItem, WritingView
from desktop_llm.widgets.source_card import SourceCard
from desktop_llm.widgets.version_trial import VersionTrial
from desktop_llm.widgets.wording import changes
from desktop_llm.widgets.writing_field import WritingField, size_of
from desktop_llm.widgets.written_view import WrittenView

DIFFERENCES_HEIGHT = 170
COUNT_MS = 100


class Editor(LabelEditor):
    """What is written is kept while it is written; Ctrl+Enter ends it and goes on."""

    writes = True

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing to write yet."""
        super().__init__(parent)
        self._item: ShownItem | None = None
        self._draft = ""
        self._known: object = None
        """The label as the project has it, as far as this editor knows."""
        self._telling = False
        self._counting = QTimer(self)
        self._counting.setSingleShot(True)
        self._counting.setInterval(COUNT_MS)
        self._counting.timeout.connect(self._show_counts)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._left = QVBoxLayout()
        self._left.setSpacing(16)
        self._source = SourceCard("label.text")
        self._source.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._left.addWidget(self._source, 1)
        whole.addLayout(self._left, 1)
        whole.addWidget(self._build_target(), 1)
        self.setFocusProxy(self.field)

    def commands(self) -> Sequence[Command]:
        """The keys that work while one is writing, and the one that goes back to it."""
        return (
            Command(name="give", title=self.tr("Keep the text and go on"), keys=("Ctrl+Return",)),
            Command(name="changes", title=self.tr("Show what was changed in the draft"), keys=("Ctrl+D",)),
            Command(name="draft", title=self.tr("Begin again from the draft"), keys=("Ctrl+Shift+D",)),
            Command(name="next", title=self.tr("Next row"), keys=("Alt+Down",)),
            Command(name="previous", title=self.tr("Previous row"), keys=("Alt+Up",)),
            Command(name="leave", title=self.tr("Leave the field for other keys"), keys=("Esc",)),
            Command(name="write", title=self.tr("Back into the field"), keys=("E",)),
        )

    def do(self, command: str) -> None:
        """Do one of the `commands`."""
        if command == "give":
            self.confirm()
        elif command == "changes":
            self.changes_button.toggle()
        elif command == "draft":
            if self.draft_button.isEnabled():
                self._on_draft()
        elif command == "leave":
            self._source.setFocus()
        elif command == "write":
            self.field.setFocus()
        else:
            self.asked.emit(command)

    def confirm(self) -> bool:
        """The text as it stands; an empty one is no label."""
        if self._item is None:
            return False
        text = self.field.text().strip()
        if not text:
            self._counts.setText(self.tr("There is nothing written yet; Esc, then Space, skips the row."))
            return True
        self.field.forget()
        self._tell(self.chosen, text)
        return True

    def settle(self) -> None:
        """Give what was written and is not kept yet."""
        if self.field.document().isModified() and not self._telling:
            self.field.forget()
            self._on_rested(self.field.text())

    def let_write(self, allowed: bool) -> None:
        """In a project that can only be read the field can, too."""
        self.field.setReadOnly(not allowed)
        for made in (self.give_button, self.draft_button):
            made.setEnabled(allowed)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """This task has none."""

    def show_item(self, item: ShownItem | None) -> None:
        """Show a row; what is being written in the same one stays."""
        same = item is not None and self._item is not None and item.id == self._item.id
        stays = same and item is not None and (self._telling or item.value == self._known)
        self._item, self._known = item, None if item is None else item.value
        before, self._draft = self._draft, self._draft_of(item)
        untouched = item is not None and item.value is None and self.field.text().strip() in ("", before.strip())
        stays = stays and not (untouched and self._draft != before)  # a model's draft has come for what is shown
        self.draft_button.setVisible(bool(self._draft))
        self.changes_button.setVisible(bool(self._draft))
        if stays:
            self._source.show_place(item)
            self._show_state()
            return
        self._source.show_item(item, [] if item is None else self._texts(item))
        self.field.setEnabled(item is not None)
        started = item.value if item is not None and isinstance(item.value, str) else self._draft
        self.field.load(started)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self._show_state()

    def set_foot(self, foot: QWidget) -> None:
        """Below the text."""
        self._left.addWidget(foot)

    def key_for_label(self, text: str) -> bool:
        """No label has a key."""
        return False

    def _build_target(self) -> Card:
        self._card = Card(" ", " ")
        self._card.set_title(self.tr("Becomes"))
        self.field = WritingField("label.writing", self.tr("What the text becomes"))
        self.field.setPlaceholderText(self.tr("Write here."))
        self.field.rested.connect(self._on_rested)
        self.field.textChanged.connect(self._counting.start)
        self._card.body.addWidget(self.field, 1)
        self.differences = Differences("label.changes", self.tr("What was changed in the draft"))
        self.differences.setFixedHeight(DIFFERENCES_HEIGHT)
        self.differences.setPlaceholderText(self.tr("It stands as the draft has it."))
        self.differences.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.differences.hide()
        self._card.body.addWidget(self.differences)
        self._counts = plain_label("", "muted", wrap=True)
        self._counts.setObjectName("label.counts")
        self._card.body.addWidget(self._counts)
        self.changes_button = button(self.tr("Changes"), "label.show_changes", tip=self.tr("Compare with the draft"))
        self.changes_button.setCheckable(True)
        self.changes_button.setProperty("kind", "toggle")
        self.changes_button.toggled.connect(self._on_changes_toggled)
        self.draft_button = button(self.tr("Begin again"), "label.draft", self._on_draft)
        self.draft_button.setToolTip(self.tr("Put the draft in the place of what stands here"))
        self.give_button = button(self.tr("Keep and go on"), "label.give", self.confirm, kind="primary")
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in (self.changes_button, self.draft_button):
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            line.addWidget(part)
        line.addStretch(1)
        line.addWidget(self.give_button)
        self._card.body.addLayout(line)
        self._card.body.addWidget(self._build_hints())
        return self._card

    def _build_hints(self) -> QWidget:
        hints = QFrame()
        flow = FlowLayout(hints)
        for key, words in (
            ("Ctrl+Enter", self.tr("keep and go on")),
            ("Alt+↓ / Alt+↑", self.tr("next, previous")),
            ("Esc", self.tr("leave the field")),
        ):
            flow.addWidget(key_hint(key, words))
        return hints

    def _texts(self, item: ShownItem) -> list[tuple[str, str]]:
        context = item.content.get("context", "")
        told = [(self.tr("Instruction or context"), context)] if context else []
        return [*told, (self.tr("Text") if context else "", item.content.get("source", ""))]

    def _draft_of(self, item: ShownItem | None) -> str:
        """The model's, or else the one that came with the row."""
        if item is None:
            return ""
        said = None if item.suggestion is None else item.suggestion.label
        if isinstance(said, str) and said:
            return said
        return item.content.get("draft", "")

    def _show_state(self) -> None:
        item = self._item
        if item is None:
            note = ""
        elif item.value is not None:
            note = self.tr("draft kept, not given yet") if item.draft else self.tr("kept")
        elif not self._draft:
            note = self.tr("not written yet")
        elif item.suggestion is not None and item.suggestion.label == self._draft:
            note = self.tr("the model’s draft")
        else:
            note = self.tr("draft from the file")
        self._card.set_note(note)
        self._show_counts()
        self._show_changes()

    def _show_counts(self) -> None:
        self._counts.setText(size_of(self.field.text()))

    def _show_changes(self) -> None:
        if self.differences.isVisibleTo(self) and self._draft:
            told = changes(self._draft, self.field.text(), self.tr("Line {line:,}"))
            self.differences.show_differences(told)

    def _on_rested(self, text: str) -> None:
        """Kept as it stands; where that cannot be, the text stays in the field, and is kept with what comes next."""
        value = text.strip() or None
        if self._item is not None and value != self._known:
            self._tell(self.edited, value)
        self._show_changes()

    def _tell(self, signal: SignalInstance, value: object) -> None:
        self._telling = True
        try:
            signal.emit(value)
        finally:
            self._telling = False

    def _on_changes_toggled(self, shown: bool) -> None:
        self.differences.setVisible(shown)
        self._show_changes()

    def _on_draft(self) -> None:
        if self._draft:
            self.field.write(self._draft)
            self.field.setFocus()


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return WrittenView(parent)


def _row(text: str, context: str, made: str) -> dict[str, str]:
    """A text as a row keeps it; what was made of it is its draft."""
    told = {"source": text, "context": context, "draft": made}
    return {name: value for name, value in told.items() if value}


def try_view(parent: QWidget | None = None) -> WritingView:
    """The view to try a model by hand."""
    return VersionTrial(_row, SAMPLING, parent)
