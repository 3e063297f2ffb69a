"""The command about personal data in the rows: personal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from desktop_llm.commands.command import Declare, Out, UsageError, cut_words, must_be_writable, opened, visible
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.personal import Example

AROUND = 30
"""Characters that are shown on both sides of a find."""


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("personal", _personal, "find personal data in the rows; mask it, replace it, or let it stay")
    one.add_argument("project", type=expanded)
    one.add_argument("--kinds", default="", metavar="KIND,KIND…", help="only these kinds")
    one.add_argument("--finds", type=int, default=3, metavar="N", help="show so many finds of each kind, masked (3)")
    one.add_argument("--regions", default="", metavar="CN,DE…", help="whose telephone numbers may lack a country code")
    what = one.add_mutually_exclusive_group()
    what.add_argument("--mask", action="store_true", help="put [EMAIL] … in place of what is found")
    what.add_argument("--blocks", action="store_true", help="black out what is found")
    what.add_argument("--replace", action="store_true", help="put pseudonyms in place of what is found")
    what.add_argument("--keep", action="store_true", help="what is there now may stay")
    what.add_argument("--forget", action="store_true", help="make what was masked final: its originals are thrown away")
    what.add_argument("--refuse-export", choices=("on", "off"), help="no export while finds are unreviewed")
    one.add_argument("--yes", action="store_true", help="with --forget: do it; else it is only told what would go")


def _personal(told: Any, out: Out) -> None:
    from desktop_llm.data.personal.find import KINDS, REGIONS, TITLES, Kind
    from desktop_llm.verbs import personal, staying

    if told.yes and not told.forget:
        raise UsageError("--yes goes with --forget.")
    if told.finds < 0:
        raise UsageError("--finds takes a number from 0 on.")
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
        elif told.forget:
            _forget(project, out, sure=told.yes)
        elif told.keep:
            must_be_writable(project)
            there = personal.there(project, kinds, regions=regions)
            outcome = staying.keep(project, there)
            kept = {kind: len(values) for kind, values in there.of.items()}
            out({"operation": outcome.operation, "kept": kept}, f"{sum(kept.values()):,} different values may stay.")
        elif told.mask or told.blocks or told.replace:
            way: personal.Way = "mask" if told.mask else "blocks" if told.blocks else "replace"
            outcome = personal.treat(project, dict.fromkeys(kinds, way), regions=regions)
            done = {"operation": outcome.operation, "changed": outcome.changed, "cut": outcome.cut}
            out(done, f"{outcome.changed:,} rows changed." + cut_words(outcome.cut))
        else:
            found = personal.scan(project, kinds=kinds, regions=regions)
            for kind in kinds:
                examples = [_shown(one) for one in found.examples.get(kind, ())[: told.finds]]
                count, kept_count = found.open.get(kind, 0), found.kept.get(kind, 0)
                columns = dict(found.columns.get(kind, {}))
                where = ", ".join(f"{number:,} in {column}" for column, number in columns.items())
                words = f"{TITLES[kind]}: {count:,} to review{f' ({where})' if where else ''}, {kept_count:,} may stay"
                words += "".join(f"\n  row {one['row']}, {one['column']}: {one['text']}" for one in examples)
                facts = {"kind": kind, "open": count, "kept": kept_count, "columns": columns, "examples": examples}
                out(facts, words)
            rule = "on" if personal.refuses(project) else "off"
            out({"rows": found.rows, "refuse_export": rule}, f"{found.rows:,} rows; refusing exports is {rule}.")


def _shown(one: Example) -> dict[str, Any]:
    """A find with what stands around it; not the find itself, as what a terminal shows is often kept somewhere."""
    from desktop_llm.data.personal.find import find
    from desktop_llm.data.personal.masking import mask

    before, after = (mask(part, find(part)) for part in (one.text[: one.found.start], one.text[one.found.end :]))
    text = mask(one.found.text, [replace(one.found, start=0, end=len(one.found.text))])
    start = "…" if len(before) > AROUND else ""
    end = "…" if len(after) > AROUND else ""
    return {
        "row": one.row,
        "column": one.column,
        "text": visible(f"{start}{before[-AROUND:]}{text}{after[:AROUND]}{end}"),
    }


def _forget(project: Project, out: Out, *, sure: bool) -> None:
    """Tell what would go, or, when the person is sure, let it go."""
    from desktop_llm.verbs import forgetting

    there = forgetting.originals(project)
    if not there.any:
        out({"rows": 0}, "No originals are kept; there is nothing to forget.")
    elif not sure:
        words = (
            f"The originals of {there.rows:,} rows are kept by {there.operations:,} operations; add --yes to forget"
            " them for ever: the masking can then not be undone."
        )
        out({"rows": there.rows, "operations": there.operations, "unfinished": there.unfinished}, words)
    else:
        must_be_writable(project)
        forgetting.forget(project)
        out({"forgotten": there.rows}, f"The originals of {there.rows:,} rows are forgotten.")
    told = {"runs": list(there.runs), "binned": there.binned}
    out(told, " ".join(words for words in (_of_runs(there.runs), _of_bin(there.binned)) if words))


def _of_runs(runs: Sequence[int]) -> str:
    named = ", ".join(map(str, runs))
    return f"Runs that learned from personal data keep it, as it is what they learned from: {named}." if runs else ""


def _of_bin(binned: int) -> str:
    return f"The bin holds {binned:,} rows as they were; history --empty-bin throws them away." if binned else ""
