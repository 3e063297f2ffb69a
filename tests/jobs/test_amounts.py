"""Times, sizes and counts are said so that none of them reads as nothing."""

from __future__ import annotations

import pytest

from desktop_llm.jobs import amounts


def test_small_and_large_ones_have_units_of_their_own() -> None:
    assert amounts.size(4_000_000) == ("4", "MB")
    assert amounts.size(1_240_000_000) == ("1.2", "GB")
    assert amounts.time(0.012) == ("12", "ms")
    assert amounts.time(2.4) == ("2.4", "s")
    assert amounts.time(7200) == ("2.0", "h")
    assert amounts.band(100.0, 120.0, 150.0) == ("1.7", "2.0", "2.5", "min")
    assert amounts.parameters(27_524) == ("28", "thousand")
    assert amounts.parameters(4_400_000) == ("4.4", "million")


@pytest.mark.parametrize(
    ("hours", "told"), [(0.034, ("0.034", "Wh")), (340.0, ("340", "Wh")), (1200.0, ("1.2", "kWh"))]
)
def test_energy_never_reads_like_a_formula(hours: float, told: tuple[str, str]) -> None:
    assert amounts.energy(hours) == told
