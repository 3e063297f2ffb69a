"""Keys: one spelling, presets, changes that take a key from others, and everything that two things want."""

from __future__ import annotations

import pytest

from desktop_llm import keymap
from desktop_llm.keymap import COMMANDS, PRESETS, Command, KeyMap

EDITOR = (Command(name="grow", title="Longer", keys=("Shift+Right", "D")),)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("Enter", "Return"),
        ("Num+5", "5"),
        ("Ctrl+Num+Enter", "Ctrl+Return"),
        ("Shift+?", "?"),
        ("d", "D"),
        ("Shift+D", "Shift+D"),
        ("Delete", "Del"),
        ("+", "+"),
        ("Ctrl++", "Ctrl++"),
        ("Shift++", "+"),
        ("", ""),
    ],
)
def test_a_key_has_one_spelling(told: str, wanted: str) -> None:
    assert keymap.normal(told) == wanted
    assert keymap.normal(wanted) == wanted


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gives_each_key_one_sense_and_reaches_what_matters(preset: str) -> None:
    told = KeyMap(preset)
    assert keymap.conflicts(told) == []
    for name in ("accept", "skip", "undo", "redo", "next", "previous", "find", "list", "guideline", "help", "repeat"):
        assert told.keys(name), name
        assert all(told.command(key) == name for key in told.keys(name))
    known = {one.name for one in COMMANDS}
    assert set(PRESETS[preset].changes) <= known


def test_presets_are_the_keys_of_those_programs() -> None:
    ours, prodigy = KeyMap(), KeyMap("prodigy")
    assert [ours.command(key) for key in ("Return", "Space", "Backspace", "D", "A", "G")] == [
        "accept", "skip", "undo", "next", "previous", "guideline",
    ]  # fmt: skip
    assert [prodigy.command(key) for key in ("A", "X", "Space", "Backspace")] == ["accept", "skip", "skip", "undo"]
    studio, doccano = KeyMap("label_studio"), KeyMap("doccano")
    assert [studio.command(key) for key in ("Ctrl+Return", "Ctrl+Space", "Ctrl+Right")] == ["accept", "skip", "next"]
    assert [doccano.command(key) for key in ("Right", "Left", "Enter")] == ["next", "previous", "accept"]
    assert KeyMap("nobody's").command("D") == "next"


def test_capitals_are_the_same_letters_but_where_they_have_a_sense_of_their_own() -> None:
    told = KeyMap("ours", {"find": ("Shift+D",)})
    assert told.command("Shift+D") == "find"
    assert told.command("Shift+A") == "previous"


def test_a_key_that_is_given_is_taken_from_who_had_it() -> None:
    changes = KeyMap().with_keys("skip", ["d", "Space", "D"])
    told = KeyMap("ours", changes)
    assert told.keys("skip") == ("D", "Space")
    assert told.keys("next") == ("Down",)
    assert told.command("D") == "skip"
    assert keymap.conflicts(told) == []
    # another preset keeps what the person chose, and its own keys give way
    other = KeyMap("doccano", KeyMap("doccano").with_keys("skip", ["Right"]))
    assert other.command("Right") == "skip"
    assert other.keys("next") == ("Down",)


def test_conflicts_with_labels_menus_and_editors_are_found() -> None:
    found = keymap.conflicts(KeyMap("prodigy"), EDITOR, {"x": "card lost", "1": "refund"}, {"Ctrl+Z": "Zoom"})
    assert {(one.key, one.command, one.kind, one.other) for one in found} == {
        ("X", "skip", "label", "card lost"),
        ("Ctrl+Z", "undo", "menu", "Zoom"),
    }
    found = keymap.conflicts(KeyMap(), EDITOR)
    assert [(one.key, one.command, one.kind, one.other) for one in found] == [("D", "next", "command", "Longer")]


def test_an_editors_keys_can_be_changed() -> None:
    assert KeyMap().editor_command("Shift+Right", EDITOR) == "grow"
    told = KeyMap("ours", KeyMap().with_keys("editor.grow", ["F9", "Space"]))
    assert [told.editor_command(key, EDITOR) for key in ("F9", "Space", "Shift+Right")] == ["grow", "grow", ""]
    assert told.keys("skip") == ()


def test_a_label_behind_a_command_is_told() -> None:
    assert KeyMap("prodigy").shadowed("x") == "skip"
    assert KeyMap().shadowed("x") == ""
    assert KeyMap().shadowed("") == ""


def test_settings_bring_back_what_was_chosen_and_bear_nonsense() -> None:
    changes = KeyMap("prodigy").with_keys("repeat", ["R"])
    told = keymap.from_settings("prodigy", keymap.to_setting(changes))
    assert (told.command("R"), told.command("X")) == ("repeat", "skip")
    for nonsense in ("", "[]", "{", '{"skip": 3, "nobody": ["Q"]}'):
        assert keymap.from_settings("ours", nonsense).command("Space") == "skip"


def test_keys_are_told_in_words() -> None:
    assert [keymap.words(key) for key in ("Return", "Ctrl+Right", "Del", "D", "Ctrl++", "+")] == [
        "Enter", "Ctrl+→", "Delete", "D", "Ctrl++", "+",
    ]  # fmt: skip
    assert KeyMap().told("accept") == "Enter"
    assert [keymap.is_plain(key) for key in ("D", "Shift+D", "Ctrl+D", "Shift+Ctrl+D", "F1")] == [
        True, True, False, False, True,
    ]  # fmt: skip
