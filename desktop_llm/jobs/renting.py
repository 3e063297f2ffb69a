"""What a run would cost on a rented GPU, about: a table of prices that a person keeps, and each card's rate."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

SHARE_OF_PEAK = 0.3
"""The share of its published rate that a card is taken to reach: 35 to 50 % are published for large models, and small
ones reach less."""
LAUNCH_SECONDS = 0.004
"""What one forward and backward pass takes at least on any card: its kernels are launched one by one."""
SETTLING_SECONDS = 300.0
"""Renting, copying and preparing are paid for, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A GPU that can be rented: US dollars an hour, published dense bf16 rate in TFLOP/s, memory in GB."""

    name: str
    dollars: float
    teraflops: float
    gigabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What renting costs as of `date` (ISO 8601), and where that is from."""

    date: str
    source: str
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a run would take on a card: seconds, and dollars with the time to set it up."""

    card: Card
    seconds: float
    dollars: float


KNOWN = Prices(
    date="2026-03-10",
    source="RunPod, community cloud, as listed by deploybase.ai; rates from NVIDIA's data sheets (dense)",
    cards=(
        Card(name="RTX 4090", dollars=0.34, teraflops=165.0, gigabytes=24.0),
        Card(name="L4", dollars=0.44, teraflops=121.0, gigabytes=24.0),
        Card(name="L40S", dollars=0.79, teraflops=362.0, gigabytes=48.0),
        Card(name="A100 80 GB", dollars=1.19, teraflops=312.0, gigabytes=80.0),
        Card(name="H100 SXM", dollars=2.69, teraflops=989.0, gigabytes=80.0),
        Card(name="H200", dollars=3.59, teraflops=989.0, gigabytes=141.0),
    ),
)


def quotes(prices: Prices, flops: float, slices: float, memory: int) -> list[Quote]:
    """What `flops` in so many forward and backward passes cost on each card that has `memory` bytes, cheapest first."""
    told = []
    for card in prices.cards:
        if card.gigabytes * 1e9 >= memory and card.teraflops > 0:
            seconds = max(flops / (SHARE_OF_PEAK * card.teraflops * 1e12), slices * LAUNCH_SECONDS)
            dollars = (seconds + SETTLING_SECONDS) / 3600.0 * card.dollars
            told.append(Quote(card=card, seconds=seconds, dollars=dollars))
    return sorted(told, key=lambda one: one.dollars)


def to_text(prices: Prices) -> str:
    """As the settings keep it."""
    return json.dumps(asdict(prices), ensure_ascii=False)


def from_text(text: str) -> Prices:
    """From the settings; what cannot be read is the table that the program brings."""
    try:
        told: dict[str, Any] = json.loads(text)
        cards = tuple(_card(one) for one in told["cards"])
        return Prices(date=str(told["date"]), source=str(told["source"]), cards=cards)
    except (ValueError, KeyError, TypeError):
        return KNOWN


def _card(told: dict[str, Any]) -> Card:
    return Card(
        name=str(told["name"]),
        dollars=float(told["dollars"]),
        teraflops=float(told["teraflops"]),
        gigabytes=float(told["gigabytes"]),
    )
