"""Runs on a server from the command line: pack, take-back, call-back."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from tests import projects
from tests.cli.conftest import Command
from tests.servers import Away, unpack, until


def test_a_run_is_made_packed_and_taken_back_half_done_and_whole(command: Command, away: Away, tmp_path: Path) -> None:
    assert "1  on a server, from scratch" in command("runs", away.project).out
    refused = command("resume", away.project, "1")
    assert (refused.code, "is on a server (pack.zip); take it back" in refused.err) == (1, True)
    begun = until(away, 1, tmp_path / "begun")
    begun.events_file.write_bytes(begun.events_file.read_bytes().partition(b"\n")[0] + b"\n")
    said = command("take-back", away.project, begun.path)
    assert said.out == "Run 1 is taken back: interrupted. It has not begun a step.\n"
    half = until(away, 20, tmp_path / "half")
    said = command("take-back", away.project, half.path)
    assert said.out == "Run 1 is taken back: interrupted, step 20 of 30.\n"
    shutil.make_archive(str(tmp_path / "back"), "zip", away.server)
    said = command("take-back", away.project, tmp_path / "back.zip", "--json")
    assert said.objects == [{"run": 1, "state": "finished", "step": 30, "new": True}]
    said = command("take-back", away.project, away.server)
    assert said.out == "Nothing in it was new; run 1 is finished, step 30.\n"
    assert "accuracy" in command("evaluate", away.project, "1").out
    assert command("check", away.project).code == 0
    refused = command("pack", away.project, "1", "--to", tmp_path / "pack.zip")
    assert (refused.code, "has ended" in refused.err) == (1, True)


def test_a_run_is_packed_instead_of_trained_and_called_back(command: Command, project: Path, tmp_path: Path) -> None:
    pack = tmp_path / "my pack.zip"
    said = command("train", project, *projects.settings(), "--pack", pack, "--gpus", "2", "--hours", "5")
    assert said.code == 0
    assert "The file holds its texts" in said.out
    assert (
        "There: unzip 'my pack.zip' && cd run-0001 && sh run.sh\nOnce before, in the unpacked folder: python3 -m venv"
        in said.out
    )
    there = unpack(pack, tmp_path / "server")
    assert "-m torch.distributed.run --nproc-per-node 2 --max-restarts 3" in (there / "run.sh").read_text()
    assert "--time=5:00:00" in (there / "run.slurm").read_text()
    refused = command("take-back", project, there)
    assert (refused.code, "has not begun" in refused.err) == (1, True)
    assert "called back" in command("call-back", project, "1").out
    again = command("pack", project, "1", "--to", tmp_path / "second.zip", "--gpus", "0", "--json").objects[0]
    assert (again["run"], again["bytes"]) == (1, (tmp_path / "second.zip").stat().st_size)
    assert command("call-back", project, "1").code == 0
    assert command("resume", project, "1").code == 0
    assert "1  finished" in command("runs", project).out


def test_wrong_words_and_wishes_are_told(command: Command, away: Away, tmp_path: Path) -> None:
    shutil.copytree(away.server, away.server.parent / "another")
    for words, code, told in (
        (("pack", away.project, "1"), 2, "--to"),
        (("pack", away.project, "9", "--to", tmp_path / "a.zip"), 1, "no run 9"),
        (("train", away.project, "--pack", tmp_path / "a.zip", "--gpus", "-1"), 2, "GPUs is between 0 and 64"),
        (("train", away.project, "--pack", tmp_path / "a.zip", "--hours", "0"), 2, "hours is between 1 and 720"),
        (("train", away.project, "--gpus", "4"), 2, "--gpus is asked of a server: it goes with --pack"),
        (("train", away.project, "--estimate", "--pack", tmp_path / "a.zip"), 2, "ask for one of them"),
        (("train", away.project, "--again", "1", "--pack", tmp_path / "a.zip"), 2, "leave out"),
        (("take-back", away.project, away.server.parent), 1, "holds several runs"),
        (("call-back", away.project, "2"), 1, "no run 2"),
    ):
        said = command(*words)
        assert (said.code, told in said.err) == (code, True), said.err
    assert not list(tmp_path.glob("*.zip"))
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as packed:
        packed.writestr("a.txt", "nothing")
    assert "holds no run" in command("take-back", away.project, tmp_path / "none.zip").err
