"""Ends that nobody planned: Ctrl+C, a window that is killed, a disk that is full. Nothing stays behind or is lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from desktop_llm import atomic
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished, Interrupted, Noted, Saved
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
WINDOW = """
import multiprocessing, sys
from desktop_llm.engine import worker
if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=worker.train, args=(sys.argv[1], theirs))
    process.start()
    theirs.close()
    print(process.pid, flush=True)
    while True:
        ours.recv()
"""
TERMINAL = """
import signal, sys
from desktop_llm.engine import worker
from desktop_llm.child import Child
if __name__ == "__main__":
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append("leave"))
    child = Child(worker.train, sys.argv[1], name="worker")
    print(child.pid, flush=True)
    while not child.ended:
        child.wait(0.1)
        while asked:
            child.send(asked.pop())
"""
LIMITED = """
import resource, signal, sys
from pathlib import Path
from desktop_llm.engine.run import run
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Saved
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def on_event(event):
    if isinstance(event, Saved) and event.step == 5:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    if event.kind == "step" and event.step >= 30:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run(Path(sys.argv[1]), on_event, Control())
"""


def _wait(condition: object, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)  # the condition decides; this only spares the processor


def _said(folder: RunFolder, kind: str) -> int:
    return folder.events_file.read_text().count(f'"kind":"{kind}"') if folder.events_file.exists() else 0


def test_ctrl_c_leaves_with_a_checkpoint(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path, num_train_epochs=2000.0)
    command = [sys.executable, "-m", "desktop_llm.engine", str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        _wait(lambda: _said(folder, "step") > 20, "the run says nothing")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 3
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    last = list(folder.read_events())[-1]
    assert isinstance(last, Interrupted)
    assert max(int(path.name[5:]) for path in folder.checkpoints.glob("step-*")) == last.step


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_window_leaves_no_worker(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path / "run", num_train_epochs=5000.0)
    script = tmp_path / "window.py"
    script.write_text(WINDOW)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script), str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        _wait(lambda: _said(folder, "step") > 20, "the run says nothing")
        process.kill()
        process.wait()
    worker_gone = psutil.wait_procs([worker], timeout=60)[0]
    assert worker_gone, "the worker lives on"
    assert isinstance(list(folder.read_events())[-1], Interrupted)
    assert all(atomic.damage(path) == "" for path in folder.checkpoints.glob("step-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_ctrl_c_in_the_terminal_of_the_window_lets_the_worker_leave_with_a_checkpoint(tmp_path: Path) -> None:
    folder = run_folders.make(tmp_path / "run", num_train_epochs=5000.0, save_steps=100_000)
    script = tmp_path / "window.py"
    script.write_text(TERMINAL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script), str(folder.path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        worker = psutil.Process(int(process.stdout.readline()))
        _wait(lambda: _said(folder, "step") > 20, "the run says nothing")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=PATIENCE)
        assert "Traceback" not in process.stderr.read()
    assert psutil.wait_procs([worker], timeout=PATIENCE)[0], "the worker lives on"
    end = list(folder.read_events())[-1]
    assert isinstance(end, Interrupted)
    assert end.step > 0
    assert max(int(path.name[5:]) for path in folder.checkpoints.glob("step-*")) == end.step


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_full_disk_keeps_the_checkpoint_before_and_the_run_goes_on(tmp_path: Path) -> None:
    whole = run_folders.make(tmp_path / "whole", save_steps=5, eval_steps=100)
    run(whole.path, lambda event: None, Control())
    folder = run_folders.make(tmp_path / "full", save_steps=5, eval_steps=100)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", LIMITED, str(folder.path)]
    subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    told = list(folder.read_events())
    assert isinstance(told[-1], Finished)
    notes = [event.message for event in told if isinstance(event, Noted)]
    assert notes
    assert all("step 5 is kept" in note and "\n" not in note for note in notes)
    assert 10 not in [event.step for event in told if isinstance(event, Saved)]
    assert list(folder.checkpoints.glob(".*")) == []
    assert atomic.sha256(folder.model / "model.safetensors") == atomic.sha256(whole.model / "model.safetensors")
