"""A record's meaning: which columns are the prompt, the answer, the messages.

"auto" goes by the columns' names, which the field has settled: OpenAI's `messages`, ShareGPT's
`conversations`, Alpaca's `instruction` and `output`, TRL's `prompt`, `chosen`, `rejected`.
Templates of the source come before all of them.  Refuses to guess: a record without what its
kind needs is broken, and the complaint lists the columns that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from fireside.data.chats import (
    Malformed,
    alpaca_prompt,
    messages_of,
    openai_chat,
    sharegpt_chat,
    spoken,
    unwrapped,
)
from fireside.data.examples import Chat, Example, Judged, Kind, Origin, Preference, Problem, Text
from fireside.data.records import Record
from fireside.data.source import Source
from fireside.data.templates import columns_in, fill
from fireside.messages import Message

TEXTS = ("text", "content")
PROMPTS = ("prompt", "question", "query")
ANSWERS = ("completion", "response", "answer", "output")
TURNS = ("conversations", "conversation", "turns", "dialog", "dialogue")
FINAL = "####"
"""What GSM8K puts before the result."""


def example_of(record: Record, kind: Kind, source: Source, origin: Origin) -> Example:
    """The example that a record is.

    Raises:
        Malformed: it is none of this kind.
    """
    return _MAKERS[kind](record, source, origin)


def wanted_columns(source: Source) -> frozenset[str]:
    """The columns that the source's templates name."""
    return columns_in(source.prompt or "") | columns_in(source.completion or "")


def _text(record: Record, source: Source, origin: Origin) -> Text:
    if source.prompt is not None:
        answer = _filled_answer(record, source) if source.completion is not None else ""
        return Text(text=fill(source.prompt, record) + answer, origin=origin)
    for name in TEXTS:
        if isinstance(record.get(name), str):
            return Text(text=str(record[name]), origin=origin)
    raise _missing(record, "text", "say what to read with a prompt template")


def _chat(record: Record, source: Source, origin: Origin) -> Chat:
    if source.prompt is not None:
        if source.completion is None:
            raise Malformed("the source has a prompt template and no completion template")
        prompt = (Message(role="user", content=fill(source.prompt, record)),)
        return _one_answer(prompt, _filled_answer(record, source), origin)
    form = source.format if source.format != "auto" else _form(record)
    if form == "openai":
        return openai_chat(record, origin)
    if form == "sharegpt":
        turns = next((name for name in TURNS if name in record), None)
        if turns is None:
            raise _missing(record, "conversations", "choose another format")
        return sharegpt_chat(record, turns, origin)
    if form == "alpaca":
        if "instruction" not in record:
            raise _missing(record, "instruction", "choose another format")
        return _one_answer(alpaca_prompt(record), _answer(record), origin)
    return _one_answer(_prompt(record), _answer(record), origin)


def _form(record: Record) -> str:
    if isinstance(record.get("messages"), list):
        return "openai"
    if any(isinstance(record.get(name), list) for name in TURNS):
        return "sharegpt"
    return "alpaca" if "instruction" in record else "pair"


def _preference(record: Record, source: Source, origin: Origin) -> Preference:
    if isinstance(record.get("input"), Mapping) and "preferred_output" in record:  # OpenAI's
        given = record["input"]
        assert isinstance(given, Mapping)
        prompt = messages_of(given.get("messages"), "input.messages")
        chosen = spoken(record["preferred_output"], "preferred_output")
        rejected = spoken(record.get("non_preferred_output"), "non_preferred_output")
    else:
        for name in ("chosen", "rejected"):
            if name not in record:
                raise _missing(record, name, "preferences are prompt, chosen and rejected")
        chosen, rejected = (spoken(record[name], name) for name in ("chosen", "rejected"))
        prompt = _prompt(record) if _has_prompt(record, source) else _shared(chosen, rejected)
        if source.prompt is not None:
            prompt = (Message(role="user", content=fill(source.prompt, record)),)
    if not prompt:
        raise Malformed("chosen and rejected begin differently: they answer no common prompt")
    if chosen[-1] == rejected[-1]:
        raise Malformed("chosen and rejected are the same")
    return Preference(prompt=prompt, chosen=chosen[-1], rejected=rejected[-1], origin=origin)


def _has_prompt(record: Record, source: Source) -> bool:
    return source.prompt is None and any(name in record for name in PROMPTS)


def _shared(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages before the last, where both have the same (Anthropic's and Zephyr's files)."""
    return chosen[:-1] if chosen[:-1] == rejected[:-1] else ()


def _judged(record: Record, source: Source, origin: Origin) -> Judged:
    mark = next((name for name in ("label", "good", "thumb") if name in record), None)
    if mark is None:
        raise _missing(record, "label", "judged answers are prompt, completion and label")
    good = _truth(record[mark], mark)
    if source.prompt is not None or "messages" not in record:
        chat = _chat(record, source, origin)
    else:
        chat = openai_chat(record, origin)
    *prompt, answer = chat.messages
    if answer.role != "assistant" or not prompt:
        raise Malformed("the last message is not an assistant's answer")
    return Judged(prompt=tuple(prompt), answer=answer, good=good, origin=origin)


def _truth(value: object, name: str) -> bool:
    known = {"true": True, "1": True, "up": True, "good": True}
    known |= {"false": False, "0": False, "down": False, "bad": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise Malformed(f"{name} is neither true nor false but {str(value)[:40]!r}")
    return found


def _problem(record: Record, source: Source, origin: Origin) -> Problem:
    if source.prompt is not None:
        prompt: tuple[Message, ...] = (Message(role="user", content=fill(source.prompt, record)),)
        if source.completion is None:
            raise Malformed("the source has a prompt template and no completion template")
        answer = _filled_answer(record, source)
    else:
        prompt = _prompt(record) if "messages" not in record else messages_of(record["messages"])
        answer = _answer_text(record)
    result = answer.rpartition(FINAL)[2].strip()
    if not result:
        raise Malformed("the answer is empty")
    return Problem(prompt=prompt, answer=result, origin=origin)


def _prompt(record: Record) -> tuple[Message, ...]:
    """The prompt: a text, or messages."""
    for name in PROMPTS:
        value = record.get(name)
        if isinstance(value, str):
            return (Message(role="user", content=unwrapped(value)),)
        if isinstance(value, list):
            return messages_of(value, name)
    if "instruction" in record:
        return alpaca_prompt(record)
    raise _missing(record, "prompt", "name the columns with prompt and completion templates")


def _answer(record: Record) -> str | tuple[Message, ...]:
    for name in ANSWERS:
        value = record.get(name)
        if isinstance(value, list):
            return spoken(value, name)
        if isinstance(value, str):
            return value
    raise _missing(record, "completion", "name the columns with prompt and completion templates")


def _answer_text(record: Record) -> str:
    for name in ("answer", "solution", *ANSWERS):
        value = record.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
    raise _missing(record, "answer", "name the columns with prompt and completion templates")


def _one_answer(
    prompt: tuple[Message, ...], answer: str | tuple[Message, ...], origin: Origin
) -> Chat:
    said = (Message(role="assistant", content=answer),) if isinstance(answer, str) else answer
    if not said[-1].content.strip() and not said[-1].tool_calls:
        raise Malformed("the answer is empty")
    if not prompt[-1].content.strip():
        raise Malformed("the prompt is empty")
    return Chat(messages=(*prompt, *said), origin=origin)


def _filled_answer(record: Record, source: Source) -> str:
    assert source.completion is not None
    return fill(source.completion, record, source.labels)


def _missing(record: Record, name: str, advice: str) -> Malformed:
    there = ", ".join(record) or "none"
    return Malformed(f"there is no column {name!r}, only {there[:200]}: {advice}")


_MAKERS: Mapping[Kind, Callable[[Record, Source, Origin], Example]] = {
    "text": _text,
    "chat": _chat,
    "preference": _preference,
    "judged": _judged,
    "problem": _problem,
}


def canonical(record: Record) -> bytes:
    """A record as bytes that say the same in every process: what a stream's hash is made of."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, default=str).encode()
