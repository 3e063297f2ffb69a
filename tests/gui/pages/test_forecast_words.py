"""What is said of a forecast in the window."""

from __future__ import annotations

from desktop_llm.gui.pages import forecast_words as words


def test_abbreviations_and_names_keep_their_capitals_in_a_sentence() -> None:
    told = words.differs(("lora_r", "use_dora", "per_device_train_batch_size"))
    assert told == "Measured before you changed: LoRA rank, DoRA, batch size."
    assert "Adam β₁" in words.differs(("adam_beta1",))
