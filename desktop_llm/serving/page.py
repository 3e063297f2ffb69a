"""The front page of a server: what may be asked, with lines to copy; one file of HTML that loads nothing."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_llm.serving.app import Served

STYLE = """
:root { color-scheme: light dark; --line: #e3e6eb; --muted: #667085; --surface: #f6f7f9 }
@media (prefers-color-scheme: dark) { :root { --line: #2d323d; --muted: #98a1b2; --surface: #1b1e25 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 20px; margin-bottom: 0 } h2 { font-size: 15px; margin: 1.5rem 0 .25rem } p { margin: .25rem 0 }
.muted { color: var(--muted) }
pre { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: .75rem; overflow: auto }
"""


def of(served: Served, schema: Mapping[str, Any]) -> str:
    """The page for a served model; `schema` is its OpenAPI."""
    parts = []
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            body = example(served, path)
            line = curl("http://HOST:PORT", path, body)
            parts.append(
                f"<h2>{method.upper()} {html.escape(path)}</h2><p class=muted>{html.escape(told['summary'])}</p>"
                f"<pre>{html.escape(line)}</pre>"
            )
    name, title = html.escape(served.name), html.escape(served.title)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{name}</title><style>{STYLE}</style><h1>{name}</h1><p class=muted>{title}</p>"
        f"{''.join(parts)}<p class=muted>Described for programs in <a href=/openapi.json>/openapi.json</a>.</p></html>"
    )


def example(served: Served, path: str) -> dict[str, Any] | None:
    """A body to try; None where there is none."""
    if path == "/predict":
        if len(served.fields) == 1:
            return {"texts": ["your text", "another"]}
        return {"rows": [dict.fromkeys(served.fields, "your text")]}
    if path == "/v1/completions":
        return {"prompt": "your text", "max_tokens": 64}
    if path == "/v1/chat/completions":
        return {"messages": [{"role": "user", "content": "Hello"}], "stream": True}
    return None


def curl(address: str, path: str, body: Mapping[str, Any] | None, token: str = "") -> str:
    """A line that asks."""
    words = ["curl"]
    if token:
        words.append("-H " + shlex.quote(f"Authorization: Bearer {token}"))
    if body is not None:
        words += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}"]
    return " ".join([*words, address + path])
