"""The class names that a Hugging Face dataset keeps beside its numbers, and numbers told by them.

The `datasets` library writes its features as JSON: into the Arrow schema's metadata under “huggingface”, and into
dataset_info.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

Names = Sequence[str]


def class_names(told: bytes) -> dict[str, Names]:
    """The names of each column of classes (or of lists of classes); nothing where the metadata say none."""
    try:
        whole = msgspec.json.decode(told) if told else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    info = whole.get("info", whole) if isinstance(whole, Mapping) else {}
    features = info.get("features") if isinstance(info, Mapping) else None
    if not isinstance(features, Mapping):
        return {}
    return {str(column): names for column, feature in features.items() if (names := _names(feature))}


def named(value: object, names: Names) -> object:
    """The class of that number by its name; -1, which stands for no class, as None. Lists one by one."""
    if isinstance(value, list):
        return [named(one, names) for one in value]
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value == -1:
        return None
    return names[value] if 0 <= value < len(names) else value


def _names(feature: object) -> Names | None:
    if isinstance(feature, list) and len(feature) == 1:
        return _names(feature[0])
    if not isinstance(feature, Mapping):
        return None
    if feature.get("_type") in ("Sequence", "List", "LargeList"):
        return _names(feature.get("feature"))
    names = feature.get("names")
    if feature.get("_type") != "ClassLabel" or not isinstance(names, list):
        return None
    return [str(name) for name in names]
