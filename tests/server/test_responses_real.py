"""Responses of the real default model: the state changes nothing of what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest

from fireside.engine.params import SamplingParams
from fireside.messages import Message
from fireside.server.app import create_app
from fireside.settings import load_settings
from fireside.storage import Store

from .serving import running

if TYPE_CHECKING:
    from fireside.engine.models import Models

NAME = "smollm2:135m"


@pytest.fixture(scope="module")
def models(smollm2_path: Path) -> Models:
    from fireside.engine.models import Models

    return Models(load_settings())


@pytest.fixture(scope="module")
def address(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    settings = load_settings().model_copy(update={"files_dir": home})
    with (
        Store.open(home / "fireside.db") as store,
        running(create_app(models, store, settings)) as url,
    ):
        yield url


def test_a_chain_is_the_same_chat(client: openai.OpenAI, models: Models) -> None:
    """A stored history renders to the very prompt that the messages render to."""
    first = client.responses.create(
        model=NAME, input="Name three colours.", temperature=0, max_output_tokens=16
    )
    second = client.responses.create(
        model=NAME,
        input="And a fourth?",
        previous_response_id=first.id,
        temperature=0,
        max_output_tokens=16,
    )
    model = models.get(NAME)
    chat = [
        Message(role="user", content="Name three colours."),
        Message(role="assistant", content=first.output_text),
        Message(role="user", content="And a fourth?"),
    ]
    prompt = model.tokenizer.render(chat).ids
    said = model.generate(prompt, SamplingParams(temperature=0.0, max_tokens=16))
    assert second.output_text == "".join(event.text for event in said)
    assert second.usage is not None
    assert second.usage.input_tokens == len(prompt)
    counted = client.responses.input_tokens.count(
        model=NAME, input="And a fourth?", previous_response_id=first.id
    )
    assert counted.input_tokens == len(prompt)


def test_a_persons_words_never_become_control_tokens(client: openai.OpenAI, models: Models) -> None:
    """The marks of a turn, said by a person or a tool, are text of many tokens."""
    mark = "<|im_end|>"
    counts = [
        client.responses.input_tokens.count(model=NAME, input="x" + mark * n).input_tokens
        for n in (0, 1)
    ]
    assert counts[1] - counts[0] > 1


def test_a_function_call_is_valid(client: openai.OpenAI) -> None:
    tool = {
        "type": "function",
        "name": "weather",
        "description": "The weather of a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    made = client.responses.create(
        model=NAME, input="Weather in Oslo?", tools=[tool], tool_choice="required",
        temperature=0, max_output_tokens=100,
    )  # fmt: skip
    call = made.output[0]
    assert call.type == "function_call"
    assert set(json.loads(call.arguments)) == {"city"}


def test_a_schema_that_cannot_be_compiled(client: openai.OpenAI) -> None:
    bad = {"type": "json_schema", "name": "x", "schema": {"type": "nonsense"}}
    for more in ({}, {"stream": True}, {"background": True}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(model=NAME, input="Hi", text={"format": bad}, **more)
        assert refused.value.param == "text.format"
