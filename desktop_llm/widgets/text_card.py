"""The text that is being labeled: its place and source, its further cells, what the model suggests, and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import chip, key_hint
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.screen import ShownItem
from desktop_llm.widgets.scrolling import scrolling

MOST_CELLS = 12
LONGEST_CELL = 60


class TextCard(Card):
    """Shared by the editors of tasks whose rows are texts."""

    def __init__(self, parent: QWidget | None = None, own: QWidget | None = None) -> None:
        """Nothing to label yet. `own` shows the text instead of a plain label; who made it gives it its texts."""
        super().__init__(" ", " ", parent)
        self._keys: Mapping[str, str] = {}
        self._told: tuple[object, ...] = ()
        self._extra: Mapping[str, str] | None = None
        self._own = own
        self._text = plain_label("", "item-text", wrap=True)
        self._text.setObjectName("label.text")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._text.setMinimumWidth(120)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(16)
        inside.addStretch(1)
        inside.addWidget(self._text)
        self._chips = QWidget()
        self._chips_line = FlowLayout(self._chips)
        if own is None:
            inside.addWidget(self._chips)
        inside.addStretch(1)
        self._scroll = scrolling(inner)
        if own is not None:
            self._scroll.setParent(self)
            self._scroll.hide()
        words = self.tr("Nothing waits here. All texts come back with Show: All; the next step is Train.")
        self._empty = plain_label(words, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._shown = own or self._scroll
        self.body.addWidget(self._shown, 1)
        if own is not None:
            self.body.addWidget(self._chips)
        self.body.addWidget(self._empty, 1)
        suggestion = QWidget()
        self._suggestion_line = FlowLayout(suggestion)
        self.body.addWidget(suggestion)

    def show_item(self, item: ShownItem | None) -> None:
        """Show a text; None: there is none to label."""
        self._empty.setVisible(item is None)
        self._shown.setVisible(item is not None)
        if item is not None:
            if self._own is None:
                self._text.setText(next(iter(item.content.values()), ""))
            # Rows that were left out of a project leave gaps in the numbers of the others.
            known = item.position <= item.total
            words = self.tr("Text {position:,} of {total:,}") if known else self.tr("Text {position:,}")
            self.set_title(words.format(position=item.position, total=item.total))
            self.set_note(item.source)
            self._scroll.verticalScrollBar().setValue(0)
        else:
            self.set_title("")
            self.set_note("")
        self._show_extra({} if item is None else item.extra)

    def show_hints(self, suggested: Sequence[tuple[str, float]], keys: Sequence[tuple[str, str]]) -> None:
        """What the model suggests, with its chances, and keys with what they do."""
        told = (tuple(suggested), tuple(keys))
        if told == self._told:  # widgets are dear; a key press is not to wait for the same ones again
            return
        self._told = told
        self._suggestion_line.clear()
        if suggested:
            self._suggestion_line.addWidget(plain_label(self.tr("Model suggests"), "muted"))
            for name, value in suggested:
                self._suggestion_line.addWidget(chip(f"{name} {value:.2f}"))
        for key, words in keys:
            self._suggestion_line.addWidget(key_hint(key, words))

    def set_keys(self, told: Mapping[str, str]) -> None:
        """The page's keys in words, by command; they are shown with the next hints."""
        self._keys = told

    def hint(self, words: str, *commands: str) -> list[tuple[str, str]]:
        """The keys of the page's commands with what they do; nothing where they have none."""
        key = " / ".join(filter(None, (self._keys.get(one) for one in commands)))
        return [(key, words)] if key else []

    def usual_keys(self) -> list[tuple[str, str]]:
        """The keys that every page for labels has."""
        return [
            *self.hint(self.tr("skip"), "skip"),
            *self.hint(self.tr("undo"), "undo"),
            *self.hint(self.tr("next, previous"), "next", "previous"),
        ]

    def _show_extra(self, extra: Mapping[str, str]) -> None:
        if extra == self._extra:
            return
        self._extra = dict(extra)
        self._chips_line.clear()
        for name, value in list(extra.items())[:MOST_CELLS]:
            words = f"{name}: {value}".replace("\n", " ")
            self._chips_line.addWidget(chip(words if len(words) < LONGEST_CELL else words[: LONGEST_CELL - 3] + "…"))
        self._chips.setVisible(bool(extra))
