"""The commands for several people on one project: bundle, join, agreement."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, must_be_writable, opened
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.data.agreement import Agreement


def declare(verb: Declare) -> None:
    """The parsers."""
    one = verb("bundle", _bundle, "write a project, or part of it, into one file for a colleague")
    one.add_argument("project", type=expanded)
    one.add_argument("file", type=expanded, metavar="FILE.dllm")
    one.add_argument("--show", default="all", choices=("all", "unlabeled", "labeled", "skipped", "disputed"))
    one.add_argument("--labeler", default="", metavar="NAME", help="who sends it")
    one = verb("join", _join, "bring a colleague's bundle together with a project, or make a project of it")
    one.add_argument("project", type=expanded)
    one.add_argument("file", type=expanded, metavar="FILE.dllm")
    one = verb("agreement", _agreement, "how far people agree, and how each of them labels")
    one.add_argument("project", type=expanded)
    one.add_argument("--twice", type=float, metavar="SHARE", help="let two people label this share of the rows, 0 to 1")


def _bundle(told: Any, out: Out) -> None:
    from desktop_llm.rows import Filter
    from desktop_llm.verbs import bundles

    with opened(told.project) as project:
        to = told.file
        head = bundles.write(project, to, told=Filter(show=told.show), labeler=told.labeler)
        out(
            {"rows": head.rows, "entries": head.events, "to": str(to)},
            f"{head.rows:,} rows with {head.events:,} entries of their history written to “{to}”.",
        )


def _join(told: Any, out: Out) -> None:
    from desktop_llm.store.project import Project, is_project
    from desktop_llm.verbs import bundles

    path, file = told.project, told.file
    if is_project(path):
        with closing(Project.open(path)) as project:
            must_be_writable(project)
            taken = bundles.take(project, file)
    else:
        taken = bundles.make(path, file)
    out(
        {
            "rows": taken.rows,
            "entries": taken.events,
            "turned": taken.turned,
            "left": taken.left,
            "unfit": taken.unfit,
            "guidelines": taken.guidelines,
            "disputed": taken.disputed,
        },
        f"{taken.rows:,} new rows and {taken.events:,} new entries of the labels' history; "
        f"{taken.disputed:,} rows wait for a decision."
        + (f" New versions of the guideline: {taken.guidelines:,}." if taken.guidelines else "")
        + (f" {taken.unfit:,} labels were not taken: their texts were changed here." if taken.unfit else ""),
    )


def _agreement(told: Any, out: Out) -> None:
    from desktop_llm.verbs import agreeing

    with opened(told.project) as project:
        if told.twice is not None:
            must_be_writable(project)
            project.people.set_share(told.twice)
        report = agreeing.report(project)
        share = project.people.share
    _tell_overall(report.overall, out)
    for one in report.labelers:
        name = one.name or "(no name)"
        words = f"{name}: {one.given:,} labels, {_percent(one.changed)} changed by others"
        if one.seconds is not None:
            words += f", {one.seconds:.1f} s each"
        out(
            {"labeler": one.name, "labels": one.given, "seconds": one.seconds, "agreement": one.agreement,
             "changed": one.changed, "suggested": one.suggested},
            words,
        )  # fmt: skip
    for label in report.labels:
        out(
            {"label": label.name, "labels": label.given, "rows": label.rows, "specific": label.specific,
             "alpha": label.alpha, "changed": label.changed},
            f"{label.name}: {label.given:,} labels, agreement on it {_percent(label.specific)}",
        )  # fmt: skip
    out({"twice": share}, f"{_percent(share)} of the rows are to be labeled by two people.")


def _tell_overall(overall: Agreement, out: Out) -> None:
    out(
        {"rows": overall.rows, "percent": overall.percent, "fleiss": overall.fleiss, "alpha": overall.alpha},
        f"{overall.rows:,} rows were labeled by two or more people: {_percent(overall.percent)} agreement, "
        f"Fleiss' kappa {_figure(overall.fleiss)}, Krippendorff's alpha {_figure(overall.alpha)}",
    )
    for (one, other), (kappa, rows) in overall.cohen.items():
        words = f"{one or '(no name)'} and {other or '(no name)'}: Cohen's kappa {_figure(kappa)} on {rows:,} rows"
        out({"labelers": [one, other], "cohen": kappa, "rows": rows}, words)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
