"""`llm`: prompts, a conversation, schemas, tools, and the default model that it would take."""

from __future__ import annotations

import json

import llm
from checks import QUESTION, check, run_all

NAMES = ("gpt-5", "gpt-4o-mini", "gpt-4.1")


def weather(rainy: bool) -> str:
    """The weather of a town."""
    return "It rains." if rainy else "The sun shines."


def limit(model: llm.Model) -> dict[str, int]:
    """The word that this model has for it."""
    names = ("max_tokens", "max_output_tokens", "max_completion_tokens")
    return {name: 24 for name in names if name in model.Options.model_fields}


@check("llm prompt")
def _() -> None:
    for name in NAMES:
        model = llm.get_model(name)
        assert model.prompt(QUESTION, system="Be brief.", stream=False, **limit(model)).text()


@check("llm, no model named")
def _() -> None:
    model = llm.get_model()
    assert model.prompt(QUESTION, **limit(model)).text()


@check("llm stream and conversation")
def _() -> None:
    for name in NAMES:
        model = llm.get_model(name)
        talk = model.conversation()
        assert "".join(talk.prompt(QUESTION, **limit(model)))
        assert talk.prompt("And one more?", **limit(model)).text() is not None


@check("llm schema")
def _() -> None:
    model = llm.get_model("gpt-5")
    answer = model.prompt(QUESTION, schema=llm.schema_dsl("rainy bool"), stream=False)
    assert isinstance(json.loads(answer.text())["rainy"], bool)


@check("llm tools")
def _() -> None:
    model = llm.get_model("gpt-5")
    answer = model.prompt("Does it rain?", tools=[weather], **limit(model))
    assert answer.text() is not None


@check("llm embeddings")
def _() -> None:
    assert len(llm.get_embedding_model("text-embedding-3-small").embed("a")) == 384


run_all()
