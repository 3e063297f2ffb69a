"""A project: a folder with its database, media and runs, opened by one writer and any number of readers."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import snapshot
from desktop_llm.store import connection as connections
from desktop_llm.store import schema
from desktop_llm.store.classes import Classes
from desktop_llm.store.connection import Connections
from desktop_llm.store.items import Items
from desktop_llm.store.labels import Labels
from desktop_llm.store.lock import Lock
from desktop_llm.store.predictions import Predictions
from desktop_llm.store.runs import Runs

FILE = "project.db"


def is_project(path: Path) -> bool:
    """Whether a folder holds a project."""
    return (path / FILE).is_file()


class Project:
    """An open project. Its parts may be used from any thread; `close` it in the end."""

    def __init__(self, path: Path, lock: Lock | None, holder: str) -> None:
        """For `create` and `open`."""
        self.path = path
        self.holder = holder
        """Why the project is read-only, in words; '' when it is not."""
        self._lock = lock
        self._connections = Connections(path / FILE, read_only=lock is None)
        self.classes = Classes(self._connections)
        self.items = Items(self._connections)
        self.labels = Labels(self._connections)
        self.predictions = Predictions(self._connections)
        self.runs = Runs(self._connections, path)

    @classmethod
    def create(cls, path: Path, task: str, name: str = "") -> Project:
        """Make a new project in the folder `path` and open it. Raises UserError."""
        path = path.absolute()
        if is_project(path):
            raise UserError(f"There is a project in “{path}” already; open it or choose another folder.")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"“{path}” is there already and not an empty folder; choose another name.")
        try:
            path.mkdir(parents=True, exist_ok=True)
            _fill(path, {"task": task, "name": name or path.name, "created": datetime.now(UTC).isoformat()})
        except OSError as error:
            raise from_os_error(error, "make the project", path) from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Project:
        """Open a project; read-only where another program has it or the disk forbids writing. Raises UserError."""
        path = path.absolute()
        if not is_project(path):
            what = "no project" if path.is_dir() else "not there"
            raise UserError(f"“{path}” is {what}; choose a folder that holds {FILE}, or make a new project.")
        lock, holder = _lock(path)
        project = cls(path, lock, holder)
        try:
            project._check_file()
            if lock is not None:
                project.runs.replay_left()
        except BaseException:  # a half-open project holds no lock; then the reason goes on up
            project.close()
            raise
        return project

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed now; `holder` says why."""
        return self._lock is None

    @property
    def name(self) -> str:
        """The project's name."""
        return self._meta("name")

    @property
    def task(self) -> str:
        """The name of its task."""
        return self._meta("task")

    def close(self) -> None:
        """Close all connections and give the lock back."""
        self._connections.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def backup(self, to: Path) -> None:
        """Write a whole copy of the database to the new file `to`, with its SHA-256 beside it. Raises UserError."""
        if to.exists():
            raise UserError(f"“{to}” is there already; choose another name.")
        try:
            with connections.sentences(to):
                self._connections.reading().execute("VACUUM INTO ?", (str(to),))
            atomic.write_text(to.with_name(to.name + ".sha256"), f"{atomic.sha256(to)}  {to.name}\n")
        except OSError as error:
            raise from_os_error(error, "write the backup", to) from error

    def check(self) -> list[str]:
        """What is wrong with database, snapshots, checkpoints and models; empty when all is whole."""
        complaints = []
        with connections.sentences(self.path / FILE):
            reading = self._connections.reading()
            complaints += [row[0] for row in reading.execute("PRAGMA quick_check") if row[0] != "ok"]
            complaints += [
                f"The table {row[0]} points to a missing row of {row[2]}."
                for row in reading.execute("PRAGMA foreign_key_check")
            ]
        for run in self.runs.all():
            folder = self.runs.folder(run.number)
            if not folder.path.is_dir():
                complaints.append(f"The folder of run {run.number} is missing.")
                continue
            wrong = snapshot.verify(folder.snapshot)
            if wrong:
                complaints.append(f"Run {run.number}: {wrong}")
            for path in (*sorted(folder.checkpoints.glob("step-*")), folder.checkpoints / "best", folder.model):
                damage = atomic.damage(path) if path.is_dir() else ""
                if damage:
                    complaints.append(f"Run {run.number}, {path.name}: {damage}.")
        return complaints

    def _check_file(self) -> None:
        file = self.path / FILE
        with connections.sentences(file):
            reading = self._connections.reading()
            application = reading.execute("PRAGMA application_id").fetchone()[0]
            if application != schema.APPLICATION_ID:
                raise UserError(f"“{file}” was not made by this program; choose another folder.")
            if connections.newer(reading):
                raise UserError(f"“{self.path}” was made by a newer version of the program; update to open it.")
            version = reading.execute("PRAGMA user_version").fetchone()[0]
            if version < schema.VERSION and self._lock is not None:
                schema.migrate(reading)
            self._meta("task")

    def _meta(self, key: str) -> str:
        row = self._connections.reading().execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise UserError(f"“{self.path / FILE}” is damaged: it does not say its {key}; restore it from a backup.")
        return str(row[0])


def _fill(path: Path, meta: dict[str, str]) -> None:
    """Make the database beside its place, then put it there whole."""
    filling = path / f".{FILE}.part"
    for left in path.glob(f".{FILE}.part*"):
        left.unlink()
    filling.touch()
    connection = connections.open_file(filling, read_only=False)
    try:
        with connections.sentences(filling):
            schema.migrate(connection)
            connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
            connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()
    for name in ("media", "runs"):
        (path / name).mkdir(exist_ok=True)
    os.replace(filling, path / FILE)
    atomic.sync_folder(path)


def _lock(path: Path) -> tuple[Lock | None, str]:
    """The writer's lock, or why there is none."""
    if not os.access(path / FILE, os.W_OK):
        return None, "its file may not be written; check the permissions."
    try:
        lock = Lock(path)
    except OSError:
        return None, "its folder may not be written; check the permissions."
    return (lock, "") if lock.held else (None, lock.holder() + ".")
