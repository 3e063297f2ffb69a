"""The commands that bring rows and labels in: import, label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, UsageError, must_be_writable, opened, tell_rejected
from desktop_llm.errors import UserError
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.rows import ImportReport
    from desktop_llm.verbs.importing import Plan


def declare(verb: Declare) -> None:
    """The parsers."""
    for name, function, words in (
        ("import", _import, "bring the rows of files into a project"),
        ("label", _label, "take labels for texts of the project from files"),
    ):
        one = verb(name, function, words)
        one.add_argument("project", type=expanded)
        if name == "import":
            one.add_argument("files", type=expanded, nargs="+", metavar="FILE")
            one.add_argument("--split", default="", choices=("train", "validation", "test"))
        else:
            one.add_argument("--from", dest="files", type=expanded, nargs="+", required=True, metavar="FILE")
        one.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN")
        one.add_argument("--encoding")
        one.add_argument("--delimiter")
        one.add_argument("--shape", metavar="TOOL", help="whose rows these are (doccano, label_studio …), or none")
        words = "the sign between several labels in one cell, '' where there is none; found if it is not told"
        one.add_argument("--separator", metavar="SIGN", help=words)
        words = "take a file of text for plain text, in which this makes a row: a line, a paragraph, the whole file"
        one.add_argument("--unit", choices=("line", "paragraph", "file"), help=words)
        one.add_argument("--no-header", action="store_true", help="the first row is data")
        one.add_argument(
            "--report", type=expanded, metavar="FILE", help="write what was done there, as JSON (one FILE in)"
        )
        words = "write the rows that were not taken there, as CSV or JSON Lines (one FILE in)"
        one.add_argument("--rejected", type=expanded, metavar="FILE", help=words)


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not name or not column:
            raise UsageError(f"--map takes FIELD=COLUMN, not “{pair}”.")
        mapping[name] = column
    return mapping


def _late_words(look: Plan) -> str:
    """What is to be said of columns that were found behind the first rows only."""
    late = ", ".join(f"“{name}”" for name in look.late if name in look.mapping.values())
    return f" The first rows have nothing in {late}, later ones have." if late else ""


def _fates(report: ImportReport) -> str:
    """What became of labels of the file that were merged or are archived in the project."""
    merged = [f" “{old}” was merged into “{new}”, which its rows have." for old, new in report.merged.items()]
    archived = [f" “{name}” is archived: its rows have it, but it is not offered." for name in report.archived]
    return "".join([*merged, *archived])


def _import(told: Any, out: Out) -> None:
    _take(told, out, told.split)


def _label(told: Any, out: Out) -> None:
    _take(told, out, "", labels_only=True)


def _take(told: Any, out: Out, split: str, *, labels_only: bool = False) -> None:
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import importing, reading, reporting

    mapping = _mapping(told.map)
    if len(told.files) > 1 and (told.report or told.rejected):
        raise UsageError("--report and --rejected are of one file; import the files one by one.")
    with opened(told.project) as project:
        must_be_writable(project)
        task = task_named(project.task)
        for path in told.files:
            header = False if told.no_header else None
            how = {
                "encoding": told.encoding,
                "delimiter": told.delimiter,
                "header": header,
                "shape": told.shape,
                "separator": told.separator,
                "unit": told.unit,
            }
            reading.prepare(path)
            look = importing.plan(task, path, **how)
            if mapping:
                look = importing.plan(task, path, **how, mapping={**look.mapping, **mapping})
            report = importing.run(project, look, split=split, labels_only=labels_only)
            source = importing.source_of(task, look, split)
            if told.report is not None:
                reporting.write_report(report, source, told.report)
            if told.rejected is not None and report.rejected_count:
                reporting.write_rejected(source, report, told.rejected)
            for one in report.rejected:
                tell_rejected(out, one, path.name if len(told.files) > 1 else "")
            words = (
                f"{report.source}: {report.imported:,} rows imported, {report.labeled:,} labels, "
                f"{report.duplicates - report.repeats:,} known already, {report.repeats:,} repeated in the file, "
                f"{report.conflicts:,} with another label than before, "
                f"{report.rejected_count:,} rejected ({look.form.encoding or look.form.kind}, {report.seconds:.1f} s)."
                + (f" Labels in a cell were parted at “{look.separator}”." if look.separator else "")
                + _late_words(look)
                + (f" {report.unfit:,} labels were not taken: their texts were changed here." if report.unfit else "")
                + (f" {report.unknown:,} texts are not in the project." if labels_only else "")
                + _fates(report)
            )
            out({**asdict(report), "rejected": report.rejected_count, "encoding": look.form.encoding}, words)
            if report.rejected_count and not report.imported + report.duplicates + report.unknown:
                raise UserError(
                    f"Nothing of “{path}” was taken: all {report.rejected_count:,} rows were rejected; mend them."
                )
