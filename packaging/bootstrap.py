#!/usr/bin/env python3
"""Set the program up in its own folder, then start it or check it. Needs only Python 3.11+.

    python3 packaging/bootstrap.py run [arguments of desktop-llm]
    python3 packaging/bootstrap.py test [arguments of pytest]
    python3 packaging/bootstrap.py setup

The first start installs the libraries into `.venv`; later starts find the stamp of the first and go
straight on. This file keeps to syntax that older Pythons read, so that they can be told their age.
"""

from __future__ import annotations

import os
import subprocess
import sys

USAGE = """usage: python3 packaging/bootstrap.py run [arguments]   set up and start desktop_llm
       python3 packaging/bootstrap.py test [arguments]  set up and run every check and test
       python3 packaging/bootstrap.py setup             set up only"""
OLDEST_PYTHON = (3, 11)


def version_complaint(version: tuple[int, ...]) -> str | None:
    """One sentence when this Python is too old, None when it will do."""
    if version[:2] >= OLDEST_PYTHON:
        return None
    wanted = ".".join(str(part) for part in OLDEST_PYTHON)
    found = ".".join(str(part) for part in version[:2])
    return f"desktop_llm needs Python {wanted} or newer and this is Python {found}: start with a newer one."


def main(arguments: list[str]) -> int:
    """Set up what the command needs and hand over to it; returns the exit status."""
    if not arguments or arguments[0] not in ("run", "test", "setup"):
        asked = bool(arguments) and arguments[0] in ("-h", "--help", "help")
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    complaint = version_complaint(tuple(sys.version_info[:3]))
    if complaint:
        print(complaint, file=sys.stderr)
        return 1

    # Only now: these files use what older Pythons cannot read.
    import checks
    import environment

    command, rest = arguments[0], arguments[1:]
    try:
        environment.ensure("dev" if command == "test" else "")
        if command == "setup":
            return 0
        if command == "test":
            return checks.run_all(environment.python_path(), rest)
        return start_program(str(environment.python_path()), rest)
    except environment.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        place = f"“{error.filename}”" if error.filename else "a file"
        print(f"Setting up stopped at {place}: {error.strerror or error}. Mend that and start again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The next start goes on from here.", file=sys.stderr)
        return 130


def start_program(python: str, arguments: list[str]) -> int:
    """Replace this process by the program; where the system cannot (Windows), wait for it."""
    # -P: a file called json.py in the person's folder must not stand in for Python's own.
    command = [python, "-P", "-m", "desktop_llm", *arguments]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(python, command)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
