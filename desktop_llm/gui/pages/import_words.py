"""What an import is going to do, in words: from a plan to the sentences beside its preview."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_llm.data.form import TITLES
from desktop_llm.data.mapping import LABEL
from desktop_llm.data.shapes.shape import TITLES as SHAPES

if TYPE_CHECKING:
    from desktop_llm.data.column_kinds import Held
    from desktop_llm.verbs.importing import Plan
    from desktop_llm.verbs.naming import Fates
    from desktop_llm.verbs.recalling import Look

NAMED = 6
"""How many labels are named one by one."""


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def two_digits(number: float) -> int:
    """A number of which two digits mean something, and the others would only flicker."""
    whole = round(number)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return round(whole / step) * step


class ImportWords(QObject):
    """The sentences, in the language of the window."""

    def rows(self, plan: Plan) -> str:
        """How many rows can be taken of the file, as exactly as it is known."""
        if plan.whole:
            count = plan.seen - len(plan.rejected)
            return self.tr("1 row") if count == 1 else self.tr("{count:,} rows").format(count=count)
        return self.tr("about {count:,} rows").format(count=two_digits(plan.estimated_rows))

    def count(self, plan: Plan) -> str:
        """How many rows are read of the file, in short."""
        if plan.whole:
            return f"{plan.seen:,}"
        return self.tr("about {count:,}").format(count=two_digits(plan.estimated_rows))

    def about_file(self, plan: Plan) -> str:
        """Kind, columns and size in short."""
        kind = self.tr("table of text") if plan.form.kind == "csv" else TITLES[plan.form.kind]
        count = len(plan.columns)
        columns = self.tr("1 column") if count == 1 else self.tr("{count:,} columns").format(count=count)
        shape = [] if plan.form.shape is None else [SHAPES[plan.form.shape.name]]
        return " · ".join((kind, *shape, columns, size(plan.size_bytes)))

    def titles(self, plan: Plan, fields: Mapping[str, str]) -> list[str]:
        """The columns' names, each with the fields it fills."""
        fills: dict[str, list[str]] = {}
        for name, column in plan.mapping.items():
            fills.setdefault(column, []).append(fields.get(name, self.tr("Split")))
        return [f"{column} → {', '.join(fills[column])}" if column in fills else column for column in plan.columns]

    def origin(self, plan: Plan, told: Mapping[str, object], look: Look | None) -> str:
        """Where the choices come from, if they are not the guess."""
        if look is None or (not told and plan.mapping == look.guessed.mapping):
            return ""
        choices = look.choices
        if choices is None or (told, plan.mapping) != (choices.reading, choices.mapping):
            return self.changed()
        words = self.tr("Read and mapped like “{file}”") if told else self.tr("Mapped like “{file}”")
        return words.format(file=choices.source)

    def changed(self) -> str:
        """The choices are this person's own."""
        return self.tr("Changed by you")

    def holds(self, column: str, held: Held, plan: Plan) -> str:
        """What a column holds, in a few words; a “+” where the rows behind the first ones may hold more."""
        words = {
            "empty": self.tr("empty"),
            "yes_no": self.tr("yes or no"),
            "whole": self.tr("whole numbers"),
            "number": self.tr("numbers"),
            "date": self.tr("dates"),
            "list": self.tr("lists"),
            "record": self.tr("records"),
            "mixed": self.tr("mixed"),
            "category": self.tr("categories"),
            "text": self.tr("text"),
        }[held.kind]
        parts = [words]
        if held.kind == "category" or (held.kind == "whole" and held.repeats):
            looked_at = plan.seen - len(plan.rejected)
            different, cells = held.different, held.cells
            if column == plan.mapping.get(LABEL) and plan.label_values:
                different, cells = max(different, len(plan.label_values)), looked_at
            more = "" if plan.whole and cells == looked_at else "+"
            one = self.tr("1 value") if different == 1 and not more else self.tr("{count:,}{more} values")
            parts.append(one.format(count=different, more=more))
        if 0 < held.empty < held.cells:
            parts.append(self.tr("some empty"))
        return " · ".join(parts)

    def go(self, plan: Plan, *, only_labels: bool) -> str:
        """The words of the button that begins."""
        return self.tr("Take the labels") if only_labels else self.tr("Import {rows}").format(rows=self.rows(plan))

    def what_happens(
        self, plan: Plan, fates: Fates, *, split: str, only_labels: bool, has_labels: bool = True
    ) -> list[str]:
        """What the import will do, a sentence each; `fates` of its labels; `has_labels`: rows may have some."""
        beside = [] if only_labels else [*self._splits(plan, split), *self._others(plan)]
        met = fates.of(name for name, _ in plan.label_values)
        what_became = self.fates(met.merged, met.archived, done=False)
        labels = [self._labels(plan), *self._late(plan), *self._parted(plan), *what_became] if has_labels else []
        return [self._texts(plan, only_labels=only_labels), *labels, *beside, *self._rejected(plan)]

    def fates(self, merged: Mapping[str, str], archived: Iterable[str], *, done: bool) -> list[str]:
        """What becomes, or (`done`) became, of labels that were merged or are archived in the project."""
        told = []
        if merged:
            words = self.tr("Merged in this project: {named}; its rows have got the other label.")
            if not done:
                words = self.tr("Merged in this project: {named}; its rows get the other label.")
            told.append(words.format(named=self._some([f"“{old}” → “{new}”" for old, new in sorted(merged.items())])))
        names = sorted(archived)
        if names:
            words = self.tr("Archived in this project: {named}; its rows have got it. Edit labels offers it again.")
            if not done:
                words = self.tr("Archived in this project: {named}; its rows get it, but it is not offered for others.")
            told.append(words.format(named=self._some([f"“{name}”" for name in names])))
        return told

    def _some(self, names: Sequence[str]) -> str:
        named, more = ", ".join(names[:NAMED]), len(names) - NAMED
        return self.tr("{named} and {more:,} more").format(named=named, more=more) if more > 0 else named

    def _texts(self, plan: Plan, *, only_labels: bool) -> str:
        if only_labels:
            return self.tr("No new texts: labels are given to texts that are here and have none.")
        first = self.rows(plan)
        return self.tr("{rows} in the file; texts that are here already are not taken again.").format(
            rows=first[:1].upper() + first[1:]
        )

    def _labels(self, plan: Plan) -> str:
        if "label" not in plan.mapping:
            return self.tr("No column holds labels: all rows will wait for yours.")
        if not plan.label_values:
            if plan.whole:
                return self.tr("The label column is empty.")
            return self.tr("The label column is empty in the first {count:,} rows.").format(count=plan.seen)
        named = ", ".join(f"{name} ({count:,})" for name, count in plan.label_values[:NAMED])
        more = len(plan.label_values) - NAMED
        if more > 0:
            named = self.tr("{named} and {more:,} more").format(named=named, more=more)
        if plan.whole:
            return self.tr("Labels: {named}.").format(named=named)
        return self.tr("Labels in the first {count:,} rows: {named}.").format(count=plan.seen, named=named)

    def _late(self, plan: Plan) -> list[str]:
        if plan.mapping.get("label") not in plan.late:
            return []
        return [self.tr("The first rows have no label; later ones have.")]

    def _parted(self, plan: Plan) -> list[str]:
        if not plan.separator:
            return []
        return [self.tr("“{sign}” in a cell parts several labels.").format(sign=plan.separator)]

    def _splits(self, plan: Plan, split: str) -> list[str]:
        if split:
            words = {"train": self.tr("training"), "validation": self.tr("validation"), "test": self.tr("test")}[split]
            return [self.tr("All rows are for {split}.").format(split=words)]
        if "split" in plan.mapping:
            return [self.tr("The column “{column}” says which rows are for what.").format(column=plan.mapping["split"])]
        return []

    def _others(self, plan: Plan) -> list[str]:
        others = [column for column in plan.columns if column not in plan.mapping.values()]
        if not others:
            return []
        named, more = ", ".join(others[:NAMED]), len(others) - NAMED
        if more > 0:
            named = self.tr("{named} and {more:,} more").format(named=named, more=more)
        return [self.tr("Kept beside each text: {named}.").format(named=named)]

    def _rejected(self, plan: Plan) -> list[str]:
        if not plan.rejected:
            return []
        first = plan.rejected[0]
        if plan.whole:
            one = self.tr("One row cannot be read and is left out (line {line:,}: {reason}).")
            many = self.tr("{count:,} rows cannot be read and are left out (first line {line:,}: {reason}).")
        else:
            one = self.tr("One of the first rows cannot be read and is left out (line {line:,}: {reason}).")
            many = self.tr("{count:,} of the first rows cannot be read and are left out (line {line:,}: {reason}).")
        words = one if len(plan.rejected) == 1 else many
        return [words.format(count=len(plan.rejected), line=first.line, reason=first.reason)]
