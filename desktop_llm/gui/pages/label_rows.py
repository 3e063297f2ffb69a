"""The rows that the Label page goes through: read by key from the project, a hundred at a time, more as one goes on."""

from __future__ import annotations

import json
from dataclasses import replace

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_view import FURTHER, LabelView
from desktop_llm.rows import Filter, Item, Order
from desktop_llm.widgets.queue_model import QueueModel

QUEUE = 100
MORE_AT = 20


class LabelRows:
    """Reads what `view` and `narrowed` choose into `model`. Reads by key are short, so they happen at once."""

    def __init__(self, hub: Hub, view: LabelView, model: QueueModel) -> None:
        """Nothing is read before `load`."""
        self._hub, self._view, self._model = hub, view, model
        self.narrowed = Filter()
        """What another page has asked for; which of those are shown is for the view to say."""

    def chosen(self) -> tuple[Filter, Order]:
        """Which rows, and in which order."""
        which, order = self._view.show_which, self._view.order
        if order == "doubted":
            which = "labeled"
        return replace(self.narrowed, show=which, labeler=self._hub.settings.labeler), order

    def load(self, *, first: int | None = None, kept: Item | None = None) -> Item | None:
        """Read the queue anew, from the row `first` on where its order allows that; the row to show.

        `kept` is under somebody's hands: it is the row to show even where it is in the queue no more.
        """
        project = self._hub.project
        if project is None:
            return None
        told, order = self.chosen()
        wanted = first if first is not None else (kept.id if kept is not None else None)
        after = wanted - 1 if wanted is not None and order == "file" else None
        rows = self._as_waiting(project.items.queue(told, order, after, QUEUE))
        if kept is not None and all(row.id != kept.id for row in rows):
            rows.insert(0, kept)  # whoever reads it is not to find another text under the next key
        self._model.reset(rows)
        return kept or (rows[0] if rows else None)

    def beside(self, item: Item, by: int) -> Item | None:
        """The next (1) or previous (-1) row, as it is now."""
        project = self._hub.project
        if project is None:
            return None
        found = self._model.neighbour(item.id, by)
        if found is None and by < 0:
            told, order = self.chosen()
            found = project.items.before(told, item.id) if order == "file" else None
            if found is not None:
                self._model.put_first(self._as_waiting([found])[0])
        return None if found is None else project.items.get(found.id)

    def put_first(self, item: Item) -> None:
        """A row that was undone or done again: ticked where it is done."""
        self._model.put_first(item if self._done(item.id) else self._as_waiting([item])[0])

    def page(self, after: int | None, limit: int) -> list[Item]:
        """At most `limit` rows after the row `after` (None: the first ones)."""
        project = self._hub.project
        told, order = self.chosen()
        return [] if project is None else project.items.queue(told, order, after, limit)

    def page_before(self, item: int, limit: int) -> list[Item]:
        """At most `limit` rows before the row `item`, where the order has such."""
        project = self._hub.project
        told, order = self.chosen()
        found: list[Item] = []
        while project is not None and order == "file" and len(found) < limit:
            one = project.items.before(told, found[0].id if found else item)
            if one is None:
                break
            found.insert(0, one)
        return found

    def fetch_more(self, item: Item) -> None:
        """Keep rows ready behind the one shown, so that a key press never waits for them."""
        project = self._hub.project
        if project is None or self._model.left_after(item.id) > MORE_AT:
            return
        told, order = self.chosen()
        self._model.extend(self._as_waiting(project.items.queue(told, order, self._model.last_id(), QUEUE)))

    def _done(self, item: int) -> bool:
        """Whether nobody waits for the labeler's word on a row of others any more."""
        project = self._hub.project
        if project is None:
            return False
        if self._view.show_which == "second":
            return project.people.own(item, self._hub.settings.labeler) is not None
        said = [json.dumps(one.value) for one in project.people.said(item) if one.value is not None]
        return len(set(said)) < 2

    def _as_waiting(self, rows: list[Item]) -> list[Item]:
        """What others said of rows is not what is done with them here: they are ticked once they are."""
        if self._view.show_which not in FURTHER:
            return rows
        return [replace(row, value=None, skipped=False) for row in rows]
