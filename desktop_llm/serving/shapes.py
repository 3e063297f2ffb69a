"""The requests of a server, as its OpenAPI page describes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Asked(BaseModel):
    """One of `text`, `texts` and `rows`; a row has the fields that the model's task names."""

    model_config = ConfigDict(extra="forbid")
    text: str | None = Field(None, description="one text")
    texts: list[str] | None = Field(None, description="several texts")
    rows: list[dict[str, str]] | None = Field(None, description="rows with all fields of the task")


class Answer(BaseModel):
    """What the model says of a row; `label` as the task has it."""

    label: Any
    probability: float
    uncertainty: float
    top: list[tuple[str, float]] = []


class Answers(BaseModel):
    """In the order of what was asked."""

    predictions: list[Answer]
    milliseconds: float


class Completion(BaseModel):
    """As OpenAI's: a text to go on from. Other fields of OpenAI's are passed over."""

    model: str = ""
    prompt: str
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool = False


class Said(BaseModel):
    """A message of a conversation."""

    role: str
    content: str


class Chat(BaseModel):
    """As OpenAI's: a conversation to be answered. Other fields of OpenAI's are passed over."""

    model: str = ""
    messages: list[Said]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool = False
