"""The tables of a project, as migrations of sqlite-utils. A change of a released table is a new migration."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from desktop_llm.store.hashing import key_of

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x444C4C4D
"""'DLLM' in the file's header: this is one of our projects."""
VERSION = 6
"""Raised with every migration; a file with a higher number is from a newer program."""

UNDONE, DROPPED, SETTLED, BULK = 1, 2, 3, 4
"""`label_history.undone`: 0 done; undone; undone and never again; done, but what came after forbids undoing; done
together with others, and undone only with them."""
GENERATION = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation')"
"""The generation of `uncertainty` that counts; the next one is built beside it."""

VISIBLE = "COALESCE((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'visible'), 9223372036854775807)"
"""The highest row that counts; those above it belong to an import that is under way or was broken off."""
LAST = f"SELECT MIN({VISIBLE}, (SELECT COALESCE(MAX(id), 0) FROM items))"
"""The highest row that there is and that counts."""

FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE classes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, color TEXT NOT NULL, key TEXT NOT NULL,
  position INTEGER NOT NULL
) STRICT;
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE TABLE items (
  id INTEGER PRIMARY KEY, hash BLOB NOT NULL, text TEXT NOT NULL, content TEXT, extra TEXT, split TEXT NOT NULL
  DEFAULT '', source INTEGER NOT NULL REFERENCES sources(id)
) STRICT;
CREATE UNIQUE INDEX items_by_hash ON items (hash);
CREATE INDEX items_by_split ON items (split, id) WHERE split <> '';
CREATE INDEX items_by_source ON items (source, id);
CREATE TABLE labels (
  item INTEGER PRIMARY KEY REFERENCES items(id), value TEXT, skipped INTEGER NOT NULL DEFAULT 0,
  labeler TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX labels_by_value ON labels (value, item) WHERE value IS NOT NULL;
CREATE TABLE label_history (
  id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES items(id), before TEXT, before_skipped INTEGER NOT NULL,
  after TEXT, after_skipped INTEGER NOT NULL, labeler TEXT NOT NULL, origin TEXT NOT NULL, at TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX history_by_item ON label_history (item, id);
CREATE INDEX history_to_undo ON label_history (id) WHERE undone = 0 AND origin <> 'import';
CREATE INDEX history_to_redo ON label_history (id) WHERE undone = 1;
CREATE TABLE unlabeled (item INTEGER PRIMARY KEY REFERENCES items(id), skipped INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX unlabeled_waiting ON unlabeled (item) WHERE skipped = 0;
CREATE INDEX unlabeled_skipped ON unlabeled (item) WHERE skipped = 1;
CREATE TABLE runs (
  number INTEGER PRIMARY KEY, state TEXT NOT NULL, created TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0,
  model_title TEXT NOT NULL, recipe TEXT NOT NULL, parameters INTEGER NOT NULL DEFAULT 0,
  total_steps INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0, snapshot TEXT NOT NULL,
  schema TEXT NOT NULL, metrics TEXT NOT NULL DEFAULT '{}', details TEXT NOT NULL DEFAULT '{}',
  message TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE run_metrics (
  run INTEGER NOT NULL REFERENCES runs(number), name TEXT NOT NULL, step INTEGER NOT NULL, value REAL,
  PRIMARY KEY (run, name, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE predictions (
  run INTEGER NOT NULL REFERENCES runs(number), item INTEGER NOT NULL REFERENCES items(id), label TEXT NOT NULL,
  probability REAL NOT NULL, uncertainty REAL NOT NULL, top TEXT NOT NULL, PRIMARY KEY (run, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX predictions_by_item ON predictions (item, run);
CREATE TABLE uncertainty (
  item INTEGER NOT NULL REFERENCES items(id), generation INTEGER NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (item, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX uncertainty_first ON uncertainty (generation, value DESC, item);
INSERT INTO meta (key, value) VALUES ('generation', '0');
"""

SECOND = """
CREATE TABLE hashes (hash BLOB PRIMARY KEY, item INTEGER NOT NULL REFERENCES items(id)) STRICT, WITHOUT ROWID;
INSERT INTO hashes (hash, item) SELECT hash, id FROM items ORDER BY hash;
DROP INDEX items_by_hash;
INSERT INTO meta (key, value) SELECT 'visible', CAST(COALESCE(MAX(id), 0) AS TEXT) FROM items;
"""
"""Hashes in a table of their own, filled in their order: an index kept while rows come in costs more than the rows."""

THIRD = """
CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, title TEXT NOT NULL, details TEXT NOT NULL DEFAULT '{}',
  labeler TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE edits (
  operation INTEGER NOT NULL REFERENCES operations(id), item INTEGER NOT NULL, field TEXT NOT NULL, before TEXT,
  after TEXT, PRIMARY KEY (operation, item, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX edits_by_item ON edits (item, operation);
CREATE TABLE bin (
  item INTEGER PRIMARY KEY, hash BLOB NOT NULL, text TEXT NOT NULL, content TEXT, extra TEXT, split TEXT NOT NULL,
  source INTEGER NOT NULL REFERENCES sources(id), value TEXT, skipped INTEGER NOT NULL, labeler TEXT NOT NULL,
  labeled_at TEXT NOT NULL, operation INTEGER NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX bin_by_source ON bin (source);
CREATE TABLE history_kept (
  id INTEGER PRIMARY KEY, item INTEGER NOT NULL, before TEXT, before_skipped INTEGER NOT NULL, after TEXT,
  after_skipped INTEGER NOT NULL, labeler TEXT NOT NULL, origin TEXT NOT NULL, at TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0, operation INTEGER
) STRICT;
INSERT INTO history_kept SELECT *, NULL FROM label_history;
DROP TABLE label_history;
ALTER TABLE history_kept RENAME TO label_history;
CREATE INDEX history_by_item ON label_history (item, id);
CREATE INDEX history_to_undo ON label_history (id) WHERE undone = 0 AND origin <> 'import';
CREATE INDEX history_to_redo ON label_history (id) WHERE undone = 1;
CREATE INDEX history_by_operation ON label_history (operation, item) WHERE operation IS NOT NULL;
CREATE TABLE predictions_kept (
  run INTEGER NOT NULL REFERENCES runs(number), item INTEGER NOT NULL, label TEXT NOT NULL,
  probability REAL NOT NULL, uncertainty REAL NOT NULL, top TEXT NOT NULL, PRIMARY KEY (run, item)
) STRICT, WITHOUT ROWID;
INSERT INTO predictions_kept SELECT * FROM predictions;
DROP TABLE predictions;
ALTER TABLE predictions_kept RENAME TO predictions;
CREATE INDEX predictions_by_item ON predictions (item, run);
CREATE TABLE hashes_kept (hash BLOB PRIMARY KEY, item INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO hashes_kept SELECT * FROM hashes;
DROP TABLE hashes;
ALTER TABLE hashes_kept RENAME TO hashes;
"""
"""Operations on many rows and the bin. History, predictions and hashes outlive the row, which may lie in the bin."""

WHOLE = "{0} GLOB '[0-9]*' AND {0} NOT GLOB '*[^0-9]*'"
"""Whether a stored label is one class: its number, and nothing else."""
CLASSES = f"""
CREATE TABLE class_items (
  class INTEGER NOT NULL, item INTEGER NOT NULL, PRIMARY KEY (class, item)
) STRICT, WITHOUT ROWID;
INSERT INTO class_items SELECT CAST(value AS INTEGER), item FROM labels WHERE {WHOLE.format("value")} ORDER BY 1, 2;
DROP INDEX labels_by_value;
CREATE TRIGGER label_came AFTER INSERT ON labels WHEN NEW.at <> '' AND {WHOLE.format("NEW.value")} BEGIN
  INSERT OR IGNORE INTO class_items (class, item) VALUES (CAST(NEW.value AS INTEGER), NEW.item);
END;
CREATE TRIGGER label_changed AFTER UPDATE OF value ON labels BEGIN
  DELETE FROM class_items WHERE class = CAST(OLD.value AS INTEGER) AND item = OLD.item;
  INSERT OR IGNORE INTO class_items (class, item)
    SELECT CAST(NEW.value AS INTEGER), NEW.item WHERE {WHOLE.format("NEW.value")};
END;
CREATE TRIGGER label_went AFTER DELETE ON labels WHEN {WHOLE.format("OLD.value")} BEGIN
  DELETE FROM class_items WHERE class = CAST(OLD.value AS INTEGER) AND item = OLD.item;
END;
CREATE TABLE keys (key INTEGER PRIMARY KEY, item INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO keys (key, item) SELECT key_of(hash), item FROM hashes ORDER BY 1;
DROP TABLE hashes;
"""
"""The rows of each class in a table that triggers keep, and keys of texts as integers: both are filled in their order.

An import, whose labels have no time of their own (`at` is ''), fills `class_items` itself: an index kept meanwhile
costs as much as the rows. A key is the first 8 bytes of a hash; that two texts of ten million share one happens in
three of a million such projects.
"""

SEARCH = """
CREATE TABLE search_stale (item INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER text_changed AFTER UPDATE OF text ON items WHEN NEW.text <> OLD.text BEGIN
  INSERT OR IGNORE INTO search_stale (item) VALUES (NEW.id);
END;
"""
"""Rows whose text is another than the one that `store.search` knows."""

LOOP = """
CREATE TABLE suggestions (
  item INTEGER PRIMARY KEY, value TEXT NOT NULL, probability REAL NOT NULL, uncertainty REAL NOT NULL, top TEXT NOT NULL
) STRICT;
CREATE TABLE doubts (item INTEGER PRIMARY KEY, value REAL NOT NULL) STRICT;
CREATE INDEX doubts_first ON doubts (value DESC, item);
CREATE TABLE marks (
  item INTEGER NOT NULL, kind TEXT NOT NULL, labeler TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (item, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_by_kind ON marks (kind, item);
CREATE TRIGGER doubt_answered AFTER UPDATE OF value ON labels WHEN NEW.value IS NOT OLD.value BEGIN
  DELETE FROM doubts WHERE item = NEW.item;
  DELETE FROM marks WHERE item = NEW.item AND kind = 'checked';
END;
CREATE TRIGGER doubt_gone AFTER DELETE ON labels BEGIN
  DELETE FROM doubts WHERE item = OLD.item;
  DELETE FROM marks WHERE item = OLD.item AND kind = 'checked';
END;
"""
"""What the loop's model guesses, labels to look at again, and what people said of them. They outlive a row, which may
lie in the bin."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a project's tables to the newest form, each migration whole or not at all."""
    from sqlite_utils import Database as Utilities
    from sqlite_utils import Migrations

    migrations = Migrations("desktop_llm")

    def do(database: Database, statements: str) -> None:
        waiting = ""
        for part in statements.split(";")[:-1]:
            waiting += part + ";"
            if sqlite3.complete_statement(waiting):  # those that make triggers have semicolons inside
                database.execute(waiting)
                waiting = ""

    @migrations()
    def first_tables(database: Database) -> None:
        do(database, FIRST)

    @migrations()
    def hashes_of_their_own(database: Database) -> None:
        do(database, SECOND)

    @migrations()
    def operations_and_bin(database: Database) -> None:
        do(database, THIRD)

    @migrations()
    def classes_and_keys(database: Database) -> None:
        do(database, CLASSES)

    @migrations()
    def stale_search(database: Database) -> None:
        do(database, SEARCH)

    @migrations()
    def model_in_the_loop(database: Database) -> None:
        do(database, LOOP)

    connection.create_function("key_of", 1, key_of, deterministic=True)
    migrations.apply(Utilities(connection))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
