"""The tab Attention: where the heads of the model look. It is shown for those who want to see it, and is no reason."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.try_tab import Answered, TryTab
from desktop_llm.jobs.explanation import Attention
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.token_map import HeadGrid, TokenMap

ALIKE = 2
"""A head in which no word takes so many times its even share from another looks at nothing in particular."""


class HeadsTab(TryTab):
    """All heads small at the left, one large at the right."""

    name = "heads"

    def __init__(self, hub: Hub) -> None:
        """Nothing to look at yet."""
        super().__init__(hub, hub.tr("Attention"))
        self._answered: Answered | None = None
        self._told: Attention | None = None
        self._work: Task | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(8)
        self.go = button(self.tr("Show attention"), "try.heads.go", self.begin)
        line.addWidget(self.go)
        self.words = plain_label("", "muted", wrap=True)
        self.words.setObjectName("try.heads.words")
        line.addWidget(self.words, 1)
        card.body.addLayout(line)
        both = QHBoxLayout()
        both.setSpacing(16)
        self.grid = HeadGrid()
        self.grid.chosen.connect(self._on_chosen)
        both.addWidget(self.grid, 1)
        right = QVBoxLayout()
        right.setSpacing(4)
        self.title = plain_label("", "muted")
        self.title.setObjectName("try.heads.title")
        right.addWidget(self.title)
        self.map = TokenMap()
        area = scrolling(self.map)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        right.addWidget(area, 1)
        both.addLayout(right, 2)
        self._maps = QWidget()
        both.setContentsMargins(0, 0, 0, 0)
        self._maps.setLayout(both)
        card.body.addWidget(self._maps, 1)
        self._rest = QWidget()
        card.body.addWidget(self._rest, 1)
        whole.addWidget(card)
        self._show(None)

    def take(self, answered: Answered | None) -> None:
        """What was shown of another text goes."""
        self._drop()
        self._answered = answered
        self._show(None)

    def begin(self) -> None:
        """Ask the model."""
        answered = self._answered
        if answered is None:
            return
        self._drop()
        line = self.hub.inference.line
        self._work = self.hub.background.run(
            lambda _: line.attention(answered.model, answered.row).result(),
            on_done=self._on_told,
            on_error=self._on_error,
        )
        self._show(None)

    def _drop(self) -> None:
        if self._work is not None:
            self._work.cancel()
        self._work = None

    def _on_told(self, told: Attention) -> None:
        self._work = None
        self._show(told)

    def _on_error(self, error: UserError) -> None:
        self._work = None
        self._show(None)
        self.words.setText(error.message)

    def _show(self, told: Attention | None) -> None:
        self._told = told
        self.grid.show_attention(told)
        self._maps.setVisible(told is not None)
        self._rest.setVisible(told is None)
        self.go.setEnabled(self._answered is not None and self._work is None)
        self.words.setText(
            self.tr("Where the heads of the model look is no reason for its answer: “Why?” is for that.")
            if self._work is None
            else self.tr("asking the model…")
        )
        if told is not None:
            self._on_chosen(0, 0)

    def _on_chosen(self, layer: int, head: int) -> None:
        told = self._told
        if told is None:
            return
        words = self.tr(
            "Layer {layer}, head {head}: the deeper the blue, the more the word at the left takes from the one above"
        )
        if float(told.weights[layer, head].max()) * len(told.tokens) < ALIKE:
            words = self.tr("Layer {layer}, head {head} takes from all words nearly alike")
        self.title.setText(words.format(layer=layer + 1, head=head + 1))
        self.map.show_head(told.tokens, told.weights[layer, head])
