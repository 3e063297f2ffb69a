"""What is said of a forecast in the window."""

from __future__ import annotations

from desktop_llm.gui.pages import forecast_words as words
from desktop_llm.jobs.forecast import Offer


def test_abbreviations_and_names_keep_their_capitals_in_a_sentence() -> None:
    told = words.differs(("lora_r", "use_dora", "per_device_train_batch_size"))
    assert told == "Measured before you changed: LoRA rank, DoRA, batch size."
    assert "Adam β₁" in words.differs(("adam_beta1",))


def test_memory_is_named_only_where_it_ends_the_batch() -> None:
    def tip(kind: str) -> str:
        return words.offer_tip(Offer(kind=kind, values={"per_device_train_batch_size": 64}, memory=1, seconds=1.0))

    assert "largest batch that fits into memory" in tip("batch")
    assert "not where memory does" in tip("enough")
    assert tip("length") == ""
    assert words.offer(Offer(kind="enough", values={"per_device_train_batch_size": 64}, memory=1, seconds=1.0))[0] == (
        "Use 64"
    )
