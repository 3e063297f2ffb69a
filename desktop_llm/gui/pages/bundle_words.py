"""What there is to say about a bundle: what it is, why it cannot be taken, what it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.snapshot_facts import day_and_time
from desktop_llm.tasks import TASKS

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.bundles import Head, Taken


class BundleWords(QObject):
    """The sentences, in the language of the window."""

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What is told of a bundle, by name."""
        return (
            ("file", self.tr("File")),
            ("from", self.tr("From")),
            ("at", self.tr("Written")),
            ("project", self.tr("Project")),
            ("holds", self.tr("Holds")),
        )

    def told(self, head: Head) -> dict[str, str]:
        """The facts, by name; that of the file is known before."""
        known = TASKS.get(head.task)
        kind = known.title if known is not None else head.task
        return {
            "from": head.labeler or self.tr("somebody without a name"),
            "at": day_and_time(head.at),
            "project": f"{head.project} · {kind}",
            "holds": self.tr("{rows:,} rows with {events:,} entries of their history").format(
                rows=head.rows, events=head.events
            ),
        }

    def why_not(self, head: Head, project: Project | None, *, new: bool) -> str:
        """Why it cannot be taken; '' when it can."""
        if head.task not in TASKS:
            return self.tr("Its kind of task, “{task}”, is not known here; take the newest desktop_llm.").format(
                task=head.task
            )
        if new:
            return ""
        if project is None:
            return self.tr("Open a project first, or open the bundle as a project of its own on All projects.")
        if project.read_only:
            return self.tr("This project can only be read now: {why}").format(why=project.holder)
        if head.task != project.task:
            return self.tr("It is of another kind than this project; open it as a project of its own on All projects.")
        return ""

    def note(self, head: Head, hub: Hub) -> str:
        """What one should know before."""
        notes = []
        if hub.project is not None and head.project != hub.project.name:
            notes.append(
                self.tr("It comes from the project “{theirs}”, and this one is “{ours}”.").format(
                    theirs=head.project, ours=hub.project.name
                )
            )
        if head.labeler == hub.settings.labeler:
            words = self.tr("It was sent under the name that you go by, too: what two people say cannot be told apart.")
            notes.append(words)
        return " ".join(notes)

    def came(self, taken: Taken) -> list[str]:
        """What it brought, a sentence each."""
        if not (taken.rows or taken.events or taken.turned or taken.guidelines):
            first = self.tr("Nothing in it was new.")
        else:
            first = self.tr("New rows: {rows:,} · new entries of the labels’ history: {events:,}").format(
                rows=taken.rows, events=taken.events
            )
        told = [first]
        if taken.turned:
            told.append(self.tr("Undone or done again there: {count:,}").format(count=taken.turned))
        if taken.guidelines:
            told.append(self.tr("New versions of the guideline: {count:,}").format(count=taken.guidelines))
        if taken.left:
            words = self.tr("About rows that lie in your bin, and left out: {count:,}")
            told.append(words.format(count=taken.left))
        if taken.unfit:
            words = self.tr("Labels left out, as their texts were changed here: {count:,}")
            told.append(words.format(count=taken.unfit))
        if taken.disputed:
            words = self.tr("{count:,} rows have two labels now and wait for a decision.")
            one = self.tr("One row has two labels now and waits for a decision.")
            told.append(one if taken.disputed == 1 else words.format(count=taken.disputed))
        return told
