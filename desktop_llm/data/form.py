"""How a file is laid out, as far as reading it needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["csv", "jsonl", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What `sniff` found and `open_reader` follows.

    `encoding` is a codec name; `delimiter` parts the cells of 'csv' ('' when the file has one column);
    `header` says whether the first row of 'csv' names the columns.
    """

    kind: Kind
    encoding: str
    delimiter: str = ""
    header: bool = True
