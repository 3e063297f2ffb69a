"""The palettes can be read: 4.5 to 1 for every text on what it stands on."""

from __future__ import annotations

import pytest

from desktop_llm.widgets.theme import DARK, LIGHT, Palette, contrast

PAIRS = [
    (text, ground) for text in ("text", "muted", "good", "warn", "bad", "accent") for ground in ("surface", "bg")
] + [("text", "accent_soft"), ("accent", "accent_soft"), ("on_accent", "accent"), ("muted", "rail"), ("text", "hover")]


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(palette: Palette, text: str, ground: str) -> None:
    assert contrast(getattr(palette, text), getattr(palette, ground)) >= 4.5
