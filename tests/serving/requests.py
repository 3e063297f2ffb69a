"""Requests over a bare socket, good ones and others, for a server on this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

Answer = tuple[int, bytes]


def connect(address: str, seconds: float = 120.0) -> socket.socket:
    """A connection to `http://127.0.0.1:PORT`."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    made = socket.create_connection((host, int(port)), timeout=seconds)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def head(method: str, path: str, size: int, more: Mapping[str, str] | None = None) -> bytes:
    """The head of a request whose body is JSON of `size` bytes."""
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": size}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (told | dict(more or {})).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read(connection: socket.socket) -> Answer:
    """The status and body of one answer; (0, b'') where the other side has gone."""
    told = b""
    while b"\r\n\r\n" not in told:
        piece = connection.recv(65536)
        if not piece:
            return 0, b""
        told += piece
    above, _, body = told.partition(b"\r\n\r\n")
    status = int(above.split(b" ", 2)[1])
    sizes = [line.split(b":")[1] for line in above.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if not sizes:
        while piece := connection.recv(65536):
            body += piece
        return status, body
    while len(body) < int(sizes[0]):
        body += connection.recv(65536)
    return status, body


def ask(
    address: str,
    path: str,
    body: Any = None,
    more: Mapping[str, str] | None = None,
    method: str = "",
    seconds: float = 120.0,
) -> tuple[int, Any]:
    """Status and answer, waited for so many seconds: JSON where it is such, else text."""
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    with connect(address, seconds) as connection:
        method = method or ("GET" if body is None else "POST")
        connection.sendall(head(method, path, len(sent), {"Connection": "close", **(more or {})}) + sent)
        status, told = read(connection)
    try:
        return status, json.loads(told)
    except ValueError:
        return status, told.decode(errors="replace")
