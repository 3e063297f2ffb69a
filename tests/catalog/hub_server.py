"""A hub on this machine: the few answers of the real one that a download needs, and the ways in which it can fail."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REVISION = "a" * 40


class Hub:
    """Models by owner/name, as files, and the log `asked`.

    `cut_after` breaks a file off there once, `gated` refuses, `wrong` sends other bytes, `endless` never ends.
    """

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.gated: set[str] = set()
        self.cut_after: dict[str, int] = {}
        self.wrong: set[str] = set()
        self.endless: set[str] = set()
        self.asked: list[str] = []
        self.held: threading.Event | None = None
        self.reached = threading.Event()
        self.address = ""

    def put(self, name: str, folder: Path, **card: Any) -> None:
        """Offer the files of a folder."""
        self.models[name] = {one.name: one.read_bytes() for one in folder.iterdir()}
        self.cards[name] = card


@contextmanager
def running() -> Iterator[Hub]:
    """A hub for the length of a `with`."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="hub")
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        if hub.held is not None:
            hub.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        """An answer of the hub."""
        path = self.path.partition("?")[0]
        self.hub.asked.append(f"{path} {self.headers.get('Range', '')}".strip())
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._tell("/".join(parts[2:4]))
        else:
            self._give("/".join(parts[:2]), parts[-1])

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _tell(self, name: str) -> None:
        if name not in self.hub.models:
            self._refuse(401, "RepoNotFound")
            return
        files = self.hub.models[name]
        listed = [
            {
                "rfilename": one,
                "size": len(content),
                "lfs": {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 1},
            }
            if one.endswith(".safetensors")
            else {"rfilename": one, "size": len(content)}
            for one, content in files.items()
        ]
        config = json.loads(files["config.json"]) if "config.json" in files else {}
        told = {
            "id": name,
            "sha": REVISION,
            "gated": "manual" if name in self.hub.gated else False,
            "cardData": self.hub.cards[name],
            "siblings": listed,
            "config": config,
            "tags": [],
            "downloads": 0,
        }
        self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _give(self, name: str, file: str) -> None:
        if name in self.hub.gated:
            self._refuse(403, "GatedRepo")
            return
        content = self.hub.models[name][file]
        if file in self.hub.wrong:
            content = b"x" * len(content)
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        part, headers = content[start:], {}
        if start:
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        cut = self.hub.cut_after.pop(file, None)
        if file in self.hub.endless:
            self._pour(content)
            return
        self.send_response(206 if start else 200)
        for key, value in {**headers, "Content-Length": str(len(part))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(part[:cut])
        self.wfile.flush()
        if cut is not None:
            self.hub.reached.set()
            if self.hub.held is not None:
                self.hub.held.wait(30)
            self.close_connection = True

    def _pour(self, content: bytes) -> None:
        """Send it again and again, until nobody reads any more."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while True:
                self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)
