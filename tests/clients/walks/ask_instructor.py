"""instructor: every mode that it has for OpenAI, whole and as it streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import instructor
import openai
from checks import QUESTION, check, run_all
from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException
from instructor.mode import Mode
from pydantic import BaseModel

SAID = [{"role": "user", "content": QUESTION}]
DEFAULTS: Any = {"model": "gpt-5", "max_retries": 1}
UNBOUND = (Mode.JSON, Mode.JSON_O1, Mode.MD_JSON, Mode.PARALLEL_TOOLS)
"""No schema binds the model, or it is free to call no tool.  One so small may miss what it is told
in words: then the answer came all the same, and it is this client that refuses it.  What binds it
needs no settings; here an answer that nothing ends has to be short."""


class Weather(BaseModel):
    rainy: bool


def asked(mode: Mode) -> None:
    client = instructor.from_openai(openai.OpenAI(), mode=mode)
    kind: Any = Iterable[Weather] if mode is Mode.PARALLEL_TOOLS else Weather
    settings = {"temperature": 0, "max_tokens": 60} if mode in UNBOUND else {}
    try:
        answer = client.chat.completions.create(
            messages=SAID, response_model=kind, **DEFAULTS, **settings
        )
    except (InstructorRetryException, IncompleteOutputException) as error:
        if mode not in UNBOUND or error.last_completion is None:
            raise
        return
    if mode is Mode.PARALLEL_TOOLS:
        answer = next(iter(answer))
    assert isinstance(answer, Weather)


@check("instructor functions")
def _() -> None:
    asked(Mode.FUNCTIONS)


@check("instructor tools")
def _() -> None:
    asked(Mode.TOOLS)


@check("instructor tools, strict")
def _() -> None:
    asked(Mode.TOOLS_STRICT)


@check("instructor tools in parallel")
def _() -> None:
    asked(Mode.PARALLEL_TOOLS)


@check("instructor JSON")
def _() -> None:
    asked(Mode.JSON)


@check("instructor JSON for reasoning models")
def _() -> None:
    asked(Mode.JSON_O1)


@check("instructor JSON in Markdown")
def _() -> None:
    asked(Mode.MD_JSON)


@check("instructor JSON by a schema")
def _() -> None:
    asked(Mode.JSON_SCHEMA)


@check("instructor responses")
def _() -> None:
    asked(Mode.RESPONSES_TOOLS)


@check("instructor responses with tools of the server")
def _() -> None:
    asked(Mode.RESPONSES_TOOLS_WITH_INBUILT_TOOLS)


@check("instructor, a provider's name")
def _() -> None:
    client: Any = instructor.from_provider("openai/gpt-5-mini")
    answer = client.chat.completions.create(messages=SAID, response_model=Weather)
    assert isinstance(answer, Weather)


@check("instructor, stream of a part")
def _() -> None:
    client: Any = instructor.from_openai(openai.OpenAI(), mode=Mode.TOOLS_STRICT)
    parts = client.chat.completions.create_partial(
        model="gpt-5", messages=SAID, response_model=Weather
    )
    assert isinstance(list(parts)[-1].rainy, bool)


run_all()
