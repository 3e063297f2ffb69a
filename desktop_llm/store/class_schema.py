"""The table of the rows of each class, which triggers keep: how it came to be, as migrations (see `schema`)."""

from __future__ import annotations

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

LISTED = "{0} GLOB '[[]*'"
"""Whether a stored label is a list."""
# json_extract may not be used in triggers, where the schema is not trusted; json_each may. There, too, OR IGNORE counts
# for nothing when the outer statement says ON CONFLICT: each class must come but once.
_CLASS = (
    "CASE one.type WHEN 'array' THEN (SELECT part.value FROM json_each(one.value) AS part WHERE part.key = 2)"
    " ELSE one.value END"
)
_IN = "json_each({0}) AS one WHERE one.type IN ('integer', 'array')"
CLASSES_OF = f"SELECT {_CLASS} FROM {_IN}"
"""The classes of a stored label: its number, each of its list, or the third of each triple (start, end, class)."""
SEVERAL = f"""
DROP TRIGGER label_came;
DROP TRIGGER label_changed;
DROP TRIGGER label_went;
INSERT OR IGNORE INTO class_items (class, item)
  SELECT {_CLASS}, item FROM labels, {_IN.format("labels.value")} AND {LISTED.format("labels.value")};
CREATE TRIGGER label_came AFTER INSERT ON labels WHEN NEW.at <> '' AND NEW.value IS NOT NULL BEGIN
  INSERT OR IGNORE INTO class_items (class, item) SELECT DISTINCT {_CLASS}, NEW.item FROM {_IN.format("NEW.value")};
END;
CREATE TRIGGER label_changed AFTER UPDATE OF value ON labels BEGIN
  DELETE FROM class_items WHERE item = OLD.item AND class IN ({CLASSES_OF.format("OLD.value")});
  INSERT OR IGNORE INTO class_items (class, item) SELECT DISTINCT {_CLASS}, NEW.item FROM {_IN.format("NEW.value")};
END;
CREATE TRIGGER label_went AFTER DELETE ON labels WHEN OLD.value IS NOT NULL BEGIN
  DELETE FROM class_items WHERE item = OLD.item AND class IN ({CLASSES_OF.format("OLD.value")});
END;
"""
"""Labels that are a list of classes count for each of them."""

_TRIPLES = "{0} GLOB '[[][[]*'"
"""Whether a stored label is a list of lists: spans."""
_CLASSES_AT_ONCE = (
    f"SELECT atom AS class FROM json_tree({{0}}) WHERE {_TRIPLES} AND key = 2 AND type = 'integer'"
    f" UNION ALL SELECT {_CLASS} FROM {_IN} AND NOT {_TRIPLES}"
)
SPANS = f"""
DROP TRIGGER label_came;
DROP TRIGGER label_changed;
DROP TRIGGER label_went;
CREATE TRIGGER label_came AFTER INSERT ON labels WHEN NEW.at <> '' AND NEW.value IS NOT NULL BEGIN
  INSERT OR IGNORE INTO class_items (class, item)
    SELECT DISTINCT class, NEW.item FROM ({_CLASSES_AT_ONCE.format("NEW.value")});
END;
CREATE TRIGGER label_changed AFTER UPDATE OF value ON labels BEGIN
  DELETE FROM class_items WHERE item = OLD.item AND class IN ({_CLASSES_AT_ONCE.format("OLD.value")});
  INSERT OR IGNORE INTO class_items (class, item)
    SELECT DISTINCT class, NEW.item FROM ({_CLASSES_AT_ONCE.format("NEW.value")});
END;
CREATE TRIGGER label_went AFTER DELETE ON labels WHEN OLD.value IS NOT NULL BEGIN
  DELETE FROM class_items WHERE item = OLD.item AND class IN ({_CLASSES_AT_ONCE.format("OLD.value")});
END;
"""
"""The same triggers, which read a label of 2,000 spans in one go and not span by span, in half of the time."""

NO_COMING = """
DROP TRIGGER label_came;
"""
"""A row of `labels` comes without a value, which is then put there (`labels.write`): an import's rows, whose classes it
fills in itself, cost half as much where SQLite need not ask at each of them whether a trigger wants it."""
