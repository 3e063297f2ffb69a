"""The engine at the far end of a pipe: a training process, and a warm one that answers.

Importable without torch, so that the window can name these functions as a process's target. Both leave when the
pipe ends: a killed window leaves no process behind.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.catalog import hub
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import events, explanation, generation, prediction
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Failed
from desktop_llm.jobs.folder import RunFolder

if TYPE_CHECKING:
    from desktop_llm.engine.embed import Encoder
    from desktop_llm.engine.generator import Generator
    from desktop_llm.engine.predict import Predictor

SENT_EVERY = 0.03
"""Seconds between the messages of a model that writes: no faster than a screen can show."""
KEPT_WRITING = 2
"""Models that write and are kept loaded, so that two can be compared."""
LEAVE_SECONDS = 8.0
"""A process whose window died and that cannot finish its step in this time ends without another checkpoint."""


def offline() -> None:
    """Forbid the model libraries every network access and telemetry, and let waiting threads sleep.

    Counts only before they are imported.
    """
    if "HF_HUB_OFFLINE" not in os.environ:
        os.environ[hub.OURS] = "1"
    for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[key] = "1"
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def train_here(folder: str, on_event: Callable[[Event], None], control: Control, *, as_rank: bool = False) -> Event:
    """Run `folder` in the calling thread; returns the end event (also given to `on_event`).

    One whose recipe wants several processes gets them, unless this is to be the only one or one of them (`as_rank`; the
    environment says which).
    """
    offline()
    processes = 1 if as_rank else _processes(folder)
    if processes > 1:
        from desktop_llm.engine import launching

        return launching.run(Path(folder), processes, on_event, control)
    try:
        with at_rest():
            from desktop_llm.engine import ranks
            from desktop_llm.engine.run import run
    except ImportError as error:
        end = Failed(at=time.time(), message=f"The engine is not whole ({error}); install the program again.")
        on_event(end)
        return end
    return run(Path(folder), on_event, control, ranks.from_environment() if as_rank else ranks.ALONE)


def _processes(folder: str) -> int:
    """How many the run wants; one where that cannot be read, which will then say why."""
    try:
        return RunFolder(Path(folder)).job().recipe.num_processes
    except UserError:
        return 1


def train(folder: str, pipe: Connection) -> None:
    """The training process: obeys words from the pipe, sends events as lines."""
    _own_output(RunFolder(Path(folder)).log_file)
    offline()
    with at_rest():
        from desktop_llm.engine.device import step_aside

    step_aside()
    control = Control()
    threading.Thread(target=_listen, args=(pipe, control), name="listen", daemon=True).start()
    sending = threading.Lock()

    def on_event(event: Event) -> None:
        with sending, suppress(OSError):  # the window is gone: the events stay in the run's file
            pipe.send(events.to_line(event))

    train_here(folder, on_event, control)
    with suppress(OSError):
        pipe.close()


def infer(pipe: Connection) -> None:
    """The answering process: keeps the last asked model loaded; ends on `{"quit": True}` or the pipe's end."""
    offline()
    with at_rest():
        from desktop_llm.engine.device import settle_thread, step_aside

    settle_thread()
    step_aside()
    models, inbox = _Models(), _Inbox(pipe)
    while (asked := inbox.next()) is not None:
        answer: dict[str, Any] = {"id": asked["id"]}
        try:
            if "write" in asked:
                answer |= models.write(asked, inbox)
            elif "explain" in asked:
                answer |= models.explain(asked, inbox)
            elif "attend" in asked:
                answer |= models.attend(asked)
            else:
                answer |= models.embed(asked) if "texts" in asked else models.predict(asked)
        except Cancelled:
            answer["cancelled"] = True
        except UserError as error:
            answer["error"] = error.message
        except Exception as error:  # noqa: BLE001 - one bad row must not end the process for the next one
            answer["error"] = f"The model could not answer ({type(error).__name__}: {error})."
        try:
            pipe.send(answer)
        except OSError:
            return


class _Inbox:
    """What the window asks, in its order, but for its word that an answer is no longer wanted."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._waiting: deque[dict[str, Any]] = deque()
        self._unwanted: set[int] = set()
        self._over = False

    def next(self) -> dict[str, Any] | None:
        """The next request, once there is one; None when no more will come."""
        while not self._waiting and not self._over:
            self._take()
        if self._over:
            return None
        asked = self._waiting.popleft()
        self._unwanted = {one for one in self._unwanted if one >= int(asked["id"])}
        return asked

    def unwanted(self, number: int) -> bool:
        """Whether the answer to a request is no longer wanted, or nobody is there to hear it."""
        while not self._over and self.pipe.poll():
            self._take()
        return self._over or number in self._unwanted

    def _take(self) -> None:
        try:
            told = self.pipe.recv()
        except (EOFError, OSError):
            self._over = True
            return
        if not isinstance(told, dict) or told.get("quit"):
            self._over = True
        elif "unwanted" in told:
            self._unwanted.add(int(told["unwanted"]))
        else:
            self._waiting.append(told)


class _Models:
    """What was asked last, one model of each kind."""

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._encoder: Encoder | None = None
        self._writing: list[Generator] = []
        """The last asked first."""

    def predict(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answers about rows; with "wide" they tell the chances of all labels, as far as there are any."""
        predictor = self._ready(Path(asked["folder"]))
        began = time.perf_counter()
        answers = predictor.wide(asked["rows"]) if asked.get("wide") else predictor.predict(asked["rows"])
        said = [prediction.to_json(one) for one in answers]
        return {"predictions": said, "milliseconds": (time.perf_counter() - began) * 1000}

    def explain(self, asked: dict[str, Any], inbox: _Inbox) -> dict[str, Any]:
        """Why a label has its chance for a row; what is being done is sent on the way."""
        number = int(asked["id"])
        told = self._ready(Path(asked["folder"])).explain(
            asked["explain"],
            asked["label"],
            on_doing=lambda words: inbox.pipe.send({"id": number, "doing": words}),
            should_stop=lambda: inbox.unwanted(number),
        )
        return {"explanation": explanation.to_json(told)}

    def attend(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What each head makes of a row, as an array."""
        told = self._ready(Path(asked["folder"])).attention(asked["attend"])
        return {"tokens": list(told.tokens), "weights": told.weights}

    def _ready(self, folder: Path) -> Predictor:
        with at_rest():
            from desktop_llm.engine.predict import Predictor

        if self._predictor is None or not self._predictor.is_of(folder):
            self._predictor = Predictor(folder)
        return self._predictor

    def embed(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Vectors of texts, as an array float16 [n, width]."""
        with at_rest():
            from desktop_llm.engine.embed import Encoder

        folder = Path(asked["folder"])
        if self._encoder is None or self._encoder.folder != folder:
            self._encoder = Encoder(folder)
        return {"vectors": self._encoder.embed(asked["texts"]).astype("float16")}

    def write(self, asked: dict[str, Any], inbox: _Inbox) -> dict[str, Any]:
        """Let a model go on from a row, or without `sampling` look at it; its pieces are sent as they come, and its
        ending is the answer."""
        number = int(asked["id"])
        generator = self._generator(Path(asked["folder"]), str(asked.get("task", "")))
        pieces: list[Any] = []
        sent = time.monotonic()
        unwanted = partial(inbox.unwanted, number)
        if asked["sampling"] is None:
            said = generator.look(asked["write"], unwanted)
        else:
            said = generator.write(asked["write"], generation.from_json(asked["sampling"]), unwanted)
        for told in said:
            if isinstance(told, generation.Piece):
                pieces.append(generation.piece_to_json(told))
            if pieces and (time.monotonic() - sent >= SENT_EVERY or isinstance(told, generation.Ending)):
                inbox.pipe.send({"id": number, "pieces": pieces})
                pieces, sent = [], time.monotonic()
            if isinstance(told, generation.Ending):
                return {"ending": generation.ending_to_json(told)}
        raise RuntimeError("a model that writes has no ending")

    def _generator(self, folder: Path, task: str) -> Generator:
        with at_rest():
            from desktop_llm.engine.generator import Generator

        found = next((one for one in self._writing if one.is_of(folder)), None)
        others = [one for one in self._writing if one is not found and one.folder != folder]
        del self._writing[:]  # an old one's memory is free before the new one needs it
        self._writing.extend(others[: KEPT_WRITING - 1])
        del others
        self._writing.insert(0, found if found is not None else Generator(folder, task))
        return self._writing[0]


def _listen(pipe: Connection, control: Control) -> None:
    """Obey the window; when it is gone, leave with a checkpoint, at the latest after LEAVE_SECONDS."""
    while True:
        try:
            control.obey(str(pipe.recv()))
        except (EOFError, OSError):
            control.leave()
            time.sleep(LEAVE_SECONDS)
            os._exit(3)


def _own_output(path: Path) -> None:
    """Send what this process prints, and the stack of a crash, to the run's log file."""
    with suppress(OSError):
        file = path.open("a", encoding="utf-8", buffering=1)
        sys.stdout = sys.stderr = file
        faulthandler.enable(file)
