"""The command about personal data in texts: personal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, opened


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("personal", _personal, "find personal data in the texts; mask it, replace it, or let it stay")
    one.add_argument("project", type=Path)
    one.add_argument("--kinds", default="", metavar="KIND,KIND…", help="only these kinds")
    one.add_argument("--regions", default="", metavar="CN,DE…", help="whose telephone numbers may lack a country code")
    what = one.add_mutually_exclusive_group()
    what.add_argument("--mask", action="store_true", help="put [EMAIL] … in place of what is found")
    what.add_argument("--blocks", action="store_true", help="black out what is found")
    what.add_argument("--replace", action="store_true", help="put pseudonyms in place of what is found")
    what.add_argument("--keep", action="store_true", help="what is there now may stay")
    what.add_argument("--refuse-export", choices=("on", "off"), help="no export while finds are unreviewed")


def _personal(told: Any, out: Out) -> None:
    from desktop_llm.data.personal.find import KINDS, REGIONS, TITLES, Kind
    from desktop_llm.verbs import personal

    named = [kind for kind in told.kinds.split(",") if kind]
    wrong = next((kind for kind in named if kind not in KINDS), None)
    if wrong is not None:
        raise UsageError(f"There is no kind “{wrong}”; the kinds are {', '.join(KINDS)}.")
    kinds = tuple(cast("Kind", kind) for kind in named) or KINDS
    regions = tuple(part.upper() for part in told.regions.split(",") if part) or REGIONS
    with opened(told.project) as project:
        if told.refuse_export is not None:
            must_be_writable(project)
            personal.set_refuses(project, refuse=told.refuse_export == "on")
            words = "Exports are free again."
            if told.refuse_export == "on":
                words = "Models whose texts hold unreviewed personal data are not exported now."
            out({"refuse_export": told.refuse_export}, words)
        elif told.keep:
            must_be_writable(project)
            kept = {kind: personal.keep(project, kind, regions=regions) for kind in kinds}
            out({"kept": kept}, f"{sum(kept.values()):,} different values may stay.")
        elif told.mask or told.blocks or told.replace:
            way: personal.Way = "mask" if told.mask else "blocks" if told.blocks else "replace"
            outcome = personal.treat(project, dict.fromkeys(kinds, way), regions=regions)
            out({"operation": outcome.operation, "changed": outcome.changed}, f"{outcome.changed:,} texts changed.")
        else:
            found = personal.scan(project, kinds=kinds, regions=regions)
            for kind in kinds:
                count, kept_count = found.open.get(kind, 0), found.kept.get(kind, 0)
                words = f"{TITLES[kind]}: {count:,} to review, {kept_count:,} may stay"
                out({"kind": kind, "open": count, "kept": kept_count}, words)
            rule = "on" if personal.refuses(project) else "off"
            out({"rows": found.rows, "refuse_export": rule}, f"{found.rows:,} texts; refusing exports is {rule}.")
