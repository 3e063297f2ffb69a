"""What every command of the command line has in common: how it is declared, how it speaks, how it opens a project."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from desktop_llm.rows import Rejected
    from desktop_llm.store.project import Project

Out = Callable[[dict[str, Any], str], None]
"""Takes what a command has to tell: for programs, and in words for people."""


class Parser(argparse.ArgumentParser):
    """Has its usage errors told in the same way as all others."""

    def error(self, message: str) -> NoReturn:
        """Raise it as a UsageError."""
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")


class Declare(Protocol):
    """Makes the parser of a command, with the options that all have."""

    def __call__(self, name: str, function: Callable[[Any, Out], int | None], words: str) -> Parser:
        """`function(told, out)` does it and gives the exit code, None for 0; `words` say what it does."""


class UsageError(UserError):
    """A wrong command line, whatever the project holds: exit 2, see `cli`."""


@contextmanager
def usage() -> Iterator[None]:
    """What is found wrong inside is a wrong word on the command line."""
    try:
        yield
    except UserError as error:
        raise UsageError(error.message, details=error.details) from error


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds (a path may contain a line end)."""
    sys.stderr.write(" ".join(message.splitlines()) + "\n")


def hush() -> None:
    """Once the reader of the output has gone (`| head`): what is still to be written goes nowhere."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printer(as_json: bool) -> Out:
    """Prints words, or one JSON object a line; BrokenPipeError, once, where the reader has gone."""
    from desktop_llm.jobs import events

    def out(told: dict[str, Any], words: str) -> None:
        line = (json.dumps(events.plain(told), ensure_ascii=False) if told else "") if as_json else words
        if not line:
            return
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            hush()
            raise

    return out


def opened(path: Path) -> closing[Project]:
    """A project for the length of a `with`. Raises UserError."""
    from desktop_llm.store.project import Project

    return closing(Project.open(path))


def must_be_writable(project: Project) -> None:
    """Raises UserError where the project can only be read."""
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")


def must_learn(project: Project) -> None:
    """Raises UserError where the project's task has no model to train."""
    from desktop_llm.tasks import task as task_named

    task_named(project.task).must_learn()


def cut_words(count: int) -> str:
    """What is to be said of spans whose text has gone; '' where none has."""
    return f" {count:,} spans were cut and taken away." if count else ""


def visible(text: str, *, spaces: bool = False) -> str:
    """A text in one line, with signs and code points for what would not be seen; `spaces`: for these, too.

    Without `spaces` all white space is one space.
    """
    signs = {" ": "·", "\n": "↵", "\t": "⇥"}
    told = text if spaces else " ".join(text.split())
    if not spaces:
        signs = {}
    return "".join(signs.get(one) or (one if one.isprintable() else f"<U+{ord(one):04X}>") for one in told)


def tell_rejected(out: Out, one: Rejected, file: str = "") -> None:
    """A row that was not taken; `file` is named where there are several."""
    place = f"{file}, line" if file else "line"
    named = {"file": file} if file else {}
    out({"rejected": one.line, **named, "reason": one.reason}, f"  {place} {one.line}: {one.reason}")
