"""The system libraries that Qt needs on Linux: found missing, then installed or named.

Wheels bring Qt itself but not what it stands on (OpenGL, keyboard maps, X11 pieces); without them the
process aborts with a message that helps nobody. Called once by environment.py while setting up.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# Shared library -> Debian/Ubuntu package. Found by trying in a bare Debian 12.
# Without these no Qt program starts, not even without a screen.
ALWAYS_NEEDED = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libxkbcommon.so.0": "libxkbcommon0",
}
# Without these no window opens under X11 (XWayland included).
NEEDED_BY_WINDOWS = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
VENV_PACKAGE = "python3-venv"


def ensure_installed(log: Path, *, needs_venv: bool) -> None:
    """Install what is missing where that needs no password, else print the one line that does it.

    `needs_venv`: this Python lacks ensurepip, which Debian ships apart. Does nothing off Linux.
    Raises no error for a missing library: whether Qt loads is found out at the end of the set-up.
    """
    if not sys.platform.startswith("linux"):
        return
    missing = missing_libraries([*ALWAYS_NEEDED, *NEEDED_BY_WINDOWS])
    packages = packages_for(missing, needs_venv=needs_venv)
    if not packages:
        return
    if shutil.which("apt-get") is None:
        print(f"      Please install with your system's package manager: {', '.join(missing)}", flush=True)
        return
    prefix = _administrator_prefix()
    if prefix is not None and _apt_install(prefix, packages, log):
        print(f"      installed {', '.join(packages)}", flush=True)
        return
    print(f"      Qt needs more from this system; please run: {apt_line(packages)}", flush=True)


def missing_libraries(names: Iterable[str]) -> list[str]:
    """Those shared libraries that the system's loader does not find."""
    return [name for name in names if not _loads(name)]


def packages_for(missing: Iterable[str], *, needs_venv: bool) -> list[str]:
    """The Debian packages that hold the missing libraries, each once, in order of the tables."""
    known = ALWAYS_NEEDED | NEEDED_BY_WINDOWS
    packages = [known[name] for name in missing]
    return list(dict.fromkeys([VENV_PACKAGE, *packages] if needs_venv else packages))


def apt_line(packages: Iterable[str]) -> str:
    """The single command line that installs the packages, for a person to copy."""
    return "sudo apt-get install -y --no-install-recommends " + " ".join(packages)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _administrator_prefix() -> list[str] | None:
    """What to put before a command that changes the system; None when that would ask a password."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _apt_install(prefix: list[str], packages: list[str], log: Path) -> bool:
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    install = [*quiet, "install", "-y", "--no-install-recommends", *packages]
    with log.open("a", encoding="utf-8") as output:
        # The lists may be old or absent; an update that fails does not yet mean the install will.
        for command in ([*quiet, "update"], install):
            result = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    return result.returncode == 0
