"""Which key does what on the Label page: commands, presets, what a person changed, and where two things want one key.

Keys are written as Qt's portable words ("Ctrl+Z", "Shift+Right", "D"). Commands of a task's editor go by the name
“editor.NAME”; the labels' own keys belong to the project, the menus' to the window: both are told to `conflicts`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

EDITOR = "editor."
RECENT = 4
"""Labels given last that have a key each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that keys do; `keys` in Qt's portable words ("Shift+Right"), the usual one first."""

    name: str
    title: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The keys of a program that hands know already. `changes` are its keys by command; all others are ours."""

    title: str
    help: str
    changes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """`key` is wanted by the command `command` and by something else: `other`, in words, of this `kind`.

    A command before another one wins over it, a menu wins over commands, commands win over labels.
    """

    key: str
    command: str
    kind: Literal["command", "label", "menu"]
    other: str


COMMANDS = (
    Command(name="accept", title="Accept the suggestion", keys=("Return",)),
    Command(name="skip", title="Skip the row", keys=("Space",)),
    Command(name="undo", title="Undo", keys=("Backspace", "Ctrl+Z")),
    Command(name="redo", title="Do again", keys=("Ctrl+Shift+Z", "Ctrl+Y")),
    Command(name="next", title="Next row", keys=("D", "Down")),
    Command(name="previous", title="Previous row", keys=("A", "Up")),
    Command(name="repeat", title="Repeat the last label", keys=(".",)),
    *(
        Command(name=f"recent.{place}", title=f"Recent label {place}", keys=(f"F{place + 4}",))
        for place in range(1, RECENT + 1)
    ),
    Command(name="clear", title="Take the label away", keys=("Delete",)),
    Command(name="keep", title="The doubted label is right", keys=("Ctrl+Return",)),
    Command(name="hard", title="The doubted label is hard to say", keys=("Ctrl+D",)),
    Command(name="find", title="Find a label by typing", keys=("/",)),
    Command(name="why", title="Ask a run why it says so", keys=("Ctrl+B",)),
    Command(name="history", title="History of the row", keys=("Ctrl+H",)),
    Command(name="guideline", title="Show or hide the guideline", keys=("G", "F2")),
    Command(name="list", title="List or single rows", keys=("F3",)),
    Command(name="page_next", title="Next page of the list", keys=("PgDown",)),
    Command(name="page_previous", title="Previous page of the list", keys=("PgUp",)),
    Command(name="advance", title="Go on after a label, or stay", keys=("F4",)),
    Command(name="help", title="Show the keys", keys=("F1", "?")),
)
"""What the Label page does, in the order in which a person is told."""

PRESETS: dict[str, Preset] = {
    "ours": Preset(title="desktop_llm", help="Our own keys.", changes={}),
    "prodigy": Preset(
        title="Prodigy",
        help="A accepts, X and Space put aside, Backspace undoes.",
        changes={
            "accept": ("A", "Return"),
            "skip": ("Space", "X"),
            "undo": ("Backspace", "Del", "Ctrl+Z"),
            "next": ("Down", "Right"),
            "previous": ("Up", "Left"),
            "clear": ("Shift+Del",),
            "help": ("H", "F1", "?"),
        },
    ),
    "label_studio": Preset(
        title="Label Studio",
        help="Ctrl+Enter accepts, Ctrl+Space skips, Ctrl and an arrow move.",
        changes={
            "accept": ("Ctrl+Return", "Return"),
            "keep": ("Alt+Return",),
            "skip": ("Ctrl+Space",),
            "undo": ("Ctrl+Z",),
            "next": ("Ctrl+Right", "Down"),
            "previous": ("Ctrl+Left", "Up"),
            "clear": ("Ctrl+Backspace", "Backspace"),
        },
    ),
    "doccano": Preset(
        title="doccano",
        help="Enter confirms, the arrows move.",
        changes={
            "accept": ("Return",),
            "next": ("Right", "Down"),
            "previous": ("Left", "Up"),
        },
    ),
}
_SAME = {"Enter": "Return", "Delete": "Del", "Escape": "Esc", "PageDown": "PgDown", "PageUp": "PgUp"}
_WORDS = {"Return": "Enter", "Del": "Delete", "Right": "→", "Left": "←", "Up": "↑", "Down": "↓"}


def normal(key: str) -> str:
    """One spelling for a key: the keypad's are as all others, and Shift says nothing of a sign such as “?”."""
    parts = key.split("+") if not key.endswith("+") else [*key[:-1].rstrip("+").split("+"), "+"]
    parts = [part for part in parts if part and part != "Num"]
    if not parts:
        return ""
    last = _SAME.get(parts[-1], parts[-1])
    if len(last) == 1:
        last = last.upper()
        if not last.isalnum():
            parts = [part for part in parts if part != "Shift"]
    return "+".join([*parts[:-1], last])


def words(key: str) -> str:
    """A key as people read it."""
    if key.endswith("+"):
        return key
    *before, last = key.split("+")
    return "+".join([*before, _WORDS.get(last, last)])


def is_plain(key: str) -> bool:
    """Whether a key is pressed without Ctrl, Alt and Meta, so that menus cannot have it while somebody types."""
    return not any(key.startswith(f"{one}+") or f"+{one}+" in key for one in ("Ctrl", "Alt", "Meta"))


class KeyMap:
    """What each key does: the preset's keys, and above them what a person `changed` (command name to keys)."""

    def __init__(self, preset: str = "ours", changed: Mapping[str, Sequence[str]] | None = None) -> None:
        """An unknown preset is ours."""
        chosen = PRESETS.get(preset, PRESETS["ours"])
        self._mine: dict[str, tuple[str, ...]] = {}
        said = {name: tuple(map(normal, keys)) for name, keys in (changed or {}).items()}
        told = {name: tuple(map(normal, keys)) for name, keys in chosen.changes.items()}
        used = {key for keys in said.values() for key in keys}
        by_preset = {key for name, keys in told.items() if name not in said for key in keys} - used
        for command in COMMANDS:
            if command.name in said:
                self._mine[command.name] = said[command.name]
            elif command.name in told:
                self._mine[command.name] = tuple(key for key in told[command.name] if key not in used)
            else:  # ours, as far as nobody else wants it
                keys = tuple(normal(key) for key in command.keys)
                self._mine[command.name] = tuple(key for key in keys if key not in used | by_preset)
        self._said = said
        self._by_key: dict[str, str] = {}
        for name, keys in self._mine.items():
            for key in keys:
                self._by_key.setdefault(key, name)

    def keys(self, name: str, usual: Sequence[str] = ()) -> tuple[str, ...]:
        """The keys of a command, the usual one first; an editor's own command brings those that it has by itself."""
        if name in self._mine:
            return self._mine[name]
        return self._said.get(name, tuple(map(normal, usual)))

    def told(self, name: str, usual: Sequence[str] = ()) -> str:
        """The first key of a command as people read it; '' where it has none."""
        keys = self.keys(name, usual)
        return words(keys[0]) if keys else ""

    def command(self, pressed: str) -> str:
        """What a key does on the page; '' for nothing. Shift with a letter is that letter where it has no own sense."""
        key = normal(pressed)
        found = self._by_key.get(key, "")
        if not found and key.startswith("Shift+") and len(key) == len("Shift+") + 1:
            found = self._by_key.get(key[-1], "")
        return found

    def editor_command(self, pressed: str, commands: Sequence[Command]) -> str:
        """The name of the editor's command that has this key; '' where none has it."""
        key = normal(pressed)
        return next((one.name for one in commands if key in self.keys(EDITOR + one.name, one.keys)), "")

    def shadowed(self, key: str) -> str:
        """The command that keeps a label's key from working; '' where none does."""
        return self._by_key.get(normal(key), "") if key else ""

    def with_keys(
        self, name: str, keys: Sequence[str], usual: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, tuple[str, ...]]:
        """All changes, after the command got these keys and others lost them; `usual` are those of an editor's own."""
        new = tuple(dict.fromkeys(map(normal, keys)))
        changes = {**self._said, name: new}
        theirs = {other: self.keys(other, told) for other, told in (usual or {}).items()}
        for other, told in {**theirs, **self._said, **self._mine}.items():
            if other != name and set(told) & set(new):
                changes[other] = tuple(key for key in told if key not in new)
        return changes


def conflicts(
    keymap: KeyMap,
    editor: Sequence[Command] = (),
    labels: Mapping[str, str] | None = None,
    menus: Mapping[str, str] | None = None,
) -> list[Conflict]:
    """All keys that two things want: commands, the labels' own keys (key to name), the menus' (key to title)."""
    found: list[Conflict] = []
    owned: dict[str, str] = {}
    theirs = {normal(key): title for key, title in (menus or {}).items()}
    by_label = {normal(key): name for key, name in (labels or {}).items() if key}
    named = [(EDITOR + one.name, one) for one in editor] + [(one.name, one) for one in COMMANDS]
    titles = {name: one.title for name, one in named}
    for name, one in named:
        for key in keymap.keys(name, one.keys):
            if key in theirs:
                found.append(Conflict(key=key, command=name, kind="menu", other=theirs[key]))
            if key in owned and owned[key] != name:
                found.append(Conflict(key=key, command=name, kind="command", other=titles[owned[key]]))
            if key in by_label:
                found.append(Conflict(key=key, command=name, kind="label", other=by_label[key]))
            owned.setdefault(key, name)
    return found


@lru_cache(maxsize=8)
def from_settings(preset: str, changes: str) -> KeyMap:
    """The key map of the settings; `changes` is JSON from a command's name to its keys, all else is left out."""
    try:
        told = json.loads(changes)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    known = {one.name for one in COMMANDS}
    return KeyMap(
        preset,
        {
            name: [str(key) for key in keys]
            for name, keys in told.items()
            if isinstance(keys, list) and (name in known or name.startswith(EDITOR))
        },
    )


def to_setting(changes: Mapping[str, Sequence[str]]) -> str:
    """What `from_settings` reads."""
    return json.dumps({name: list(keys) for name, keys in changes.items()}, ensure_ascii=False)
