"""The commands of the model in the loop: suggest, mistakes, advise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_llm.commands.command import Declare, Out, Parser, UsageError, must_be_writable, opened
from desktop_llm.commands.serving import server_of, with_server
from desktop_llm.paths import expanded

if TYPE_CHECKING:
    from desktop_llm.loop.curve import Outlook
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.looping import Looping


def declare(verb: Declare) -> None:
    """The parsers."""
    from desktop_llm.verbs.loop_results import ORDERS

    one = _with_encoder(verb("suggest", _suggest, "learn from the labels, guess all rows without one, order them"))
    one.add_argument("--order", choices=ORDERS, default=ORDERS[0], help="which rows come first in Label")
    with_server(one, "--server")
    one = _with_encoder(verb("mistakes", _mistakes, "find labels that the other labels contradict, to look at again"))
    one.add_argument("--to", type=expanded, metavar="FILE", help="also write them, most doubtful first")
    one.add_argument(
        "--run",
        type=int,
        metavar="N",
        help="those that the training of this run never believed, in place of the loop's",
    )
    one = _with_encoder(verb("advise", _advise, "tell what more labels would bring, over all and for each label"))
    one.add_argument("--more", type=int, metavar="N", help="so many labels more; left out: as many as there are")


def _with_encoder(one: Parser) -> Parser:
    one.add_argument("project", type=expanded)
    one.add_argument(
        "--encoder", default="", metavar="FOLDER|RUN", help="a model folder or a run's number; left out: the words"
    )
    return one


def _suggest(told: Any, out: Out) -> None:
    from desktop_llm.verbs import loop_results

    if told.server:
        _ask_server(told, out)
        return
    with opened(told.project) as project:
        must_be_writable(project)
        found = _looping(project, told.encoder, out).suggest(told.order)
        loop_results.keep(project, found)
        accuracy = "unknown yet" if found.accuracy is None else f"{100 * found.accuracy:.1f} %"
        out(
            {
                "labels": found.labels,
                "suggestions": len(found.guesses),
                "estimated_accuracy": found.accuracy,
                "seconds": found.seconds,
            },
            f"Learned from {found.labels:,} labels in {found.seconds:.1f} s; {len(found.guesses):,} suggestions, "
            f"of which are right (estimate): {accuracy}.",
        )


def _ask_server(told: Any, out: Out) -> None:
    from desktop_llm.verbs import server_suggesting

    if told.encoder:
        raise UsageError("--server asks a model that is served; --encoder is for one that learns here.")
    address = server_of(told, told.server, "All texts without a label")
    with opened(told.project) as project:
        must_be_writable(project)
        asked, _ = server_suggesting.suggest(project, address)
        line = {"suggestions": asked.guesses, "strange": asked.strange, "unsent": asked.unsent}
        out({**line, "model": asked.about.name, "sha256": asked.about.digest, "server": asked.url}, asked.words())


def _mistakes(told: Any, out: Out) -> None:
    from desktop_llm.verbs import loop_results

    with opened(told.project) as project:
        if told.run is not None:
            from desktop_llm.verbs import training_doubts

            project.runs.get(told.run)
            found = training_doubts.find(project, told.run)
        else:
            found = _looping(project, told.encoder, out).mistakes()
        if not project.read_only:
            loop_results.keep_doubts(project, found)
        if told.to is not None:
            loop_results.write(found, told.to)
        few = f" ({found.left_out:,} classes have too few labels to say)" if found.left_out else ""
        out(
            {
                "labels": found.labels,
                "likely": found.likely,
                "queue": len(found.doubts),
                "left_out": found.left_out,
            },
            f"{found.likely:,} of {found.labels:,} labels are likely mistakes{few}; {len(found.doubts):,} to look at"
            " again:",
        )
        for one in found.doubts:
            words = " ".join(one.text.split())
            out(
                {"row": one.item, "label": one.label, "instead": one.instead, "sure": one.sure, "text": one.text},
                f"  row {one.item}: {one.label} ({100 * one.sure:.0f} %), rather {one.instead}: {words[:80]}",
            )


def _advise(told: Any, out: Out) -> None:
    with opened(told.project) as project:
        found = _looping(project, told.encoder, out).advise(told.more or project.items.counts().labeled)
        out(
            {"labels": found.labels, "more": found.more, **_plain(found.overall)},
            f"With {found.more:,} labels more than the {found.labels:,} there are: {_words(found.overall)}.",
        )
        ordered = sorted(found.by_class.items(), key=lambda pair: pair[1].now - pair[1].then)
        for name, outlook in ordered:
            out({"label": name, **_plain(outlook)}, f"  {name}: {_words(outlook)}")


def _plain(one: Outlook) -> dict[str, float]:
    return {"now": one.now, "then": one.then, "low": one.low, "high": one.high}


def _words(one: Outlook) -> str:
    return f"{100 * one.now:.1f} % → {100 * one.then:.1f} % (between {100 * one.low:.1f} and {100 * one.high:.1f})"


def _looping(project: Project, encoder: str, out: Out) -> Looping:
    """The loop, once the encoder has read what it must."""
    from desktop_llm.verbs import embedding

    folder = embedding.encoder(project, encoder) if encoder else None
    if folder is not None and not project.read_only:
        from desktop_llm.engine import worker

        worker.offline()
        from desktop_llm.engine.embed import Encoder

        model: list[Encoder] = []

        def embed(texts: Any) -> Any:
            if not model:
                model.append(Encoder(folder))
            return model[0].embed(texts)

        def tell(progress: embedding.Progress) -> None:
            left = f", {progress.left:.0f} s left" if progress.left is not None else ""
            words = f"  read {progress.done:,} of {progress.total:,} texts{left}"
            out({"read": progress.done, "of": progress.total, "seconds_left": progress.left}, words)

        embedding.fill(project, folder, embed, on_progress=tell)
    from desktop_llm.verbs.looping import Looping

    return Looping(project, folder)
