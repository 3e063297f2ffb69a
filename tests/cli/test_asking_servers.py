"""The commands that ask a server: a load on it, suggestions by it; another machine only where one says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import projects
from tests.cli.conftest import Command
from tests.serving import answering
from tests.serving.answering import DIGEST

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


@pytest.mark.loopback
def test_a_load_is_told_in_figures_and_words(command: Command, tmp_path: Path) -> None:
    texts = projects.write_csv(tmp_path / "texts.csv", [{"text": "soup", "label": ""}, {"text": "a map", "label": ""}])
    with answering.running() as server:
        said = command("load", server.address, "--clients", 3, "--seconds", 0.3, "--texts", texts, "--json")
        (told,) = said.objects
        assert (said.code, told["clients"], told["errors"]) == (0, 3, {})
        assert told["answers"] > 0
        said = command("load", server.address, "--clients", 1, "--seconds", 0.1)
        assert "answers a second" in said.out


@pytest.mark.loopback
def test_suggestions_come_from_a_server(command: Command, tmp_path: Path) -> None:
    project = projects.make(tmp_path / "Tickets", waiting=["soup", "a train"])
    with answering.running() as server:
        said = command("suggest", project, "--server", server.address, "--json")
    (told,) = said.objects
    assert (told["suggestions"], told["model"], told["sha256"]) == (2, "the rule", DIGEST)
    said = command("rows", project, "--show", "unlabeled", "--json")
    assert said.code == 0


def test_another_machine_is_asked_only_by_a_word(command: Command, project: Path) -> None:
    """The guard of these tests would refuse a connection, and the command then be no usage error."""
    said = command("suggest", project, "--server", "http://192.0.2.7:8765")
    assert said.code == 2
    assert "All texts without a label will be sent to 192.0.2.7, another machine, and not encrypted" in said.err
    assert "say --yes" in said.err
    assert command("load", "https://models.example").code == 2
    assert command("load", "nonsense address").code == 2
    assert command("load", "127.0.0.1:1", "--clients", 0).code == 2
    assert command("suggest", project, "--server", "127.0.0.1:1", "--encoder", "1").code == 2
