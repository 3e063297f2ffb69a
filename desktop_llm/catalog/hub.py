"""The one place that opens a connection: asks the Hugging Face hub about a model, and fetches its files.

Runs in a process of its own, started only when a person asks in that moment; see `verbs.fetching`. A file is fetched
beside its place, goes on where it was broken off, and is compared with the hash that the hub gives.
"""

from __future__ import annotations

import json
import os
import shutil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO

from desktop_llm import atomic
from desktop_llm.catalog import offer as offers
from desktop_llm.catalog.offer import File, Offer
from desktop_llm.errors import UserError, first_line, from_os_error

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
OURS = "DESKTOP_LLM_SET_OFFLINE"
"""Set where this program itself has forbidden the libraries the network; a person's own wish is kept."""
STATE = "state.json"
PART = ".part"
SAID_EVERY = 1 << 20
"""Bytes between two words of how far it is."""
TIMEOUT = 30.0


def work(asked: dict[str, Any], pipe: Connection) -> None:
    """In the process: `{"look": name}` or `{"fetch": offer, "to": folder}`.

    The last message is `offer`, `ok` or `error`; before it, `done` and `total` bytes.
    """
    try:
        _let_out()
        if "look" in asked:
            answer: dict[str, Any] = {"offer": offers.to_json(look(asked["look"]))}
        else:
            fetch(offers.from_json(asked["fetch"]), Path(asked["to"]), pipe)
            answer = {"ok": True}
    except UserError as error:
        answer = {"error": error.message}
    except BrokenPipeError:  # nobody waits any more
        return
    except Exception as error:  # noqa: BLE001 - whatever the libraries and the network come up with
        answer = {"error": _words(error)}
    pipe.send(answer)


def look(name: str) -> Offer:
    """Ask the hub about a model. Raises UserError, and what the library raises."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        told = HfApi(token=_token()).model_info(name, files_metadata=True, timeout=TIMEOUT)
    except RepositoryNotFoundError:
        raise UserError(f"There is no model “{name}” on the hub, or not for everybody; check the name.") from None
    there = [
        File(name=one.rfilename, bytes=one.size or 0, sha256=one.lfs.sha256 if one.lfs is not None else "")
        for one in told.siblings or ()
    ]
    card: Any = told.card_data
    licence = getattr(card, "license_name", None) or getattr(card, "license", None) or ""
    return Offer(
        name=name,
        revision=str(told.sha),
        licence=str(licence if isinstance(licence, str) else ", ".join(licence)),
        gated=bool(told.gated),
        files=offers.wanted(name, there),
        config=told.config or {},
    )


def fetch(offer: Offer, to: Path, pipe: Connection) -> None:
    """Fetch an offer's files into the folder `to`, which appears when all are there. Raises UserError."""
    filling = to.with_name(f".{to.name}{PART}")
    try:
        filling.mkdir(parents=True, exist_ok=True)
        _forget_other(filling, offer)
        missing = offer.bytes - sum(one.stat().st_size for one in filling.iterdir() if one.name != STATE)
        free = shutil.disk_usage(filling).free
        if missing > free:
            raise UserError(
                f"The disk of “{to.parent}” has {free / 1e9:.1f} GB left, the model needs {missing / 1e9:.1f} GB more; "
                "free some space."
            )
        teller = _Teller(pipe, offer.bytes)
        for one in offer.files:
            _file(offer, one, filling, teller)
        (filling / STATE).unlink()
        atomic.put_folder(filling, to)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.errno is None:
            raise  # of the connection, not of the disk
        raise from_os_error(error, "write the model to", to) from error


class _Teller:
    """Says how much is here; OSError where nobody listens."""

    def __init__(self, pipe: Connection, total: int) -> None:
        self._pipe, self._total = pipe, total
        self._done, self._said = 0, -SAID_EVERY

    def add(self, count: int, name: str) -> None:
        self._done += count
        if abs(self._done - self._said) >= SAID_EVERY or self._done >= self._total:
            self._said = self._done
            self._pipe.send({"done": self._done, "total": self._total, "file": name})


class _Counted:
    """A file being written, which tells of what comes, and takes no more than was promised."""

    def __init__(self, file: BinaryIO, teller: _Teller, one: File) -> None:
        self._file, self._teller, self._name, self._most = file, teller, one.name, one.bytes

    def write(self, piece: bytes) -> int:
        if self._file.tell() + len(piece) > self._most:
            raise UserError(
                f"The hub sends more of “{self._name}” than it has named ({self._most:,} bytes); try later."
            )
        self._teller.add(len(piece), self._name)
        return self._file.write(piece)

    def truncate(self, size: int | None = None) -> int:
        """The server begins again: what there was is gone."""
        at = self._file.tell() if size is None else size
        self._teller.add(at - self._file.seek(0, os.SEEK_END), self._name)
        self._file.seek(at)
        return self._file.truncate(at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _file(offer: Offer, one: File, folder: Path, teller: _Teller) -> None:
    """One file, whole or not at all. Raises UserError where it is not what the hub says."""
    from huggingface_hub import hf_hub_url, utils
    from huggingface_hub.file_download import http_get

    path, part = folder / one.name, folder / (one.name + PART)
    if path.is_file():
        teller.add(path.stat().st_size, one.name)
        return
    with part.open("ab") as file:
        here = file.tell()
        if here > one.bytes:
            file.truncate(0)
            here = 0
        teller.add(here, one.name)
        # as it is on the hub, not packed for the way: else it could not go on in the middle
        library: Any = utils
        headers = {**library.build_hf_headers(token=_token()), "Accept-Encoding": "identity"}
        if here < one.bytes:
            counted: Any = _Counted(file, teller, one)
            url = hf_hub_url(offer.name, one.name, revision=offer.revision)
            http_get(url, counted, resume_size=here, headers=headers, expected_size=one.bytes)
    if part.stat().st_size != one.bytes or (one.sha256 and atomic.sha256(part) != one.sha256):
        part.unlink()
        raise UserError(f"“{one.name}” of “{offer.name}” did not arrive as it is on the hub; fetch it again.")
    os.replace(part, path)


def _forget_other(filling: Path, offer: Offer) -> None:
    """What is here of another state of the model does not belong to this one."""
    state = filling / STATE
    try:
        there = json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if there != {"revision": offer.revision}:
        for one in filling.iterdir():
            one.unlink()
        atomic.write_json(state, {"revision": offer.revision})


def _let_out() -> None:
    """Let the library out, unless the person has forbidden that. Raises UserError."""
    if os.environ.pop(OURS, ""):
        for key in OFFLINE:
            os.environ.pop(key, None)
    for key in OFFLINE:
        if os.environ.get(key, "").lower() in ("1", "true", "yes", "on"):
            raise UserError(f"The hub must not be asked on this computer: {key} is set; take it away, and start again.")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def _token() -> str | bool:
    """Only what was set for it on purpose; none that lies about in a home folder."""
    return os.environ.get("HF_TOKEN") or False


def _words(error: Exception) -> str:
    """What came in between, in a sentence."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError

    if isinstance(error, GatedRepoError):
        return (
            "This model is given only to those who have agreed to its terms: do so on its page, and start the program "
            "with HF_TOKEN set, or fetch it with a browser and add its folder."
        )
    return f"The hub at {constants.ENDPOINT} could not be asked ({first_line(error)}); try again later."
