"""Several labels in one cell with a sign between them, as “a; b”: found in a column, and parted.

A comma may just as well be part of a name. So a sign counts only where the column shows that its parts are labels of
their own: most of them come in other cells, too, alone or beside other labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

SEPARATORS = (";", "|", ",", "；", "、", "，")
LONGEST_PART = 60
LEAST_SHARE, LEAST_OF_COMMAS = 0.5, 0.75
"""The share of a sign's parts that must come in another cell, too; commas are the ones that names have."""


def separator(cells: Iterable[object]) -> str:
    """The sign that parts the labels in a column's cells, as far as these show one; '' for none."""
    texts = {" ".join(cell.split()) for cell in cells if isinstance(cell, str) and not cell.lstrip().startswith("[")}
    found = [(share, -place, sign) for place, sign in enumerate(SEPARATORS) if (share := _shown(texts, sign))]
    return max(found)[2] if found else ""


def parted(cell: object, sign: str) -> object:
    """The labels in a cell as a list; a cell that is no text, or is a list already, stays."""
    if not sign or not isinstance(cell, str) or cell.lstrip().startswith("[") or not cell.strip():
        return cell
    return [part for one in cell.split(sign) if (part := one.strip())]


def _shown(texts: set[str], sign: str) -> float:
    """The share of the parts of cells with this sign that come in another cell, too; 0 where too few do."""
    cells = [{part for one in text.split(sign) if (part := one.strip())} for text in texts]
    often = Counter(part for parts in cells for part in parts)
    several = [parts for parts in cells if len(parts) > 1]
    if not several or any(len(part) > LONGEST_PART for parts in several for part in parts):
        return 0.0
    parts = [part for one in several for part in one]
    share = sum(often[part] > 1 for part in parts) / len(parts)
    return share if share >= (LEAST_OF_COMMAS if sign in ",，" else LEAST_SHARE) else 0.0
