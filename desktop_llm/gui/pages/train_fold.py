"""A part of the setup that is folded away until somebody wants it: a button, and a form below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.jobs.recipe import Recipe
from desktop_llm.widgets.button import button
from desktop_llm.widgets.form import DataForm


class TrainFold(QWidget):
    """The `form` is folded at first; `beside` stands at the right of the button."""

    def __init__(
        self, title: str, name: str, keys: Sequence[str], recipe: Recipe, beside: QWidget | None = None
    ) -> None:
        """`name` is the button's; the controls of the form are called after their keys."""
        super().__init__()
        self._title = title
        self.form = DataForm(Recipe, keys, recipe, "train")
        self._button = button("", name, self._on_fold, kind="quiet")
        self._button.setAccessibleName(title)
        line = QHBoxLayout()
        line.addWidget(self._button)
        line.addStretch(1)
        if beside is not None:
            line.addWidget(beside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(line)
        whole.addWidget(self.form)
        self.form.hide()
        self._show()

    def unfold(self, *, wanted: bool) -> None:
        """Show the form, where that is `wanted`."""
        if wanted and self.form.isHidden():
            self._on_fold()

    def _on_fold(self) -> None:
        self.form.setVisible(self.form.isHidden())
        self._show()

    def _show(self) -> None:
        self._button.setText(f"{self._title} {'▸' if self.form.isHidden() else '▾'}")
