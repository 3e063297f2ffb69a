"""Which kinds of models the installed transformers can load by itself, and with which heads.

Read from the source text of its own tables: to import them would take seconds, and torch with it. Where they cannot be
read nothing is refused here; the engine, which has the library, decides.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from desktop_llm import log

FILES = ("modeling_auto.py", "auto_mappings.py", "configuration_auto.py")
CONFIGS = "CONFIG_MAPPING_NAMES"
HEAD = "MODEL_FOR_{}_MAPPING_NAMES"
Table = Mapping[str, str]


def known(kind: str) -> bool:
    """Whether transformers has models of this type."""
    table = _tables().get(CONFIGS)
    return table is None or kind in table


def has(kind: str, head: str) -> bool:
    """Whether it has models of this type with a head, such as CAUSAL_LM."""
    table = _tables().get(HEAD.format(head))
    return table is None or kind in table


def told(kind: str, head: str) -> bool:
    """As `has`, and False where nobody knows."""
    return kind in _tables().get(HEAD.format(head), {})


def classes() -> frozenset[str]:
    """The names of all models that it has."""
    return frozenset(name for key, table in _tables().items() if key != CONFIGS for name in table.values())


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Table]:
    found: dict[str, dict[str, str]] = {}
    try:
        where = importlib.util.find_spec("transformers")
        folder = Path(str(where.origin)).parent / "models" / "auto" if where is not None else Path()
        for name in FILES:
            _read(ast.parse((folder / name).read_text(encoding="utf-8")), found)
    except (OSError, ValueError, SyntaxError) as error:
        log.logger("models").info("the tables of transformers cannot be read: %s", error)
        return {}
    return {name: table for name, table in found.items() if table}


def _read(tree: ast.Module, found: dict[str, dict[str, str]]) -> None:
    for line in tree.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            name, value = line.targets[0].id, line.value
        elif _is_update(line):
            call = line.value  # type: ignore[attr-defined]
            name, value = call.func.value.id, call
        else:
            continue
        if name.endswith("MAPPING_NAMES"):
            found.setdefault(name, {}).update(_pairs(value))


def _is_update(line: ast.stmt) -> bool:
    """Whether a line says `NAME.update(…)`."""
    if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)):
        return False
    called = line.value.func
    return isinstance(called, ast.Attribute) and called.attr == "update" and isinstance(called.value, ast.Name)


def _pairs(value: ast.expr) -> dict[str, str]:
    """What is written out in a table, in any of its forms: a list of pairs, a dictionary, a call with these."""
    made: dict[str, str] = {}
    if isinstance(value, ast.Call):
        for one in (*value.args, *(keyword.value for keyword in value.keywords)):
            made |= _pairs(one)
    elif isinstance(value, ast.List):
        for one in value.elts:
            if isinstance(one, ast.Tuple) and len(one.elts) == 2:
                made |= _pair(*one.elts)
    elif isinstance(value, ast.Dict):
        for key, told in zip(value.keys, value.values, strict=True):
            made |= _pair(key, told) if key is not None else _pairs(told)
    return made


def _pair(key: ast.expr, told: ast.expr) -> dict[str, str]:
    """A type and its class, the first where there are several."""
    first = told.elts[0] if isinstance(told, ast.Tuple) and told.elts else told
    if isinstance(key, ast.Constant) and isinstance(first, ast.Constant):
        return {str(key.value): str(first.value)}
    return {}
