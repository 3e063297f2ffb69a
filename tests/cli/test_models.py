"""The models that a person keeps, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog import hub_server
from tests.catalog.folders import BERT, LLAMA, make
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))


def test_the_list(command: Command, tmp_path: Path) -> None:
    assert command("models", "--json").out == ""
    assert command("models").out == "No models yet: models add FOLDER, or models get OWNER/NAME.\n"
    bert = make(tmp_path / "all" / "bert", BERT, card="---\nlicense: mit\n---\n")
    llama = make(tmp_path / "all" / "llama", LLAMA)
    assert command("models", "add", tmp_path / "all", "--below").code == 0
    told = command("models", "--json").objects
    assert [one["name"] for one in told] == ["bert", "llama"]
    assert (told[0]["licence"], told[0]["parameters"], told[0]["context"]) == ("mit", 12, 512)
    assert told[0]["serves"]["token_tagging"] is True
    assert "does not write texts" in told[0]["serves"]["dialogue"]
    words = command("models", "list").out
    assert "bert: BertModel, 12 parameters, reads 512 tokens" in words
    assert "Dialogue" not in words.split("llama:")[0]
    assert command("models", "remove", bert).code == 0
    assert bert.is_dir()
    (llama / "model.safetensors").unlink()
    assert "has no weights" in command("models").out
    assert "add --yes" in command("models", "remove", llama, "--files").err
    assert command("models", "remove", llama, "--files", "--yes").code == 1


def test_wrong_words(command: Command, tmp_path: Path) -> None:
    assert command("models", "add").code == 2
    assert command("models", "list", "more").code == 2
    assert command("models", "take").code == 2
    assert "config.json is missing" in command("models", "add", tmp_path).err
    told = command("models", "get", "tiny")
    assert told.code == 2
    assert "type it as owner/name" in told.err
    told = command("--json", "models")
    assert told.objects == [{"error": told.err.strip(), "exit": 2}]
    assert "options stand behind the command: desktop-llm models … --json" in told.err


@pytest.mark.loopback
def test_a_download(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE")
    with hub_server.running() as hub:
        hub.put("owner/tiny", make(tmp_path / "there", LLAMA), license="apache-2.0")
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        said = command("models", "get", "owner/tiny")
        assert "owner/tiny: 1 MB, apache-2.0" in said.out
        assert "Nothing was downloaded; add --yes to do so." in said.out
        assert command("models").out.startswith("No models yet")
        said = command("models", "get", "owner/tiny", "--yes", "--json")
        folder = said.objects[1]["folder"]
        assert Path(folder).is_relative_to(tmp_path / "home" / "data" / "models")
    assert command("models", "remove", folder, "--files", "--yes").code == 0
    assert not Path(folder).exists()
