"""The two kinds of failure: `UserError`, which a person can mend, and everything else, which is our bug.

A `UserError` is shown as one plain sentence that says what is wrong, where, and what to do. Any other exception
that reaches the window or the command line is a defect: it is logged with its traceback and shown as such.
"""

from __future__ import annotations

import errno
from pathlib import Path

MOST_OF_A_LINE = 300


class UserError(Exception):
    """A mistake or a circumstance outside the program, told in one sentence a person can act on."""

    def __init__(self, message: str, *, details: str = "") -> None:
        """`message` is the sentence; `details` what may stand behind a fold (never a traceback)."""
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[object, ...]:
        """Travels between processes with its details."""
        return _again, (self.message, self.details)


def _again(message: str, details: str) -> UserError:
    return UserError(message, details=details)


class Cancelled(Exception):
    """Raised inside long work after the person asked to stop it; nothing of the work is left behind."""


def from_os_error(error: OSError, doing: str, path: Path | str) -> UserError:
    """Turn an operating-system error met while `doing` something with `path` into a sentence."""
    reasons = {
        errno.ENOENT: "it does not exist; check the path",
        errno.EACCES: "access is denied; check the permissions",
        errno.EPERM: "the operation is not permitted; check the permissions",
        errno.ENOSPC: "the disk is full; free some space and try again",
        errno.EDQUOT: "your disk quota is used up; free some space and try again",
        errno.EROFS: "the disk is read-only; choose another place",
        errno.EEXIST: "a file of that name, or of a part of the path, is there already; choose another place",
        errno.EISDIR: "it is a folder; choose a file",
        errno.ENOTDIR: "a part of the path is not a folder; check the path",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
        errno.EIO: "the disk reports an input/output error; check the disk",
    }
    reason = reasons.get(error.errno or 0, (error.strerror or str(error)).rstrip("."))
    above = Path(str(path)).parent  # a part of a ZIP file is told by its words, too
    if error.errno == errno.ENOENT and not above.exists():
        reason = f"the folder “{above}” does not exist; check the path"
    return UserError(f"Could not {doing} “{path}”: {reason}.")


def first_line(error: BaseException) -> str:
    """What an error of somebody else's says, for a sentence of ours: its first line, else its kind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip()[:MOST_OF_A_LINE].rstrip(".")
