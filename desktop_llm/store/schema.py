"""The tables of a project, as migrations of sqlite-utils. A change of a released table is a new migration."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_llm.store.class_schema import CLASSES, NO_COMING, SEVERAL, SPANS
from desktop_llm.store.hashing import key_of

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x444C4C4D
"""'DLLM' in the file's header: this is one of our projects."""

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

SEARCH = """
CREATE TABLE search_stale (item INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER text_changed AFTER UPDATE OF text ON items WHEN NEW.text <> OLD.text BEGIN
  INSERT OR IGNORE INTO search_stale (item) VALUES (NEW.id);
END;
"""
"""Rows whose text is another than the one that `store.search` knows."""

HANDS = """
ALTER TABLE label_history ADD COLUMN seconds REAL;
ALTER TABLE label_history ADD COLUMN settled_by INTEGER;
ALTER TABLE operations ADD COLUMN place INTEGER;
CREATE INDEX operations_in_line ON operations (place) WHERE place IS NOT NULL;
ALTER TABLE classes ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE classes ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE classes ADD COLUMN merged INTEGER;
CREATE TABLE guidelines (
  version INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, descriptions TEXT NOT NULL DEFAULT '{}',
  at TEXT NOT NULL, labeler TEXT NOT NULL
) STRICT;
"""
"""How long a row was looked at; the operation that forbids undoing an entry, until it is undone itself; where an
operation stands in the line of what is undone by one key (`store.undoing`); what labels mean, by version."""


PEOPLE = """
ALTER TABLE label_history ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE label_history ADD COLUMN over TEXT NOT NULL DEFAULT '';
ALTER TABLE label_history ADD COLUMN turned_at TEXT NOT NULL DEFAULT '';
ALTER TABLE label_history ADD COLUMN guideline INTEGER NOT NULL DEFAULT 0;
UPDATE label_history SET uid = lower(hex(randomblob(12)));
UPDATE label_history SET over = COALESCE((SELECT before.uid FROM label_history AS before
  WHERE before.item = label_history.item AND before.id < label_history.id ORDER BY before.id DESC LIMIT 1), '');
CREATE UNIQUE INDEX history_by_uid ON label_history (uid);
CREATE TABLE disputes (item INTEGER PRIMARY KEY) STRICT;
CREATE TABLE second (item INTEGER PRIMARY KEY, labeler TEXT NOT NULL) STRICT;
ALTER TABLE classes ADD COLUMN named_at TEXT NOT NULL DEFAULT '';
CREATE TABLE class_uids (uid TEXT PRIMARY KEY, class INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX class_uids_by_class ON class_uids (class);
INSERT INTO class_uids (uid, class) SELECT lower(hex(randomblob(12))), id FROM classes;
CREATE TRIGGER class_came AFTER INSERT ON classes BEGIN
  INSERT INTO class_uids (uid, class) VALUES (lower(hex(randomblob(12))), NEW.id);
END;
CREATE TRIGGER class_went AFTER DELETE ON classes BEGIN
  DELETE FROM class_uids WHERE class = OLD.id;
END;
"""
"""What several people need: every entry of the history has a name that holds in all copies of a project, `uid`, and
tells which entries it stands in the place of, `over`: uids with spaces between. `disputes` are rows to be decided,
`second` those that wait for another labeler than the one who was first."""


FOUND = """
CREATE TABLE found (list INTEGER NOT NULL, item INTEGER NOT NULL, PRIMARY KEY (list, item)) STRICT, WITHOUT ROWID;
"""
"""Rows that something found which no filter can tell, by list; the newest few lists are kept."""

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

ADVICE = """
ALTER TABLE runs ADD COLUMN advice TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN samples TEXT NOT NULL DEFAULT '[]';
"""
"""What the watch-dog said of a run, by matter, and the last answers to its samples."""

SERVERS = """
ALTER TABLE runs ADD COLUMN server TEXT NOT NULL DEFAULT '{}';
"""
"""When a run was packed for a server, and as which file. A program that knows nothing of it would train it here."""

GUIDELINES = """
ALTER TABLE guidelines ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE guidelines ADD COLUMN changed TEXT NOT NULL DEFAULT '[]';
UPDATE guidelines SET uid = printf('%08x', version) || lower(hex(randomblob(8))), descriptions = COALESCE((
  SELECT json_group_object((SELECT MIN(uid) FROM class_uids WHERE class = CAST(one.key AS INTEGER)), one.value)
  FROM json_each(guidelines.descriptions) AS one
  WHERE EXISTS (SELECT 1 FROM class_uids WHERE class = CAST(one.key AS INTEGER))), '{}');
UPDATE guidelines SET changed = (SELECT json_group_array(what) FROM (
  SELECT '' AS what WHERE guidelines.text <> '' UNION ALL SELECT key FROM json_each(guidelines.descriptions)))
  WHERE version = (SELECT MAX(version) FROM guidelines);
CREATE UNIQUE INDEX guidelines_by_uid ON guidelines (uid);
CREATE INDEX guidelines_by_time ON guidelines (at, uid);
"""
"""Versions of the guideline have names that hold in all copies of a project, as classes and entries have; descriptions
are by a uid of their class, as its number differs from copy to copy. `changed` lists what a version changed: '' for the
project's text, or uids of classes. Of old versions the last is taken to have said all that it says. They came within
one millisecond at times, so that their uids begin with their number and stay in their order."""

BLIND = """
CREATE TABLE verdicts (
  id INTEGER PRIMARY KEY, first TEXT NOT NULL, second TEXT NOT NULL, item INTEGER NOT NULL,
  first_answer TEXT NOT NULL, second_answer TEXT NOT NULL, turned INTEGER NOT NULL, sampling TEXT NOT NULL,
  verdict TEXT, labeler TEXT NOT NULL DEFAULT '', at TEXT, UNIQUE (first, second, item)
) STRICT;
"""
"""What two models, known by the hashes of their weights, answered to a row, and which answer somebody found better."""

EVALUATIONS = """
CREATE TABLE evaluations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
  whole INTEGER NOT NULL DEFAULT 0, count INTEGER NOT NULL, left_out INTEGER NOT NULL, learned INTEGER NOT NULL,
  metrics TEXT NOT NULL, intervals TEXT NOT NULL, details TEXT NOT NULL, classes TEXT NOT NULL
) STRICT;
CREATE INDEX evaluations_by_run ON evaluations (run, kind, name);
CREATE TABLE outcomes (
  evaluation INTEGER NOT NULL REFERENCES evaluations(id), place INTEGER NOT NULL, item INTEGER, truth TEXT,
  answer TEXT NOT NULL, logits BLOB, content TEXT, extra TEXT, PRIMARY KEY (evaluation, place)
) STRICT, WITHOUT ROWID;
"""
"""How rows came out when a run was measured. `item` NULL: a row of a file that is not in the project, whose `content`
and further cells (`extra`) are kept here; `truth` NULL: the row itself is all there is to foretell; `logits`
little-endian float32, where answers are classes. An evaluation that is not `whole` is being written, or was given
up."""


MIGRATIONS = {
    "first_tables": FIRST,
    "hashes_of_their_own": SECOND,
    "operations_and_bin": THIRD,
    "classes_and_keys": CLASSES,
    "stale_search": SEARCH,
    "hands_and_guidelines": HANDS,
    "several_people": PEOPLE,
    "found_rows": FOUND,
    "labels_of_several_classes": SEVERAL,
    "model_in_the_loop": LOOP,
    "classes_of_spans": SPANS,
    "advice_of_runs": ADVICE,
    "runs_on_servers": SERVERS,
    "guidelines_of_all_copies": GUIDELINES,
    "blind_verdicts": BLIND,
    "evaluations_of_runs": EVALUATIONS,
    "labels_come_without_trigger": NO_COMING,
}
"""In the order in which they are applied; a name once released stays."""
VERSION = len(MIGRATIONS)
"""A file with a higher number is from a newer program."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a project's tables to the newest form, each migration whole or not at all."""
    from sqlite_utils import Database as Utilities
    from sqlite_utils import Migrations

    migrations = Migrations("desktop_llm")
    for name, statements in MIGRATIONS.items():
        migrations(name=name)(_doing(statements))
    connection.create_function("key_of", 1, key_of, deterministic=True)
    migrations.apply(Utilities(connection))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _doing(statements: str) -> Callable[[Database], None]:
    def do(database: Database) -> None:
        waiting = ""
        for part in statements.split(";")[:-1]:
            waiting += part + ";"
            if sqlite3.complete_statement(waiting):  # those that make triggers have semicolons inside
                database.execute(waiting)
                waiting = ""

    return do
