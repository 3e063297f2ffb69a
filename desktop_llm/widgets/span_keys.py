"""What keys do in an editor of spans."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from desktop_llm.widgets.screen import Command
from desktop_llm.widgets.span_editor import SpanEditor

MOVES = {
    "left": "Left",
    "right": "Right",
    "word_left": "Ctrl+Left",
    "word_right": "Ctrl+Right",
    "up": "Up",
    "down": "Down",
    "line_start": "Home",
    "line_end": "End",
    "page_up": "PgUp",
    "page_down": "PgDown",
    "text_start": "Ctrl+Home",
    "text_end": "Ctrl+End",
}
EXTENDED = {
    name: key.replace("Ctrl+", "Ctrl+Shift+") if key.startswith("Ctrl+") else f"Shift+{key}"
    for name, key in MOVES.items()
}


def commands() -> tuple[Command, ...]:
    """All commands with their keys."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("SpanKeys", text)

    titles = {
        "left": tr("Caret one character to the left"),
        "right": tr("Caret one character to the right"),
        "word_left": tr("Caret one word to the left"),
        "word_right": tr("Caret one word to the right"),
        "up": tr("Caret one line up"),
        "down": tr("Caret one line down"),
        "line_start": tr("Caret to where the line begins"),
        "line_end": tr("Caret to where the line ends"),
        "page_up": tr("Caret one page up"),
        "page_down": tr("Caret one page down"),
        "text_start": tr("Caret to where the text begins"),
        "text_end": tr("Caret to where the text ends"),
    }
    select = tr("{what}, selecting; of an active span: move its end")
    made = [Command(name=name, title=titles[name], keys=(key,)) for name, key in MOVES.items()]
    made += [
        Command(name=f"select_{name}", title=select.format(what=titles[name]), keys=(key,))
        for name, key in EXTENDED.items()
    ]
    return (
        *made,
        Command(name="start_left", title=tr("Begin of the active span to the left"), keys=("Alt+Shift+Left",)),
        Command(name="start_right", title=tr("Begin of the active span to the right"), keys=("Alt+Shift+Right",)),
        Command(name="next_span", title=tr("To the next span"), keys=("Alt+Right", "]")),
        Command(name="previous_span", title=tr("To the span before"), keys=("Alt+Left", "[")),
        Command(name="remove_span", title=tr("Take the active span away"), keys=("Del",)),
        Command(name="remove_all", title=tr("There is nothing in this text"), keys=("Shift+Del",)),
        Command(name="let_go", title=tr("Let go of selection, span and brush"), keys=("Esc",)),
    )


def do(editor: SpanEditor, command: str) -> None:
    """Do one of the commands."""
    if command in MOVES:
        editor.go(command)
    elif command.startswith("select_"):
        editor.go(command.removeprefix("select_"), extend=True)
    elif command in ("start_left", "start_right"):
        editor.go_start(command.removeprefix("start_"))
    elif command in ("next_span", "previous_span"):
        editor.jump(1 if command == "next_span" else -1)
    elif command == "remove_span":
        editor.remove()
    elif command == "remove_all":
        editor.remove_all()
    elif command == "let_go":
        editor.let_go()
