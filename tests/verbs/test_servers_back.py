"""Runs taken back from a server: as if they had trained here, in halves and once more, and what is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_llm import atomic
from desktop_llm.engine import worker
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs.control import Control
from desktop_llm.store.project import Project
from desktop_llm.verbs import headless, packing, rerunning, returning, training
from tests.servers import PROCESSOR, STEPS, Away, unpack, until

WEIGHTS = "model.safetensors"
TABLES = ("runs", "run_metrics", "predictions")


def _kept(project: Project) -> dict[str, list[Any]]:
    """All that the project has of its runs."""
    rows = project._connections.rows
    return {name: rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in TABLES}


def test_taken_back_it_is_as_if_it_had_trained_here(away: Away, tmp_path: Path) -> None:
    trained = shutil.copytree(away.project, tmp_path / "trained here")
    with away.opened() as project:
        back = returning.take(project, away.server)
        assert (back.new, back.left_out, back.run.state, back.run.step) == (True, (), "finished", STEPS)
        assert back.changes.runs
        assert back.changes.predictions
        assert [step for step, _ in project.runs.metrics(1)["loss"]] == list(range(1, STEPS + 1))
        assert project.predictions.count(1) == 24
        assert project.check() == []
        once = _kept(project)
        assert not returning.take(project, away.server).new
        assert _kept(project) == once
        number, folder = rerunning.again(project, 1)
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        assert "the same to the last bit" in project.runs.get(number).message
        there = atomic.sha256(folder.model / WEIGHTS)
    with Away(trained, away.pack, away.server).opened() as project:
        packing.call_back(project, 1)
        assert headless.train(project, 1, lambda told, words: None, lambda leave: None) == 0
        assert atomic.sha256(project.runs.folder(1).model / WEIGHTS) == there


@pytest.mark.parametrize("torn", [True, False], ids=["torn", "whole"])
def test_taken_back_before_its_end_and_once_more_it_is_as_taken_back_once(
    away: Away, tmp_path: Path, torn: bool
) -> None:
    other = Away(shutil.copytree(away.project, tmp_path / "other"), away.pack, away.server)
    with other.opened() as project:
        returning.take(project, away.server)
        once = _kept(project)
    half = until(away, 10, tmp_path / "half", torn=torn)
    with away.opened() as project:
        back = returning.take(project, half.path)
        assert (back.run.state, back.run.step, back.new) == ("interrupted", 10, True)
        assert "take it back again later" in back.run.message
        assert not returning.take(project, half.path).new
    with away.opened() as project:
        assert returning.take(project, away.server).run.state == "finished"
        assert _kept(project) == once
        assert not returning.take(project, half.path).new  # an older one takes nothing away
        assert _kept(project) == once
        assert project.check() == []


def test_taken_back_before_its_end_it_ends_here_with_the_same_weights(away: Away, tmp_path: Path) -> None:
    half = until(away, 20, tmp_path / "half")
    with away.opened() as project:
        returning.take(project, half.path)
        training.resumable(project, 1)
        assert headless.train(project, 1, lambda told, words: None, lambda leave: None) == 0
        there = atomic.sha256(away.run.model / WEIGHTS)
        assert atomic.sha256(project.runs.folder(1).model / WEIGHTS) == there
        with pytest.raises(UserError, match="Run 1 went on here after it was packed"):
            returning.take(project, away.server)


def test_what_was_broken_off_after_the_files_were_here_is_made_good(away: Away) -> None:
    with away.opened() as project:
        shutil.copyfile(away.run.events_file, project.runs.folder(1).events_file)
        assert returning.take(project, away.server).run.state == "finished"
        assert project.check() == []


@pytest.mark.parametrize("half_first", [True, False], ids=["interrupted", "away"])
def test_where_the_disk_fails_between_its_files_it_can_only_be_taken_back_again(
    away: Away, tmp_path: Path, half_first: bool
) -> None:
    with away.opened() as project:
        if half_first:
            returning.take(project, until(away, 10, tmp_path / "half").path)
        folder = project.runs.folder(1)
        folder.predictions.symlink_to(tmp_path / "nowhere")  # nothing can be put there
        with pytest.raises(UserError, match="Could not put the run into"):
            returning.take(project, away.server)
        assert (folder.checkpoints / "step-00000030").exists()
        run = project.runs.get(1)
        assert (run.state, run.message) == ("on a server", returning.BROKEN_OFF)
        for attempt in (training.resumable, packing.call_back):
            with pytest.raises(UserError, match="Run 1 is"):
                attempt(project, 1)
        folder.predictions.unlink()
        back = returning.take(project, away.server)
        assert (back.new, back.run.state, back.run.server.get("half here")) == (True, "finished", None)
        assert project.check() == []


def test_nobody_goes_on_with_a_run_that_is_being_taken_back(away: Away, tmp_path: Path) -> None:
    half = until(away, 10, tmp_path / "half")
    refused: list[float] = []

    def meanwhile(fraction: float, text: str) -> None:
        with pytest.raises(UserError, match="is on a server"):
            training.resumable(project, 1)
        refused.append(fraction)

    with away.opened() as project:
        returning.take(project, half.path)
        before = project.runs.get(1)
        with pytest.raises(Cancelled):
            returning.take(project, away.server, on_progress=meanwhile, should_stop=lambda: len(refused) > 3)
        assert project.runs.get(1) == before
        training.resumable(project, 1)
        assert returning.take(project, away.server, on_progress=meanwhile).run.state == "finished"
    assert refused[-1] == 1.0


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
def test_a_run_that_began_here_ends_there(away: Away, tmp_path: Path, zipped: bool) -> None:
    """Packed again after it came back half done: a checkpoint and its events go along."""
    half = until(away, 20, tmp_path / "half", torn=False)
    with away.opened() as project:
        returning.take(project, half.path)
        packing.pack(project, 1, tmp_path / "again.zip", PROCESSOR)
        there = unpack(tmp_path / "again.zip", tmp_path / "second server")
        worker.train_here(str(there / "run"), lambda event: None, Control())
        if zipped:
            shutil.make_archive(str(tmp_path / "back"), "zip", there.parent)
        back = returning.take(project, tmp_path / "back.zip" if zipped else there.parent)
        assert (back.run.state, back.run.step) == ("finished", STEPS)
        assert [step for step, _ in project.runs.metrics(1)["loss"]] == list(range(1, STEPS + 1))
        assert atomic.sha256(project.runs.folder(1).model / WEIGHTS) == atomic.sha256(away.run.model / WEIGHTS)
        assert project.check() == []


def _another_learning_rate(away: Away) -> None:
    told = json.loads(away.run.job_file.read_text())
    told["recipe"]["learning_rate"] = 0.5
    away.run.job_file.write_text(json.dumps(told))


def _another_run(away: Away) -> None:
    told = json.loads(away.run.job_file.read_text())
    away.run.job_file.write_text(json.dumps({**told, "created": "2020-01-01T00:00:00+00:00"}))


def _no_run(away: Away) -> None:
    away.run.job_file.unlink()


def _broken_job(away: Away) -> None:
    away.run.job_file.write_text("{")


def _half_a_job(away: Away) -> None:
    away.run.job_file.write_text('{"format": 1}')


def _another_text(away: Away) -> None:
    with (away.run.snapshot / "train.jsonl").open("a") as file:
        file.write("{}\n")


def _flipped_bit(away: Away) -> None:
    file = away.run.model / WEIGHTS
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)


def _no_model(away: Away) -> None:
    shutil.rmtree(away.run.model)


def _a_link(away: Away) -> None:
    file = away.run.model / WEIGHTS
    file.rename(away.server / "elsewhere")
    file.symlink_to(away.server / "elsewhere")


def _other_events(away: Away) -> None:
    (away.project / "runs" / "0001" / "events.jsonl").write_text('{"kind":"beat","at":1.0}\n')


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_another_learning_rate, r"changed on the server \(learning_rate\)"),
        (_another_run, "not packed by this project"),
        (_no_run, "holds no run"),
        (_broken_job, "^The job.json in “run-0001” is damaged and cannot be read; copy it again from the server.$"),
        (_half_a_job, r"^The job.json in “run-0001” is damaged \('number'\); copy it again from the server.$"),
        (_another_text, "is not what it was packed with"),
        (_flipped_bit, "model.safetensors does not match its checksum in model"),
        (_no_model, "lacks its model"),
        (_a_link, "is a link"),
        (_other_events, "went on here"),
    ],
)
def test_what_is_not_the_run_that_went_is_refused_and_nothing_touched(
    away: Away, spoil: Callable[[Away], None], words: str
) -> None:
    spoil(away)
    with away.opened() as project:
        folder = project.runs.folder(1).path
        before, files = _kept(project), sorted(folder.rglob("*"))
        with pytest.raises(UserError, match=words):
            returning.take(project, away.server)
        assert _kept(project) == before
        assert sorted(folder.rglob("*")) == files
        assert [one.name for one in folder.parent.iterdir()] == ["0001"]


def test_a_damaged_checkpoint_is_left_out_and_named(away: Away) -> None:
    state = away.run.checkpoints / "step-00000020" / "state.json"
    state.write_text(state.read_text() + " ")
    with away.opened() as project:
        back = returning.take(project, away.server)
        assert (back.run.state, back.left_out) == ("finished", ("step-00000020",))
        assert not (project.runs.folder(1).checkpoints / "step-00000020").exists()
        assert project.check() == []


def _hostile(path: Path, away: Away, name: str, content: bytes) -> Path:
    shutil.make_archive(str(path.with_suffix("")), "zip", away.server)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run/model/../../../../evil", b"x", "would lie outside"),
        ("/evil", b"x", "would lie outside"),
        ("run/model/C:evil", b"x", "would lie outside"),
        ("run/model/zeros", bytes(30 << 20), "would grow"),
    ],
)
def test_an_archive_made_to_harm_is_refused(away: Away, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with away.opened() as project, pytest.raises(UserError, match=words):
        returning.take(project, _hostile(tmp_path / "back.zip", away, name, content))
    assert not list(tmp_path.rglob("evil"))


def test_a_damaged_archive_and_one_that_is_none_are_told(away: Away, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "back"), "zip", away.server)
    file = tmp_path / "back.zip"
    with zipfile.ZipFile(file) as packed:
        place = packed.getinfo("run/model/model.safetensors").header_offset + 200
    content = bytearray(file.read_bytes())
    content[place] ^= 255
    file.write_bytes(content)
    (tmp_path / "none.zip").write_text("nothing")
    with away.opened() as project:
        for name, words in (("back", "damaged; copy it from the server again"), ("none", "no whole ZIP file")):
            with pytest.raises(UserError, match=words):
                returning.take(project, tmp_path / f"{name}.zip")
        with pytest.raises(UserError, match="does not exist"):
            returning.take(project, tmp_path / "gone.zip")
        assert project.runs.get(1).state == "on a server"


def test_a_run_that_was_made_longer_here_is_not_said_to_be_changed_on_the_server(away: Away, tmp_path: Path) -> None:
    with away.opened() as project:
        returning.take(project, until(away, 20, tmp_path / "half").path)
        rerunning.prolong(project, 1, {"num_train_epochs": 50.0})
        with pytest.raises(UserError, match="Run 1 was made longer here after it was packed"):
            returning.take(project, away.server)
        assert project.runs.get(1).state == "interrupted"
