"""The command about the models that a person keeps: models list, add, remove, get."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, usage
from desktop_llm.errors import UserError
from desktop_llm.jobs import amounts
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.catalog.offer import Offer
    from desktop_llm.verbs.shelving import Kept

ACTIONS = ("list", "add", "remove", "get")


def declare(verb: Declare) -> None:
    """The parser."""
    one = verb("models", _models, "the model folders that you keep; get asks the Hugging Face hub, and only then")
    one.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    one.add_argument("what", nargs="*", metavar="FOLDER|OWNER/NAME")
    one.add_argument("--below", action="store_true", help="add: all model folders in a folder and below it")
    one.add_argument("--files", action="store_true", help="remove: delete its files, too, if they were downloaded here")
    one.add_argument("--yes", action="store_true", help="get: download it; without, only tell of it. Confirms --files")


def _models(told: Any, out: Out) -> None:
    if told.action == "list":
        if told.what:
            raise UsageError("models list takes nothing more; see models --help.")
        _list(out)
        return
    if not told.what:
        raise UsageError(f"models {told.action} wants a {'name' if told.action == 'get' else 'folder'}.")
    {"add": _add, "remove": _remove, "get": _get}[told.action](told, out)


def _list(out: Out) -> None:
    from desktop_llm.verbs import shelving

    kept = shelving.kept()
    for one in kept:
        _tell(one, out)
    if not kept:
        out({}, "No models yet: models add FOLDER, or models get OWNER/NAME.")


def _add(told: Any, out: Out) -> None:
    from desktop_llm.verbs import shelving

    for folder in map(expanded, told.what):
        for one in shelving.add_below(folder) if told.below else shelving.add([folder]):
            _tell(one, out)


def _remove(told: Any, out: Out) -> None:
    from desktop_llm.verbs import shelving

    if told.files and not told.yes:
        raise UserError("This deletes the files for good: add --yes.")
    for folder in told.what:
        shelving.remove(expanded(folder), files=told.files)
        words = "deleted" if told.files else "taken from the list; its files stay"
        out({"folder": folder, "files": told.files}, f"{folder}: {words}")


def _get(told: Any, out: Out) -> None:
    from desktop_llm.catalog import offer
    from desktop_llm.verbs import fetching, shelving

    with usage():
        names = [offer.checked_name(name) for name in told.what]
    for name in names:
        found = fetching.look_up(name)
        _tell_offer(found, out)
        if not told.yes:
            out({}, "Nothing was downloaded; add --yes to do so.")
            continue
        to = fetching.fetch(found, on_progress=_progress)
        out({"folder": str(to)}, f"{found.name} is in {to}")
        for one in shelving.kept():
            if one.entry.path == to:
                _tell(one, out)


def _size(count: int) -> str:
    return " ".join(amounts.size(count))


def _progress(fraction: float, file: str) -> None:
    """On a terminal alone."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{fraction:4.0%} {file:40.40s}")
        sys.stderr.write("\n" if fraction >= 1 else "")
        sys.stderr.flush()


def _tell_offer(found: Offer, out: Out) -> None:
    from desktop_llm.catalog import offer

    licence = found.licence or "no licence given"
    terms = ", its terms must be agreed to first" if found.gated else ""
    out({"offer": offer.to_json(found)}, f"{found.name}: {_size(found.bytes)}, {licence}{terms}")
    for one in found.files:
        out({}, f"  {one.name}  {_size(one.bytes)}")


def _tell(one: Kept, out: Out) -> None:
    look = one.look
    number, unit = amounts.parameters(look.parameters)
    facts = [
        look.architecture or "no model",
        f"{number} {unit}".strip() + " parameters",
        f"reads {look.context:,} tokens" if look.context else "",
        _size(look.bytes),
        look.licence or "no licence given",
        f"from {one.entry.source}" if one.entry.source else "",
    ]
    good = [serves.title for serves in one.serves if not serves.why_not]
    fact = {
        "name": look.name,
        "folder": str(look.path),
        "type": look.kind,
        "architecture": look.architecture,
        "parameters": look.parameters,
        "context": look.context,
        "bytes": look.bytes,
        "licence": look.licence,
        "source": one.entry.source,
        "serves": {serves.task: serves.why_not or True for serves in one.serves},
        "problem": look.problem,
    }
    out(fact, f"{look.name}: {', '.join(fact for fact in facts if fact)}")
    out({}, f"  {look.path}")
    out({}, f"  {look.problem}" if look.problem else f"  for {', '.join(good) or 'none of the tasks'}")
