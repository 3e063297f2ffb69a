"""The trained tokenizer: the same texts, the same tokens; no character is lost."""

from __future__ import annotations

from desktop_llm.nets import tokenizer
from tests import run_folders

TEXTS = [row["text"] for row in run_folders.rows(200)] + ["我的卡被吞了怎么办", "Größe café naïve 🙂"]


def test_the_same_texts_give_the_same_tokenizer() -> None:
    made = {tokenizer.train(TEXTS, 400, 32).backend_tokenizer.to_str() for _ in range(4)}
    assert len(made) == 1


def test_no_character_is_unknown() -> None:
    trained = tokenizer.train(TEXTS, 300, 64)
    for text in ("never seen: ξ 🚀 汉", "我的卡被吞了怎么办"):
        ids = trained(text)["input_ids"]
        assert trained.unk_token_id not in ids
        assert str(trained.decode(ids, skip_special_tokens=True)).strip() == text.lower()
