"""A project: a folder with its database, media and runs, opened by one writer and any number of readers."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from desktop_llm import atomic
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.folder import steps
from desktop_llm.paths import check_home
from desktop_llm.rows import Changes
from desktop_llm.store import connection as connections
from desktop_llm.store import schema, staging
from desktop_llm.store.bin import Bin
from desktop_llm.store.classes import Classes
from desktop_llm.store.connection import Connections
from desktop_llm.store.decisions import Decisions
from desktop_llm.store.doubts import Doubts
from desktop_llm.store.drafts import KeptDrafts
from desktop_llm.store.evaluations import Evaluations
from desktop_llm.store.forgetting import Forgetting
from desktop_llm.store.found import Found
from desktop_llm.store.guidelines import Guidelines
from desktop_llm.store.items import Items
from desktop_llm.store.joining import Joining
from desktop_llm.store.labels import Labels
from desktop_llm.store.lock import Lock
from desktop_llm.store.notes import Notes
from desktop_llm.store.operations import Operations
from desktop_llm.store.ordering import Ordering
from desktop_llm.store.people import People
from desktop_llm.store.predictions import Predictions
from desktop_llm.store.runs import Runs
from desktop_llm.store.saved import SavedFilters
from desktop_llm.store.search import Search
from desktop_llm.store.suggestions import Suggestions
from desktop_llm.store.undoing import Undoing
from desktop_llm.store.verdicts import Verdicts

FILE = "project.db"
PAGE_BYTES = 8192
"""Of a new project's database: rows come in with a tenth less work than in SQLite's usual 4096."""
ANSWERS_AT_ONCE = 1000


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
        self.search = Search(self._connections)
        self.items = Items(self._connections, self.search)
        self.labels = Labels(self._connections)
        self.operations = Operations(self._connections)
        self.undoing = Undoing(self._connections)
        self.guidelines = Guidelines(self._connections)
        self.forgetting = Forgetting(self._connections, self.search)
        self.bin = Bin(self._connections)
        self.ordering = Ordering(self._connections)
        self.suggestions = Suggestions(self._connections, self.ordering)
        self.predictions = Predictions(self._connections, self.ordering, self.suggestions)
        self.doubts = Doubts(self._connections)
        self.people = People(self._connections)
        self.joining = Joining(self._connections)
        self.found = Found(self._connections)
        self.filters = SavedFilters(self._connections)
        self.notes = Notes(self._connections)
        self.decisions = Decisions(self._connections)
        self.drafts = KeptDrafts(self._connections, self.notes)
        self.verdicts = Verdicts(self._connections)
        self.runs = Runs(self._connections, path)
        self.evaluations = Evaluations(self._connections)

    @classmethod
    def create(cls, path: Path, task: str, name: str = "") -> Project:
        """Make a new project in the folder `path` and open it. Raises UserError."""
        check_home(path)
        path = path.absolute()
        if is_project(path):
            raise UserError(f"There is a project in “{path}” already; open it or choose another folder.")
        try:
            if path.exists() and (not path.is_dir() or _foreign(path)):
                raise UserError(f"“{path}” is there already and not an empty folder; choose another name.")
            new = not path.exists()
            path.mkdir(parents=True, exist_ok=True)
            try:
                _fill(
                    path, {"task": task, "name": name or _readable(path.name), "created": datetime.now(UTC).isoformat()}
                )
            except BaseException:  # a project that could not be made leaves nothing; then the reason goes on up
                _sweep(path, f".{FILE}.part*")
                if new:
                    with suppress(OSError):
                        path.rmdir()
                raise
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
                _sweep(path, f"{staging.PREFIX}*")
                project.operations.repair()
                for number in project.runs.replay_left():
                    project.take_answers(number)
        except BaseException:  # a half-open project holds no lock; then the reason goes on up
            project.close()
            raise
        return project

    @classmethod
    def watch(cls, path: Path) -> Project:
        """Open a project that this program has open already, to read it from another process. Raises UserError."""
        path = path.absolute()
        if not is_project(path):
            raise UserError(f"“{path}” is not there any more.")
        return cls(path, None, "another part of this program writes to it.")

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

    def take_answers(self, number: int) -> Changes:
        """After a run's end: keep its answers on the held-out rows. Raises UserError."""
        changes = self.evaluations.remove_of(number)  # they are of the model that the run had before
        for split in snapshot.SPLITS:
            answers = self.runs.folder(number).read_predictions(split)
            while batch := list(islice(answers, ANSWERS_AT_ONCE)):
                changes |= self.predictions.write(number, batch)
        return changes

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
        filling = to.with_name(f".{to.name}.part")
        try:
            filling.unlink(missing_ok=True)
            with connections.sentences(to), self._connections.reading() as reading:
                reading.execute("VACUUM INTO ?", (str(filling),))
            atomic.write_text(to.with_name(to.name + ".sha256"), f"{atomic.sha256(filling)}  {to.name}\n")
            os.replace(filling, to)
            atomic.sync_folder(to.parent)
        except OSError as error:
            raise from_os_error(error, "write the backup", to) from error
        finally:
            filling.unlink(missing_ok=True)

    def check(self) -> list[str]:
        """What is wrong with database, snapshots, checkpoints and models; empty when all is whole."""
        try:
            complaints = self._database_complaints()
            numbers = [run.number for run in self.runs.all()]
        except UserError as error:  # so damaged that it cannot even be read through
            return [str(error)]
        return complaints + [one for number in numbers for one in self._run_complaints(number)]

    def _database_complaints(self) -> list[str]:
        rows = self._connections.rows
        complaints = [f"The database: {row[0]}." for row in rows("PRAGMA quick_check") if row[0] != "ok"]
        broken = Counter((row[0], row[2]) for row in rows("PRAGMA foreign_key_check"))
        return complaints + [
            f"The database: {number:,} rows of “{table}” belong to missing rows of “{parent}”."
            for (table, parent), number in broken.items()
        ]

    def _run_complaints(self, number: int) -> list[str]:
        folder = self.runs.folder(number)
        if not folder.path.is_dir():
            return [f"The folder of run {number} is missing."]
        wrong = snapshot.verify(folder.snapshot)
        complaints = [f"Run {number}: {wrong}"] if wrong else []
        try:
            folder.job()
        except UserError as error:
            complaints.append(f"Run {number}: {error.message}")
        for path in (*reversed(steps(folder.checkpoints)), folder.checkpoints / "best", folder.model):
            damage = atomic.damage(path) if path.is_dir() else ""
            if damage:
                complaints.append(f"Run {number}, {path.name}: {damage}.")
        return complaints

    def _check_file(self) -> None:
        file = self.path / FILE
        with self._connections.reading() as reading:
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
        row = self._connections.row("SELECT value FROM meta WHERE key = ?", (key,))
        if row is None:
            raise UserError(f"“{self.path / FILE}” is damaged: it does not say its {key}; restore it from a backup.")
        return str(row[0])


def _readable(name: str) -> str:
    """A folder's name as text that can be kept, bytes that are no characters replaced."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _foreign(path: Path) -> bool:
    """Whether a folder holds more than an attempt to make a project here left behind."""
    return any(not one.name.startswith(f".{FILE}.part") for one in path.iterdir())


def _sweep(path: Path, pattern: str) -> None:
    """Take away files that work which was broken off left behind."""
    for left in path.glob(pattern):
        with suppress(OSError):
            left.unlink()


def _fill(path: Path, meta: dict[str, str]) -> None:
    """Make the database beside its place, then put it there whole."""
    filling = path / f".{FILE}.part"
    _sweep(path, f".{FILE}.part*")
    filling.touch()
    connection = connections.open_file(filling, read_only=False, page_size=PAGE_BYTES)
    try:
        with connections.sentences(filling):
            # nothing is kept before all of it is flushed below; to flush each migration takes three times as long
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
            schema.migrate(connection)
            connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
    finally:
        connection.close()
    atomic.put_file(filling, path / FILE)
    for name in ("media", "runs"):
        (path / name).mkdir(exist_ok=True)
    atomic.sync_folder(path)


def _lock(path: Path) -> tuple[Lock | None, str]:
    """The writer's lock, or why there is none."""
    if not os.access(path / FILE, os.W_OK):
        return None, "its file may not be written; check the permissions."
    try:
        lock = Lock(path)
    except PermissionError:
        return None, "its folder may not be written; check the permissions."
    except OSError as error:
        return None, f"its disk cannot say who writes to it ({error.strerror}); copy the project to a local disk."
    return (lock, "") if lock.held else (None, lock.holder() + ".")
