"""Where a caret goes: by character, word, line and page, in lines from left to right and from right to left."""

from __future__ import annotations

from desktop_llm.widgets.span_layout import SpanLayout

ONWARD = ("right", "word_right", "down", "line_end", "page_down", "text_end")
PAGE = 0.8
"""How much of what is seen a page moves."""


def is_forward(layout: SpanLayout, place: int, how: str) -> bool:
    """Whether left or right goes forward from a place; in paragraphs that run from right to left, left does."""
    layout.lay_to(place)
    return how.endswith("right") != layout.lines[layout.index(place)].rtl


def target(layout: SpanLayout, page: int, how: str, place: int) -> int:
    """The place to which a movement leads; `page` is how many pixels are seen."""
    layout.lay_to(place)
    text, line = layout.text, layout.lines[layout.index(place)]
    if how in ("left", "right"):
        found = text.character(place, forward=is_forward(layout, place, how))
    elif how in ("word_left", "word_right"):
        found = text.word(place, forward=is_forward(layout, place, how))
    elif how == "line_start":
        found = line.start
    elif how == "line_end":
        found = _line_end(layout, line.end)
    elif how in ("text_start", "text_end"):
        found = 0 if how == "text_start" else text.size
    else:
        down = {
            "up": -1.0,
            "down": layout.height_of(line) + 1.0,
            "page_up": -PAGE * page,
            "page_down": PAGE * page,
        }
        found = _beside(layout, place, down[how])
    return text.border(found, forward=False)


def _line_end(layout: SpanLayout, end: int) -> int:
    """Behind the last character of a line, which, where the line was broken, is before the white space there."""
    if end == layout.text.size or layout.text.piece(end, end + 1) == "\n":
        return end
    return layout.text.character(end, forward=False)


def _beside(layout: SpanLayout, place: int, down: float) -> int:
    box = layout.caret(place)
    y = max(0.0, box.top() + down)
    layout.lay_to(0, y + 1.0)
    if box.top() + down < 0.0 and box.top() < 1.0:
        return 0
    last = layout.lines[-1]
    if layout.whole and y > last.top + layout.height_of(last):
        return layout.text.size
    return layout.place_at(box.left(), y)
