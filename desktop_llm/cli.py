"""The command line: the window, or one verb without it.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 left with a checkpoint. Wrong is what cannot be meant: an unknown
command, option, setting or format, a value that cannot be, settings that do not fit each other, the model that they are
for or this computer. A command line that is right fails where what it names is not there (a project, a run, a file) or
is in no state for it. Errors are one line on stderr, and with --json one object {"error": …, "exit": …} on stdout, too.
"""

from __future__ import annotations

import difflib
import importlib
import io
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from desktop_llm import __version__, log, paths
from desktop_llm.commands import VERBS
from desktop_llm.commands.command import Out, Parser, UsageError, complain, hush, printer
from desktop_llm.errors import Cancelled, UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _print_anything()
    out = printer("--json" in given)
    try:
        if not given or given[0] not in VERBS:
            return _window(given)
        told = _parser(given[0]).parse_args(given)
        log.setup(paths.log_dir(), verbose=told.verbose)
        return int(told.verb(told, out) or 0)
    except UserError as error:
        return _failed(error.message, 2 if isinstance(error, UsageError) else 1, out)
    except (Cancelled, KeyboardInterrupt):
        return _failed("Stopped; nothing was changed.", 1, out)
    except BrokenPipeError:
        hush()
        return 1
    except Exception as error:  # noqa: BLE001 - a defect: the log has the traceback, the person one line
        log.logger("cli").exception("a defect")
        return _failed(f"A defect of the program ({type(error).__name__}: {error}); see {paths.log_dir()}.", 1, out)


def _failed(message: str, code: int, out: Out) -> int:
    """Tell a person what went wrong, and with --json a program, too; the exit code."""
    complain(message)
    with suppress(BrokenPipeError):
        out({"error": message, "exit": code}, "")
    return code


def _print_anything() -> None:
    """Let a terminal that knows few characters show escapes in place of the others, as stderr does by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _window(given: list[str]) -> int:
    parser = Parser(prog="desktop-llm", description="Label, train and ship models on your own computer.")
    parser.add_argument("project", nargs="?", type=paths.expanded, help="a project folder to open")
    parser.add_argument("--version", action="version", version=f"desktop_llm {__version__}")
    words = [one for one in given if not one.startswith("-")]
    if len(words) > 1 or (words and Path(words[0]).name == words[0] and not Path(words[0]).exists()):
        if words[0] in VERBS:
            parser.error(f"options stand behind the command: desktop-llm {words[0]} … {given[0]}")
        nearest = difflib.get_close_matches(words[0], list(VERBS), n=1, cutoff=0.0)[0]
        parser.error(f"there is no command and no project “{words[0]}”; the nearest command is “{nearest}”")
    parser.epilog = "Verbs without the window: " + ", ".join(VERBS) + " (each with --help)."
    told = parser.parse_args(given)
    from desktop_llm import app

    return app.run(told.project)


def _parser(name: str) -> Parser:
    """Of one verb, and those it shares a file with."""
    parser = Parser(prog="desktop-llm", description="Label, train and ship models on your own computer.")
    verbs = parser.add_subparsers(required=True, parser_class=Parser)

    def verb(name: str, function: Callable[[Any, Out], int | None], words: str) -> Parser:
        one = verbs.add_parser(name, help=words, description=words)
        one.set_defaults(verb=function)
        one.add_argument("--json", action="store_true", help="print one JSON object a line")
        one.add_argument("--verbose", action="store_true", help="print the log, too")
        return one

    importlib.import_module(f"desktop_llm.commands.{VERBS[name]}").declare(verb)
    return parser
