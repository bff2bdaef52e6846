"""LlamaIndex: chat and responses under `gpt-5`, stream, tools, structured output."""

from __future__ import annotations

from typing import Any

from checks import QUESTION, check, run_all
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI, OpenAIResponses
from pydantic import BaseModel

NAMES = ("gpt-5", "gpt-4o-mini")


class Weather(BaseModel):
    """The weather of a town."""

    rainy: bool


def models(tokens: int = 8) -> list[Any]:
    return [
        *(OpenAI(model=name, max_tokens=tokens) for name in NAMES),
        *(OpenAIResponses(model=name, max_output_tokens=tokens) for name in NAMES),
    ]


@check("llama-index complete")
def _() -> None:
    for model in [*models(), OpenAI(model="gpt-3.5-turbo-instruct", max_tokens=8)]:
        assert model.complete(QUESTION).text


@check("llama-index chat and history")
def _() -> None:
    for model in models():
        said = [
            ChatMessage(role="system", content="Be brief."),
            ChatMessage(role="user", content=QUESTION),
        ]
        answer = model.chat(said).message
        assert answer.content
        more = model.chat([*said, answer, ChatMessage(role="user", content="And one more?")])
        assert more.message.role == "assistant"


@check("llama-index stream")
def _() -> None:
    for model in models():
        said = [ChatMessage(role="user", content=QUESTION)]
        assert "".join(each.delta or "" for each in model.stream_chat(said))


@check("llama-index structured")
def _() -> None:
    for model in models(100):
        assert isinstance(
            model.structured_predict(Weather, _template("Does it rain in {town}?"), town="Oslo"),
            Weather,
        )


@check("llama-index tools and their result")
def _() -> None:
    tool = FunctionTool.from_defaults(lambda rainy: str(rainy), "weather", fn_schema=Weather)
    for model in models(60):
        said = ChatMessage(role="user", content="Does it rain?")
        answer = model.chat_with_tools([tool], said, tool_required=True)
        calls = model.get_tool_calls_from_response(answer)
        assert isinstance(calls[0].tool_kwargs["rainy"], bool)
        result = ChatMessage(
            role="tool", content="It rains.", additional_kwargs={"tool_call_id": calls[0].tool_id}
        )
        assert model.chat([said, answer.message, result]).message.role == "assistant"


def _template(text: str) -> Any:
    from llama_index.core import PromptTemplate

    return PromptTemplate(text)


run_all()
