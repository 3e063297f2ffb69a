"""Tells files that hold a table in a form of their own (workbooks, archives, Parquet, Arrow) by their first bytes."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.data import encodings
from desktop_llm.data.form import Form
from desktop_llm.data.readers import archive
from desktop_llm.errors import UserError

ZIP = b"PK\x03\x04"
NO_ZIP = b"PK\x05\x06"
PARQUET = b"PAR1"
ARROW = b"ARROW1\0\0"
# An IPC stream opens with this mark and the length of its schema (a multiple of 8, of far less than 16 MB).
STREAM = b"\xff\xff\xff\xff"


def contained(path: Path, head: bytes, *, sheet: str | None, header: bool | None) -> Form | None:
    """The form of such a file; None for any other. Raises UserError when it is damaged or not to be trusted."""
    if head.startswith(PARQUET) and encodings.controls(head[:512]):
        return _whole_parquet(path)
    if head.startswith(ARROW) or (head.startswith(STREAM) and len(head) > 8 and head[7] == 0 and head[4] % 8 == 0):
        return Form(kind="arrow")
    if head.startswith(NO_ZIP):
        raise UserError(f"“{path.name}” is an empty archive; choose a file with rows.")
    if not head.startswith(ZIP):
        return None
    names = archive.names(path)
    if "xl/workbook.xml" in names:
        from desktop_llm.data.readers.excel import excel_form

        return excel_form(path, sheet=sheet, header=header)
    if "[Content_Types].xml" in names or "META-INF/manifest.xml" in names:
        raise UserError(
            f"“{path.name}” is an Office document, not a table of rows; "
            "save the data as CSV, TSV, JSON or JSON Lines and choose that file."
        )
    return Form(kind="zip", unit="file")


def _whole_parquet(path: Path) -> Form:
    """A Parquet file ends as it begins; one that does not was cut off."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        whole = file.read(4) in (PARQUET, b"PARE")
    if not whole:
        raise UserError(
            f"“{path.name}” is a Parquet table that was cut off; copy it again, or "
            "save the data as CSV, TSV, JSON or JSON Lines and choose that file."
        )
    return Form(kind="parquet")
