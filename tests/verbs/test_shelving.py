"""The list of models: folders are added, found, told of and taken off; their files stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_llm.catalog import shelf
from desktop_llm.errors import UserError
from desktop_llm.verbs import shelving
from tests.catalog.folders import BERT, LLAMA, make


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))


def test_folders_are_kept_and_told_of(tmp_path: Path) -> None:
    bert, llama = make(tmp_path / "bert", BERT), make(tmp_path / "llama", LLAMA)
    shelving.add([bert, llama])
    shelving.add([bert])
    assert [one.look.name for one in shelving.kept()] == ["llama", "bert"]
    assert shelving.paths() == [str(llama), str(bert)]
    shelving.remove(llama)
    assert [one.look.name for one in shelving.kept()] == ["bert"]
    assert (llama / "model.safetensors").is_file()
    with pytest.raises(UserError, match="is not on the list"):
        shelving.remove(llama)
    with pytest.raises(UserError, match="was not downloaded by this program; delete its files yourself"):
        shelving.remove(bert, files=True)
    assert bert.is_dir()


def test_folders_are_found(tmp_path: Path) -> None:
    bert = make(tmp_path / "all" / "deep" / "bert", BERT)
    cached = make(tmp_path / "all" / "models--owner--tiny" / "snapshots" / "abc", LLAMA)
    make(tmp_path / "all" / ".trash" / "old", BERT)
    (tmp_path / "all" / "tool").mkdir()
    (tmp_path / "all" / "tool" / "config.json").write_text("{}")
    assert {one.entry.path for one in shelving.add_below(tmp_path / "all")} == {bert, cached}
    assert {one.look.name for one in shelving.kept()} == {"bert", "tiny"}
    assert shelving.add_below(tmp_path / "all") == []
    with pytest.raises(UserError, match="There is no model folder in"):
        shelving.add_below(tmp_path / "all" / "tool")
    with pytest.raises(UserError, match="There is no folder"):
        shelving.add_below(tmp_path / "nowhere")


def test_what_is_no_model_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json is missing"):
        shelving.add([tmp_path])
    assert shelving.kept() == []


def test_a_folder_that_has_gone_is_told(tmp_path: Path) -> None:
    bert = make(tmp_path / "bert", BERT)
    shelving.add([bert])
    bert.rename(tmp_path / "elsewhere")
    (kept,) = shelving.kept()
    assert "There is no model folder" in kept.look.problem
    assert all(one.why_not for one in kept.serves)
    assert shelving.paths() == []


def test_an_unreadable_list_is_set_aside(tmp_path: Path) -> None:
    shelf.list_file().parent.mkdir(parents=True)
    shelf.list_file().write_text("{")
    assert shelving.kept() == []
    assert shelf.list_file().with_suffix(".damaged.json").read_text() == "{"


def test_checkpoints_of_a_training_are_not_gathered_but_can_be_added(tmp_path: Path) -> None:
    whole = make(tmp_path / "all" / "done", BERT)
    midway = make(tmp_path / "all" / "done" / "checkpoint-500", BERT)
    (midway / "trainer_state.json").write_text("{}", encoding="utf-8")
    assert [one.entry.path for one in shelving.add_below(tmp_path / "all")] == [whole]
    assert [one.entry.path for one in shelving.add([midway])] == [midway]
