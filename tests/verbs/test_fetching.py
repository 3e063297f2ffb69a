"""Downloads: asked for, looked at first, without pickles, broken off and gone on with; never by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.catalog import hub as hub_process
from desktop_llm.catalog import offer, shelf
from desktop_llm.catalog.offer import File
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.verbs import fetching, shelving
from tests.catalog import hub_server
from tests.catalog.folders import LLAMA, make, weights
from tests.catalog.hub_server import Hub

NAME = "owner/tiny"
BIG = weights(1024, 1024)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine with one model, and a home that is empty."""
    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE")
    folder = make(tmp_path / "there", LLAMA, card="---\nlicense: mit\n---\n")
    (folder / "model.safetensors").write_bytes(BIG)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_own.py").write_text("raise SystemExit")
    with hub_server.running() as running:
        running.put(NAME, folder, license="mit")
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.mark.loopback
def test_a_model_is_looked_at_and_then_fetched(hub: Hub) -> None:
    found = fetching.look_up(f"https://huggingface.co/{NAME}/")
    assert (found.licence, found.gated, found.config["model_type"]) == ("mit", False, "llama")
    names = {one.name for one in found.files}
    assert names == {"config.json", "tokenizer.json", "README.md", "model.safetensors"}
    assert found.bytes == sum(len(hub.models[NAME][one]) for one in names)
    assert not any("resolve" in one for one in hub.asked)  # so far only looked at
    told: list[float] = []
    to = fetching.fetch(found, lambda fraction, _: told.append(fraction))
    assert {one.name for one in to.iterdir()} == names
    assert (to / "model.safetensors").read_bytes() == BIG
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert not [one for one in hub.asked if ".bin" in one or ".py" in one]
    (kept,) = shelving.kept()
    assert (kept.entry.source, kept.look.licence, kept.ours) == (NAME, "mit", True)
    assert kept.look.problem == ""
    with pytest.raises(UserError, match="is here already"):
        fetching.fetch(found)
    shelving.remove(to, files=True)
    assert not to.exists()
    assert shelving.kept() == []


@pytest.mark.loopback
def test_what_was_stopped_goes_on_where_it_was(hub: Hub) -> None:
    found = fetching.look_up(NAME)
    hub.held, half = threading.Event(), len(BIG) // 2
    hub.cut_after["model.safetensors"] = half
    with pytest.raises(Cancelled):
        fetching.fetch(found, should_stop=hub.reached.is_set)
    hub.held.set()
    to = fetching.place_of(found)
    assert not to.exists()
    assert shelf.entries() == []
    part = to.with_name(".tiny.part") / "model.safetensors.part"
    here = part.stat().st_size
    assert here <= half
    del hub.asked[:]
    assert fetching.fetch(found) == to
    assert (to / "model.safetensors").read_bytes() == BIG
    assert hub.asked == [f"/{NAME}/resolve/{found.revision}/model.safetensors" + (f" bytes={here}-" if here else "")]
    assert not part.parent.exists()


@pytest.mark.loopback
def test_a_line_that_breaks_is_taken_up_again(hub: Hub) -> None:
    found = fetching.look_up(NAME)
    hub.cut_after["model.safetensors"] = len(BIG) // 2
    to = fetching.fetch(found)
    assert (to / "model.safetensors").read_bytes() == BIG
    assert sum("model.safetensors" in one for one in hub.asked) == 2


@pytest.mark.loopback
def test_what_is_not_as_the_hub_says_is_not_kept(hub: Hub) -> None:
    found = fetching.look_up(NAME)
    hub.wrong.add("model.safetensors")
    with pytest.raises(UserError, match=r"“model.safetensors” of “owner/tiny” did not arrive as it is on the hub"):
        fetching.fetch(found)
    assert not fetching.place_of(found).exists()
    hub.wrong.clear()
    fetching.fetch(found)
    assert sum("model.safetensors" in one for one in hub.asked) == 2


@pytest.mark.loopback
def test_a_hub_that_sends_without_end_fills_no_disk(hub: Hub) -> None:
    found = fetching.look_up(NAME)
    hub.endless.add("model.safetensors")
    with pytest.raises(UserError, match=r"The hub sends more of “model.safetensors” than it has named"):
        fetching.fetch(found)
    filling = fetching.place_of(found).with_name(".tiny.part")
    assert sum(one.stat().st_size for one in filling.iterdir()) <= found.bytes + 1000


@pytest.mark.loopback
def test_what_is_here_of_another_state_is_forgotten(hub: Hub) -> None:
    found = fetching.look_up(NAME)
    filling = fetching.place_of(found).with_name(".tiny.part")
    filling.mkdir(parents=True)
    (filling / "state.json").write_text('{"revision": "older"}')
    (filling / "model.safetensors.part").write_bytes(BIG[:99] + b"old")
    (filling / "tokenizer.json").write_text("old")
    assert (fetching.fetch(found) / "model.safetensors").read_bytes() == BIG


@pytest.mark.loopback
def test_what_the_hub_refuses_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no model “owner/other” on the hub, or not for everybody"):
        fetching.look_up("owner/other")
    hub.gated.add(NAME)
    found = fetching.look_up(NAME)
    assert found.gated
    with pytest.raises(UserError, match="only to those who have agreed to its terms"):
        fetching.fetch(found)
    folder = make(tmp_path / "pickle", LLAMA)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.put("owner/pickle", folder)
    with pytest.raises(UserError, match="there only as a pickle, which can run foreign code, and is not fetched"):
        fetching.look_up("owner/pickle")


@pytest.mark.loopback
def test_a_hub_that_cannot_be_reached_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"The hub at http://127.0.0.1:9 could not be asked \(.+\); try again later"):
        fetching.look_up(NAME)


@pytest.mark.loopback
def test_who_has_forbidden_it_is_obeyed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="must not be asked on this computer: HF_HUB_OFFLINE is set"):
        fetching.look_up(NAME)
    assert hub.asked == []
    monkeypatch.setenv(hub_process.OURS, "1")  # a run in the window's process has set it, nobody else
    assert fetching.look_up(NAME).name == NAME


def test_without_the_marker_no_connection_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE")
    with pytest.raises(UserError, match="tests run without network"):
        fetching.look_up(NAME)


@pytest.mark.parametrize("given", ["", "tiny", "a/b/c", "../x", "a/..", "owner/na me", "https://example.org/a/b"])
def test_a_name_that_is_none(given: str) -> None:
    with pytest.raises(UserError, match="type it as owner/name"):
        fetching.look_up(given)


def test_the_files_that_are_wanted() -> None:
    def told(*names: str) -> list[str]:
        return [one.name for one in offer.wanted("a/b", [File(name=name, bytes=1) for name in names])]

    shards = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json")
    assert told("config.json", *shards, "consolidated.safetensors", "onnx/model.onnx", "x/model.safetensors") == [
        "config.json",
        "model.safetensors.index.json",
        *shards[:2],
    ]
    assert told("config.json", "model.safetensors", *shards) == ["config.json", "model.safetensors"]
    with pytest.raises(UserError, match=r"has no file model\.safetensors"):
        told("config.json", "model.gguf")
    with pytest.raises(UserError, match=r"has no config\.json"):
        told("model.safetensors")
