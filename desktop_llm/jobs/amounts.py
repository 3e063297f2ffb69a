"""Times and sizes as people say them, one way for window and terminal: a number and its unit."""

from __future__ import annotations

UNITS = ((5400.0, 3600.0, "h"), (90.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From so many seconds on, how many seconds the unit has, and its name."""


def size(count: float) -> tuple[str, str]:
    """Bytes: 340 MB, 1.2 GB."""
    if count < 0.95e9:
        return f"{max(1.0, count / 1e6):.0f}", "MB"
    return (f"{count / 1e9:.1f}" if count < 20e9 else f"{count / 1e9:.0f}"), "GB"


def time(seconds: float) -> tuple[str, str]:
    """A time: 12 ms, 4.2 s, 3.2 min, 12 h."""
    if seconds < 0.095:
        return f"{max(1.0, 1000 * seconds):.0f}", "ms"
    length, unit = _unit(seconds)
    return _digits(seconds / length), unit


def band(low: float, middle: float, high: float) -> tuple[str, str, str, str]:
    """A time with its band, all in the unit of the middle, which comes last."""
    length, unit = _unit(middle)
    return _digits(low / length), _digits(middle / length), _digits(high / length), unit


def parameters(count: float) -> tuple[str, str]:
    """How large a model is: 28 thousand, 4.4 million."""
    for step, unit in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= step:
            return _digits(count / step), unit
    return f"{count:.0f}", ""


def energy(hours: float) -> tuple[str, str]:
    """Watt-hours: 0.034 Wh, 340 Wh, 1.2 kWh."""
    if hours >= 1000:
        return f"{hours / 1000:.1f}", "kWh"
    return (f"{hours:.2g}" if hours < 9.95 else f"{hours:.0f}"), "Wh"


def _unit(seconds: float) -> tuple[float, str]:
    return next((length, unit) for least, length, unit in UNITS if seconds >= least or not least)


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
