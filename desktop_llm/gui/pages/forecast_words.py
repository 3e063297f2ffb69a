"""What is foretold of a run, in words for the window; and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from desktop_llm.gui.status import time_words
from desktop_llm.jobs import renting
from desktop_llm.jobs.recipe import Recipe

if TYPE_CHECKING:
    from desktop_llm.jobs.forecast import Forecast, Offer
    from desktop_llm.jobs.renting import Prices

UNITS = ((5400.0, "h"), (90.0, "min"), (1.0, "s"))
NAMED = 3
"""So many settings are named in which a recipe differs from the measured one."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ForecastWords", text)


def size_words(count: float) -> str:
    """Bytes as people say them: 340 MB, 1.2 GB."""
    if count < 0.95e9:
        return _tr("{count:.0f} MB").format(count=max(1.0, count / 1e6))
    return (_tr("{count:.1f} GB") if count < 20e9 else _tr("{count:.0f} GB")).format(count=count / 1e9)


def band(told: Forecast) -> str:
    """The time with its band: 3.2 min (2.9–3.6)."""
    return _band(told.low, told.seconds, told.high)


def _band(low: float, middle: float, high: float) -> str:
    size, unit = next((one for one in UNITS if middle >= one[0]), UNITS[-1])
    return f"{_digits(middle / size)} {_tr(unit)} ({_digits(low / size)}–{_digits(high / size)})"


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def of(size: int, there: int) -> str:
    """A size against what there is."""
    return _tr("{size} of {there}").format(size=size_words(size), there=size_words(there))


def energy(told: Forecast) -> str:
    """Watt-hours, or '' where they cannot be read."""
    if told.energy is None:
        return ""
    if told.energy >= 1000:
        return _tr("{count:.1f} kWh").format(count=told.energy / 1000)
    return _tr("{count:.2g} Wh").format(count=told.energy)


def rented(told: Forecast, prices: Prices) -> tuple[str, str]:
    """The cheapest card and its price, and all of them with where that is from; both '' without a card that fits."""
    quotes = renting.quotes(prices, told.flops, told.slices, told.memory)
    if not quotes:
        return "", ""
    best = quotes[0]
    short = _tr("${dollars:.2f} ({card})").format(dollars=best.dollars, card=best.card.name)
    lines = [
        _tr("{card}: about ${dollars:.2f}, {time}").format(
            card=one.card.name, dollars=one.dollars, time=time_words(one.seconds)
        )
        for one in quotes
    ]
    lines.append(
        _tr(
            "A card is taken to reach {share:.0f} % of its published bf16 rate; five minutes to set it up are in it. "
            "Prices of {date}: {source}. They are yours to change in Settings."
        ).format(share=100 * renting.SHARE_OF_PEAK, date=prices.date, source=prices.source)
    )
    return short, "\n".join(lines)


def differs(keys: tuple[str, ...]) -> str:
    """In what the measured run differs from what is set now; '' in nothing."""
    if not keys:
        return ""
    titles = {one.name: one.metadata["title"] for one in Recipe.__dataclass_fields__.values()}
    other = {"machine": _tr("computer"), "rows": _tr("number of texts"), "labels": _tr("labels")}
    names = [other.get(key) or QCoreApplication.translate("Recipe", titles.get(key, key)) for key in keys]
    named = ", ".join(name[:1].lower() + name[1:] for name in names[:NAMED])
    more = _tr(" and {count} more").format(count=len(names) - NAMED) if len(names) > NAMED else ""
    return _tr("Measured before you changed: {names}.").format(names=named + more)


def offer(told: Offer) -> tuple[str, str]:
    """A button's words, and what it would take."""
    values = dict(told.values)
    batch = values.get("per_device_train_batch_size")
    rounds = values.get("gradient_accumulation_steps", 1)
    if told.kind == "batch":
        words = _tr("Use {batch}") if rounds == 1 else _tr("Use {batch} × {rounds}")
    elif told.kind == "accumulation":
        words = _tr("{batch} texts × {rounds}")
    elif told.kind == "checkpointing":
        words = _tr("Gradient checkpointing")
    elif told.kind == "length":
        words = _tr("Longest text {length}")
    else:
        words = _tr("LoRA adapters")
    short = words.format(batch=batch, rounds=rounds, length=values.get("max_length"))
    takes = _tr("{memory}, {time}").format(memory=size_words(told.memory), time=time_words(told.seconds))
    return short, takes


def kept_word(details: Mapping[str, Any]) -> str:
    """What was foretold of a run beside what it took; '' where nothing was."""
    told = details.get("forecast")
    if not isinstance(told, Mapping) or not isinstance(told.get("predicted"), Mapping):
        return ""
    before, after = told["predicted"], told.get("real")
    words = _tr("Foretold: {times}, {memory} of memory").format(
        times=_band(before["low"], before["seconds"], before["high"]), memory=size_words(before["memory"])
    )
    if not isinstance(after, Mapping):
        return words + "."
    took = _tr("it took {time} and {memory}").format(
        time=time_words(after["seconds"]), memory=size_words(after["memory"])
    )
    steps, planned = int(after.get("steps", 0)), int(before.get("total_steps", 0))
    if steps < planned:
        took += _tr(", ending after {steps:,} of {planned:,} steps").format(steps=steps, planned=planned)
    return f"{words}; {took}."
