"""Lists what is to be read of a folder, an archive or a saved dataset, and which split each file belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from desktop_llm.data.form import Form
from desktop_llm.data.readers import archive
from desktop_llm.data.readers.archive import MOST_MEMBERS, Member
from desktop_llm.data.readers.many import ManyReader
from desktop_llm.errors import UserError, from_os_error

SPLITS = "dataset_dict.json"
STATE = "state.json"
# What lies beside data without being any.
BESIDE = re.compile(
    r"(\.|__MACOSX/|.*/\.|(.*/)?(readme|license|licence|changelog|sources)(\.\w+)*$"
    r"|(.*/)?(thumbs\.db|desktop\.ini|dataset_infos?\.json|dataset_dict\.json|state\.json)$)",
    re.IGNORECASE,
)
# The words by which the Hub tells splits from names, set off by what is no letter.
WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
WORD = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(sorted(WORDS, key=len, reverse=True))})(?![^\W\d_])", re.IGNORECASE)


def folder_kind(path: Path) -> Form:
    """What a folder is: a dataset saved by `datasets`, or files. Raises UserError when nothing can be in it."""
    if (path / SPLITS).is_file() or (path / STATE).is_file():
        return Form(kind="dataset")
    if next(_walked(path), None) is None:
        raise UserError(f"“{path}” is a folder; choose a file with rows in it.")
    return Form(kind="folder", unit="file")


def folder_reader(path: Path, form: Form) -> ManyReader:
    """All files of a folder. Raises UserError."""

    @contextmanager
    def members() -> Iterator[Sequence[Member]]:
        yield listed

    listed = _listed(path)
    return ManyReader(path, form, members, _by_names(member.name for member in listed))


def zip_reader(path: Path, form: Form) -> ManyReader:
    """All files of an archive. Raises UserError."""

    @contextmanager
    def members() -> Iterator[Sequence[Member]]:
        with archive.members(path) as listed:
            yield [member for member in listed if not BESIDE.match(member.name)]

    return ManyReader(path, form, members, _by_names(archive.names(path)))


def dataset_reader(path: Path, form: Form) -> ManyReader:
    """The shards of a folder that `save_to_disk` wrote, of one split or of a dictionary of splits. Raises UserError."""

    @contextmanager
    def members() -> Iterator[Sequence[Member]]:
        yield shards

    if not (path / SPLITS).is_file():
        shards = _shards(path, "")
        return ManyReader(path, form, members)
    splits = _told(path / SPLITS).get("splits")
    if not isinstance(splits, list) or not splits:
        raise UserError(f"“{path.name}” names no splits in {SPLITS}; save the dataset again.")
    shards = [shard for split in splits for shard in _shards(path / _safe(path, split), f"{split}/")]
    return ManyReader(path, form, members, lambda name: split_of(name.split("/")[0]) or name.split("/")[0])


def split_of(name: str) -> str:
    """The split that a file's name, or else that of its folder, tells: train, validation, test or ''."""
    for part in reversed(PurePosixPath(name).parts):
        found = WORD.search(part)
        if found:
            return WORDS[found.group().casefold()]
    return ""


def _by_names(names: Iterable[str]) -> Callable[[str], str] | None:
    """`split_of`, where files for training stand beside others; a lone “test.csv” may be anything."""
    found = {split_of(name) for name in names if not BESIDE.match(name)}
    return split_of if "train" in found and len(found - {""}) > 1 else None


def _walked(path: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(path, onerror=_refuse):
        folders.sort()
        for name in sorted(files):
            file = Path(root, name)
            if not BESIDE.match(file.relative_to(path).as_posix()) and file.is_file():
                yield file


def _refuse(error: OSError) -> None:
    raise from_os_error(error, "read", error.filename or "the folder") from error


def _listed(path: Path) -> list[Member]:
    listed: list[Member] = []
    for file in _walked(path):
        if len(listed) == MOST_MEMBERS:
            raise UserError(f"“{path.name}” holds more than {MOST_MEMBERS:,} files; choose a folder with fewer.")
        listed.append(Member(file.relative_to(path).as_posix(), file.stat().st_size, file))
    return listed


def _shards(folder: Path, prefix: str) -> list[Member]:
    state = _told(folder / STATE)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise UserError(f"“{folder.name}” was saved with an index of chosen rows; save it after flatten_indices().")
    files = state.get("_data_files")
    names = [one.get("filename") if isinstance(one, dict) else one for one in files] if isinstance(files, list) else []
    if not names:
        raise UserError(f"“{folder.name}” names no data files in {STATE}; save the dataset again.")
    shards: list[Member] = []
    for name in names:
        file = folder / _safe(folder, name)
        if not file.is_file():
            raise UserError(f"“{folder.name}” lacks its file “{name}”; copy the whole folder.")
        shards.append(Member(f"{prefix}{name}", file.stat().st_size, file))
    return shards


def _safe(folder: Path, name: object) -> str:
    if not isinstance(name, str) or not name or name in (".", "..") or re.search(r"[/\\:\0]", name):
        raise UserError(f"“{folder.name}” is refused: it names “{str(name)[:80]}”, which would lie outside of it.")
    return name


def _told(path: Path) -> dict[str, object]:
    try:
        told = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise from_os_error(error, "read", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UserError(f"“{path}” is damaged: it is not a JSON object; save the dataset again.")
    return told
