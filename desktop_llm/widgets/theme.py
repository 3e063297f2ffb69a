"""The colours of the window, as tokens: one palette for light, one for dark, and who wants to hear of a change."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours as #rrggbb. `rail` lies beside `bg`, `hover` over `surface`; `on_accent` is text on the accent."""

    dark: bool
    bg: str
    rail: str
    surface: str
    hover: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    good: str
    warn: str
    bad: str
    second: str


LIGHT = Palette(
    dark=False,
    bg="#f6f7f9",
    rail="#eef0f3",
    surface="#ffffff",
    hover="#f2f4f7",
    line="#e3e6eb",
    text="#1b1f27",
    muted="#5d6778",
    faint="#a4acb9",
    accent="#3558e6",
    accent_hover="#2a49c9",
    accent_soft="#e8edff",
    on_accent="#ffffff",
    good="#147a52",
    warn="#a05e08",
    bad="#c8372d",
    second="#c2620a",
)
DARK = Palette(
    dark=True,
    bg="#14161b",
    rail="#111318",
    surface="#1b1e25",
    hover="#242832",
    line="#2d323d",
    text="#e7e9ee",
    muted="#98a1b2",
    faint="#565e6d",
    accent="#7c97ff",
    accent_hover="#93a9ff",
    accent_soft="#262f52",
    on_accent="#10131c",
    good="#4cc38a",
    warn="#f0a850",
    bad="#f2766b",
    second="#e8862e",
)


class Notifier(QObject):
    """Signals: `changed()` after another palette was chosen."""

    changed = Signal()


class _State:
    palette: Palette = LIGHT
    notifier: Notifier | None = None


def current() -> Palette:
    """The palette of the moment."""
    return _State.palette


def notifier() -> Notifier:
    """Tells when the palette changes."""
    if _State.notifier is None:
        _State.notifier = Notifier()
    return _State.notifier


def choose(palette: Palette) -> None:
    """Make `palette` the current one and tell everybody."""
    _State.palette = palette
    notifier().changed.emit()


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)
