"""The frozen data of a run: one JSONL file a split, and a note with hash and counts.

A row is `{"id": item id, "label": the task's label in names, …fields of the task}`. Rows of a split are sorted
by the caller; the hash covers the bytes of all splits in the order of `SPLITS`, and of the rows without a label and
the training rows' weights where there are some.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

from desktop_llm import atomic
from desktop_llm.errors import Cancelled, UserError, from_os_error

SPLITS = ("train", "validation", "test")
NOTE = "snapshot.json"
WEIGHTS = "weights.json"
UNLABELED = "unlabeled"
"""The rows without a label that a teacher speaks of, and the key of their number in the note; often there are none."""
PARTS = (*SPLITS, UNLABELED)
LEARNED = ("train", UNLABELED)
"""What a run learns from."""
PAGE = 200
"""Rows that a table shows at once."""

Row = dict[str, Any]


def write(
    folder: Path,
    splits: Mapping[str, Iterable[Row]],
    weights: Sequence[float] | None = None,
    unlabeled: Iterable[Row] = (),
) -> dict[str, Any]:
    """Write the splits into `folder`, whole or not at all; returns `{"sha256": …, split: count …}`.

    `weights` tell how often each training row is drawn, 1 on average; `unlabeled` are learned from beside the training
    rows. The hash covers both, too.

    Raises UserError when the disk refuses.
    """
    digest = hashlib.sha256()
    told: dict[str, Any] = {}
    try:
        with atomic.new_folder(folder, manifest=False) as filling:
            for split in SPLITS:
                told[split] = _write(filling / f"{split}.jsonl", splits.get(split, ()), digest.update)
                digest.update(b"\0")
            count = _write(filling / f"{UNLABELED}.jsonl", unlabeled, digest.update)
            if count:
                told[UNLABELED] = count
            else:
                (filling / f"{UNLABELED}.jsonl").unlink()
            if weights is not None:
                text = json.dumps([round(one, 6) for one in weights]).encode()
                digest.update(text)
                (filling / WEIGHTS).write_bytes(text)
            told["sha256"] = digest.hexdigest()
            atomic.write_json(filling / NOTE, told)
    except OSError as error:
        raise from_os_error(error, "write the data of the run to", folder) from error
    return told


def _write(path: Path, some: Iterable[Row], heard: Callable[[bytes], object]) -> int:
    """Write rows, each of whose lines is `heard`; how many."""
    count = 0
    with path.open("wb") as file:
        for row in some:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            heard(line)
            file.write(line)
            count += 1
    return count


def note(folder: Path) -> dict[str, Any]:
    """Hash and counts of a snapshot. Raises UserError when it is missing or damaged."""
    try:
        told = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The data of the run in “{folder}” is missing or damaged; start a new run.") from error
    return dict(told)


def weights(folder: Path) -> list[float] | None:
    """How often each training row is drawn; None where all are as often. Raises UserError where that is damaged."""
    path = folder / WEIGHTS
    if not path.exists():
        return None
    try:
        return [float(one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"“{path}” is damaged; start a new run.") from error


def learned(told: Mapping[str, Any]) -> int:
    """How many rows a run learned from, by their note."""
    return sum(int(told.get(part, 0)) for part in LEARNED)


def parts(told: Mapping[str, Any]) -> tuple[str, ...]:
    """What the rows are parted into, by their note: the splits, and those without a label where there are some."""
    return PARTS if told.get(UNLABELED) else SPLITS


def every(folder: Path) -> Iterator[tuple[str, Row]]:
    """All rows in order, each with its part. Raises UserError."""
    return ((part, row) for part in parts(note(folder)) for row in rows(folder, part))


def rows(folder: Path, split: str) -> Iterator[Row]:
    """The rows of a split in order. Raises UserError for a missing or damaged file, naming file and line."""
    path = folder / f"{split}.jsonl"
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise UserError(f"The data “{path}” is damaged in line {number}; start a new run.") from error
    except OSError as error:
        raise from_os_error(error, "read the data of the run", path) from error


class Listed(Sequence[Row]):
    """What is learned from, read from its files whenever it is asked for: it may be more than the memory holds."""

    def __init__(self, folder: Path) -> None:
        """The training rows, and those without a label. Raises UserError where there is no whole snapshot."""
        told = note(folder)
        self._folder, self._parts = folder, [part for part in parts(told) if part in LEARNED]
        self._count = sum(int(told[part]) for part in self._parts)

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __iter__(self) -> Iterator[Row]:
        """All of them in order, read one by one. Raises UserError."""
        return (row for part in self._parts for row in rows(self._folder, part))

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """One of them, or some; all before it are read, too. Raises UserError."""
        if isinstance(place, slice):
            wanted = range(self._count)[place]
            found = {at: row for at, row in enumerate(islice(self, max(wanted, default=-1) + 1)) if at in wanted}
            return [found[at] for at in wanted]
        return self[place : place + 1 or None][0]


def verify(folder: Path) -> str:
    """What is wrong with a snapshot: '' when its rows still have the hash in the note."""
    return look_through(folder).damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What is wrong with a snapshot ('' nothing), and where each page of rows begins: part and place in its file."""

    damage: str
    every: int
    starts: Sequence[tuple[str, int]] = ()


def look_through(folder: Path, every: int = PAGE, should_stop: Callable[[], bool] = lambda: False) -> Pages:
    """Read all rows once: whether they are whole, and where pages of `every` rows begin. Raises Cancelled."""
    digest, starts, rows = hashlib.sha256(), [], 0
    try:
        told = note(folder)
        for part in parts(told):
            place = 0
            with (folder / f"{part}.jsonl").open("rb") as file:
                for line in file:
                    if rows % every == 0:
                        starts.append((part, place))
                        if should_stop():
                            raise Cancelled
                    digest.update(line)
                    place += len(line)
                    rows += 1
            if part != UNLABELED:
                digest.update(b"\0")
        if (folder / WEIGHTS).exists():
            digest.update((folder / WEIGHTS).read_bytes())
    except (OSError, UserError) as error:
        return Pages(damage=str(error), every=every)
    whole = digest.hexdigest() == told.get("sha256")
    damage = "" if whole else f"The data in “{folder}” was changed after the start."
    return Pages(damage=damage, every=every, starts=starts)


def page(folder: Path, pages: Pages, number: int) -> list[tuple[str, Row]]:
    """The rows of a page, from 0, each with its part. Raises UserError."""
    found: list[tuple[str, Row]] = []
    begun, place = pages.starts[number]
    there = parts(note(folder))
    for part in there[there.index(begun) :]:
        path = folder / f"{part}.jsonl"
        try:
            with path.open("rb") as file:
                file.seek(place if part == begun else 0)
                found += [(part, json.loads(line)) for line in islice(file, pages.every - len(found))]
        except (OSError, ValueError) as error:
            raise UserError(f"The data “{path}” cannot be read any more; it was changed or is gone.") from error
    return found
