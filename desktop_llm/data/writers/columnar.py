"""Writes Parquet and Arrow (IPC files, which Feather files are) in batches.

Columns of one type get it; columns of mixed values are JSON, and the schema says so. A cell that a row does not have is
a missing value; one that holds nothing (null) makes its column JSON, so that both come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from desktop_llm.data.readers.columnar import AS_JSON, OURS
from desktop_llm.data.writers.row import Rows
from desktop_llm.data.writers.spool import Spool, Types, spooled

BATCH_ROWS = 16_384
BATCH_SIGNS = 16 << 20


def write_parquet(file: BinaryIO, rows: Rows) -> None:
    """A Parquet file. Raises Unwritable."""
    from pyarrow import parquet

    with spooled(rows) as spool:
        schema = _schema(spool)
        with parquet.ParquetWriter(file, schema) as writer:
            for batch in _batches(spool, schema):
                writer.write_batch(batch)


def write_arrow(file: BinaryIO, rows: Rows) -> None:
    """An Arrow IPC file. Raises Unwritable."""
    from pyarrow import ipc

    with spooled(rows) as spool:
        schema = _schema(spool)
        with ipc.new_file(file, schema) as writer:
            for batch in _batches(spool, schema):
                writer.write_batch(batch)


def _schema(spool: Spool) -> Any:
    import pyarrow as pa

    fields = []
    for name, types in spool.types.items():
        known = _type(name, types)
        fields.append(pa.field(name, known if known is not None else pa.string()))
        if known is None:
            fields[-1] = fields[-1].with_metadata({AS_JSON: b"1"})
    return pa.schema(fields, metadata={OURS: b"1"})


def _type(name: str, types: Types) -> Any | None:
    """The Arrow type that holds all these; None when only JSON does."""
    import pyarrow as pa

    span = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
    if types == {"empty"}:
        return {"labels": pa.list_(pa.string()), "spans": pa.list_(span)}.get(name)
    lists = types - {"empty"}
    if lists == {"names"}:
        return pa.list_(pa.string())
    if lists == {"spans"}:
        return pa.list_(span)
    plain = {"text": pa.string(), "truth": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    return plain.get(next(iter(types))) if len(types) == 1 else None


def _batches(spool: Spool, schema: Any) -> Iterator[Any]:
    columns: list[list[object]] = [[] for _ in schema]
    as_json = [AS_JSON in (field.metadata or {}) for field in schema]
    signs = 0
    for row in spool.rows():
        for values, name, encoded in zip(columns, schema.names, as_json, strict=True):
            value = row.cells.get(name)
            if encoded and name in row.cells:
                value = msgspec.json.encode(value).decode()
            signs += len(value) if isinstance(value, str) else 8
            values.append(value)
        if len(columns[0]) == BATCH_ROWS or signs > BATCH_SIGNS:
            yield _batch(columns, schema)
            columns, signs = [[] for _ in schema], 0
    if columns[0]:
        yield _batch(columns, schema)


def _batch(columns: list[list[object]], schema: Any) -> Any:
    import pyarrow as pa

    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
