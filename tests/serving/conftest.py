"""Servers in the test's own process, in a thread: quick to start, and stopped when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished
from desktop_llm.serving.limits import Limits
from desktop_llm.serving.place import Place
from desktop_llm.serving.server import Server, ready
from tests import run_folders
from tests.serving.answering import answering
from tests.tasks.language_modelling.fixture import FIXTURE as WRITER

Serve = Callable[..., Server]


@contextmanager
def running(folder: Path, place: Place) -> Iterator[Server]:
    """A server that answers until the block ends."""
    server = ready(folder, place)
    with answering(server):
        yield server


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(folder, token=…, text=…)`: a server on a free port, with other limits."""
    with ExitStack() as stack:

        def start(folder: Path, *, token: str = "", **limits: float) -> Server:
            place = Place(port=0, token=token, limits=Limits(**limits))  # type: ignore[arg-type]
            return stack.enter_context(running(folder, place))

        yield start


@pytest.fixture
def model(trained: Path) -> Path:
    """The folder of a trained classifier."""
    return trained / "runs" / "0001" / "model"


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that writes."""
    folder = run_folders.make(
        tmp_path_factory.mktemp("writer"),
        kind=WRITER.kind,
        torch_compile=False,
        vocab_size=300,
        max_length=64,
        num_train_epochs=2.0,
        eval_steps=10_000,
    )
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    return folder.model
