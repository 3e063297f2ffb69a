"""Files and folders that appear whole or not at all: written beside, flushed to disk, then renamed.

Every file another run depends on (settings, job.json, checkpoints, exports) is written through here.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

MANIFEST = "MANIFEST.json"


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the platform can (Windows cannot and need not)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to fill; on a clean exit it replaces `path` in one step, else it goes away. Raises OSError."""
    # opened by name, not by tempfile, which would let nobody but its owner read what others are to load
    name = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with name.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:  # the half-written neighbour goes, whatever stopped us; then the reason goes on up
        with suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step; a crash leaves the old file or the new one. Raises OSError."""
    with new_file(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace `path` by UTF-8 `content` in one step. Raises OSError."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Replace `path` by `content` as readable JSON in one step. Raises OSError."""
    try:
        write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    except UnicodeEncodeError:  # names of files that are no text: kept as they are, in JSON's own escapes
        write_text(path, json.dumps(content, indent=2) + "\n")


def sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sync_files(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


@contextmanager
def new_folder(path: Path, *, manifest: bool = True) -> Iterator[Path]:
    """Give a temporary neighbour to fill; on a clean exit it becomes `path`, replacing what was there.

    With `manifest`, a MANIFEST.json with size and SHA-256 of every file is written last. On an exception the
    neighbour is removed and `path` is as it was. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    filling = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        yield filling
        if manifest:
            write_json(filling / MANIFEST, manifest_of(filling))
        put_folder(filling, path)
    except BaseException:  # whatever stopped us, no partial folder stays; then the reason goes on up
        shutil.rmtree(filling, ignore_errors=True)
        raise


def put_file(new: Path, path: Path) -> None:
    """Flush the file `new` to the disk and put it in the place of `path`, on the same disk. Raises OSError."""
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def put_folder(new: Path, path: Path) -> None:
    """Flush the folder `new` to the disk and put it in the place of `path`, on the same disk. Raises OSError."""
    _sync_files(new)
    sync_folder(new)
    new.chmod(0o755)
    path.parent.mkdir(parents=True, exist_ok=True)
    _swap(new, path)


def _swap(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`. Between two renames `path` can be missing; `recover` mends that."""
    if path.exists():
        old = path.with_name(f".{path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(path, old)
        os.replace(new, path)
        sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(new, path)
        sync_folder(path.parent)


def recover(path: Path) -> None:
    """After a crash: bring back a folder that was moved aside by `new_folder`, and drop unfinished neighbours."""
    old = path.with_name(f".{path.name}.old")
    if old.exists():
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(old, path)
    for part in path.parent.glob(f".{path.name}.*.part"):
        shutil.rmtree(part, ignore_errors=True)


def manifest_of(folder: Path) -> dict[str, Any]:
    """Size and SHA-256 of every file below `folder`, by relative POSIX path."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    return {"files": files}


def damage(folder: Path, ending: str = "", between: Callable[[], object] = lambda: None) -> str:
    """What is wrong with a folder that carries a manifest: '' when every file (with that `ending`) is as written.

    `between` is called before each file, and may raise.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        written = {str(name): (int(told["bytes"]), str(told["sha256"])) for name, told in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is missing or unreadable"
    for name, (size, digest) in written.items():
        path = folder / name
        if not name.endswith(ending):
            continue
        between()
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if sha256(path) != digest:
            return f"{name} does not match its checksum"
    return ""
