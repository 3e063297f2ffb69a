"""HTML becomes text, what only looks like it stays; broken encodings are mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.cleaning.markup import Html, Mojibake
from desktop_llm.data.cleaning.step import TextStep

TAGS = ["<b>", "</p>", "<br/>", "b>", "<", ">", "<a", 'href="', '"', "<!--", "-->", "<script>", "</script>"]
SIGNS = ["&lt;", "&gt;", "&amp;", "lt;", "&", "#60;", "&#98;", "&nbsp;", "&copy", ";", "i", " ", "\n", "Ã©", "â€™", "é"]
PIECES = st.lists(st.sampled_from([*TAGS, *SIGNS]), max_size=14).map("".join)


@pytest.mark.parametrize("step", [Html(), Html(escaped=True), Mojibake()], ids=repr)
@given(text=PIECES | st.text(max_size=40))
def test_a_second_time_changes_nothing(step: TextStep, text: str) -> None:
    once = step.clean(text)
    assert step.clean(once) == once


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<p>One</p><p>Two &amp; three</p>", "\nOne\n\nTwo & three\n"),
        ('<a href="https://example.org/?a=1&amp;b=2">here</a>', "here"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("x<script type='text/javascript'>if (a < b) {}</script>y", "xy"),
        ("before<!-- a\ncomment -->after", "beforeafter"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "\n\n 1  2 \n\n"),
        ("caf&eacute; &#8364;5 &#x4f60;", "café €5 你"),
        ("AT&amp;T &lt; 5 &amp;&amp; x &gt; 3", "AT&T < 5 && x > 3"),
        ("&nbsp;", "\u00a0"),
    ],
)
def test_html_becomes_text(text: str, clean: str) -> None:
    assert Html().clean(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "x < y and y > z",
        "if a<b and c>d",
        "I <3 you",
        "Dear <name>, your <order_id>",
        "List<String> of <T>",
        "AT&T, R&D; fish & chips",
        "write &lt;b&gt;bold&lt;/b&gt; like this",
        "&amp;lt; is how to write &amp;amp;",
        "<user@example.org>",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Html().clean(text) == text


def test_texts_escaped_twice() -> None:
    assert Html(escaped=True).clean("&lt;b&gt;bold&lt;/b&gt; &amp;amp; more") == "bold & more"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("schÃ¶n", "schön"),
        ("itâ€™s", "it’s"),
        ("l’humanitÃ©", "l’humanité"),
        ("schön, it’s 你好 fine", "schön, it’s 你好 fine"),
        ("“quoted” ﬁ ＡＢＣ &amp;", "“quoted” ﬁ ＡＢＣ &amp;"),
    ],
)
def test_broken_encodings(text: str, clean: str) -> None:
    assert Mojibake().clean(text) == clean


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", ["<!--", "<a x='", "&lt;", "&#60;", "&amp;amp;", "<<b>", "<script>"])
def test_odd_texts_take_no_longer_than_others(part: str) -> None:
    once = Html().clean(part * 5000)
    assert Html().clean(once) == once
