"""The application of a server: what may be asked of one model, described as OpenAPI."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.exceptions import HTTPException

from desktop_llm.jobs import prediction
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.serving import about as abouts
from desktop_llm.serving import page
from desktop_llm.serving.about import About
from desktop_llm.serving.batching import Ask, Batcher
from desktop_llm.serving.limits import Entrance, Guard, Limits, Refused, problem
from desktop_llm.serving.metrics import Metrics
from desktop_llm.serving.shapes import Answers, Asked, Chat, Completion
from desktop_llm.serving.writing import Pen, Reply, Row, Write, sampling_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model: what it says of itself, and how it is asked.

    `ask` for answers to rows, from `workers` threads at once, `write` where it writes; one of them is None. `talks`:
    its row is a conversation; `usual` is how it writes where nobody says otherwise.
    """

    about: About
    ask: Ask | None = None
    workers: int = 1
    write: Write | None = None
    talks: bool = False
    usual: Sampling = field(default_factory=Sampling)

    @property
    def name(self) -> str:
        """The model's."""
        return self.about.name

    @property
    def title(self) -> str:
        """What its task is called."""
        return self.about.title

    @property
    def fields(self) -> tuple[str, ...]:
        """Those of a row."""
        return self.about.fields


def build(served: Served, limits: Limits, entrance: Entrance, metrics: Metrics) -> Guard:
    """The application with its guard."""
    batcher = Batcher(served.ask, limits, metrics, served.workers) if served.ask is not None else None
    pen = Pen(served.write, limits, metrics) if served.write is not None else None

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if batcher is not None:
            batcher.start()
        yield
        if batcher is not None:
            await batcher.close()
        if pen is not None:
            await pen.close()

    # its own pages of documentation load scripts from elsewhere; ours needs nothing
    app = FastAPI(title=served.name, description=served.title, lifespan=life, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_common(app, metrics, served)
    if batcher is not None:
        _add_answers(app, served, batcher, limits)
    if pen is not None:
        _add_writing(app, served, pen, limits)
    schema = app.openapi()
    page_text = page.of(served, schema)

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    async def front() -> str:
        return page_text

    metrics.paths = {*schema["paths"], "/", "/openapi.json"}
    return Guard(app, limits, entrance, metrics)


def _add_errors(app: FastAPI) -> None:
    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        headers = {"retry-after": "1"} if error.status == 429 else None
        return JSONResponse(problem(error.message), status_code=error.status, headers=headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        if "json" not in request.headers.get("content-type", ""):
            return JSONResponse(problem("Send JSON, with the header Content-Type: application/json."), status_code=415)
        if first["type"] == "json_invalid":
            return JSONResponse(problem("What was sent is no JSON."), status_code=422)
        place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return JSONResponse(problem(f"{place}: {first['msg']}."), status_code=422)

    async def other(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        words = {404: "There is nothing under this address; / lists what there is."}
        return JSONResponse(problem(words.get(error.status_code, f"{error.detail}.")), status_code=error.status_code)

    async def defect(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(problem(f"The server met a defect ({type(error).__name__})."), status_code=500)

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)
    app.add_exception_handler(RecursionError, defect)


def _add_common(app: FastAPI, metrics: Metrics, served: Served) -> None:
    @app.get("/health", summary="Whether the server is there")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/model", summary="What its model is: task, fields, labels, and the SHA-256 of its weights")
    async def model() -> dict[str, Any]:
        return abouts.to_json(served.about)

    @app.get("/metrics", summary="What it has done, for Prometheus", response_class=PlainTextResponse)
    async def measured() -> str:
        return metrics.text()


def _add_answers(app: FastAPI, served: Served, batcher: Batcher, limits: Limits) -> None:
    @app.post("/predict", summary="Ask about one text or several", response_model=Answers)
    async def predict(asked: Asked) -> JSONResponse:
        rows = rows_of(asked, served.fields, limits)
        began = time.perf_counter()
        told = await batcher.submit(rows)
        spent = (time.perf_counter() - began) * 1000
        return JSONResponse({"predictions": [prediction.to_json(one) for one in told], "milliseconds": spent})


def rows_of(asked: Asked, fields: Sequence[str], limits: Limits) -> list[Row]:
    """The rows that are asked about. Raises Refused."""
    ways = [one for one in (asked.text, asked.texts, asked.rows) if one is not None]
    if len(ways) != 1:
        raise Refused(422, "Send one of “text”, “texts” and “rows”.")
    rows: list[Row] = list(asked.rows or ())
    if asked.rows is None:
        rows = [{fields[0]: text} for text in ([asked.text] if asked.text is not None else asked.texts or ())]
    if not rows:
        raise Refused(422, "There is nothing to ask about.")
    if len(rows) > limits.texts:
        raise Refused(413, f"{len(rows):,} texts are too many at once; send {limits.texts:,} at most.")
    for place, row in enumerate(rows, 1):
        lacking = [name for name in fields if not str(row.get(name, "")).strip()]
        if lacking:
            raise Refused(422, f"Row {place} has no “{lacking[0]}”, or an empty one.")
        check_text("".join(row.values()), limits)
    return rows


def check_text(text: str, limits: Limits) -> None:
    """Raise Refused for a text that no tokenizer should be given."""
    if len(text) > limits.text:
        raise Refused(413, f"A text has {len(text):,} characters; {limits.text:,} are read at most.")
    try:
        text.encode()
    except UnicodeEncodeError:  # half a pair of code units, which JSON can hold
        raise Refused(422, "A text has a character that is none; send it as UTF-8.") from None


def _add_writing(app: FastAPI, served: Served, pen: Pen, limits: Limits) -> None:
    column = served.fields[0]

    @app.get("/v1/models", summary="The one model there is")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": served.name, "object": "model", "owned_by": "desktop-llm"}]}

    @app.post("/v1/completions", summary="Go on from a text")
    async def completions(asked: Completion) -> Any:
        check_text(asked.prompt, limits)
        return await _written(pen, {column: asked.prompt}, asked, served.usual, Reply(served.name, chat=False))

    if not served.talks:
        return

    @app.post("/v1/chat/completions", summary="Answer a conversation")
    async def chat(asked: Chat) -> Any:
        if not asked.messages:
            raise Refused(422, "There is nothing to answer; send at least one message.")
        check_text("".join(one.content for one in asked.messages), limits)
        row = {column: json.dumps([one.model_dump() for one in asked.messages], ensure_ascii=False)}
        return await _written(pen, row, asked, served.usual, Reply(served.name, chat=True))


async def _written(pen: Pen, row: Mapping[str, Any], asked: Completion | Chat, usual: Sampling, reply: Reply) -> Any:
    pieces = pen.pieces(row, sampling_of(asked, usual))
    first = await anext(pieces)  # what is refused is refused before anything is said
    whole = _with_first(first, pieces)
    if asked.stream:
        return StreamingResponse(reply.events(whole), media_type="text/event-stream")
    try:
        return JSONResponse(await reply.whole(whole))
    finally:
        await pieces.aclose()


async def _with_first(first: Piece | Ending, rest: AsyncIterator[Piece | Ending]) -> AsyncIterator[Piece | Ending]:
    yield first
    if not isinstance(first, Ending):
        async for one in rest:
            yield one
