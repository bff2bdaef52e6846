"""What is learned from, as plain frozen values; each knows the file and the line it came from.

Refuses to know of tokens: `tokenised.py` makes those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fireside.messages import Message

Kind = Literal["text", "chat", "preference", "judged", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an example stands; `line` counts from 1 (in Parquet and streams: the row)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document, or a part of one that is too long to be held whole.

    part: 0 for the first part; the others go on with the same document.
    """

    text: str
    origin: Origin
    part: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A conversation to learn from.

    learned: per message whether to learn it (OpenAI's `weight`); None: every assistant's message.
    tools: function schemas, as in OpenAI's `tools`.
    variables: what the chat template is told besides, e.g. {"enable_thinking": False}.
    """

    messages: tuple[Message, ...]
    origin: Origin
    learned: tuple[bool, ...] | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Two answers to one prompt, of which one is preferred; tools, variables: as a chat's."""

    prompt: tuple[Message, ...]
    chosen: Message
    rejected: Message
    origin: Origin
    tools: tuple[Mapping[str, object], ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer with a thumb up or down; tools, variables: as a chat's."""

    prompt: tuple[Message, ...]
    answer: Message
    good: bool
    origin: Origin
    tools: tuple[Mapping[str, object], ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A task whose answer can be verified; `answer` is the result alone."""

    prompt: tuple[Message, ...]
    answer: str
    origin: Origin
    variables: Mapping[str, object] = field(default_factory=dict)


Example = Text | Chat | Preference | Judged | Problem


def words_of(example: Example) -> str:
    """Everything that an example says, as one text: what filters and duplicates look at."""
    match example:
        case Text(text=text):
            return text
        case Chat(messages=messages, learned=learned):
            flags = learned or (True,) * len(messages)
            parts = [
                f"{m.role}{'' if flag or m.role != 'assistant' else ' (not learned)'}: {_words(m)}"
                for m, flag in zip(messages, flags, strict=True)
            ]
        case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
            parts = [*(_words(m) for m in prompt), _words(chosen), _words(rejected)]
        case Judged(prompt=prompt, answer=answer, good=good):
            parts = [*(_words(m) for m in prompt), _words(answer), str(good)]
        case Problem(prompt=prompt, answer=result):
            parts = [*(_words(m) for m in prompt), result]
    beside = [] if isinstance(example, Problem) else list(example.tools)
    if example.variables:
        beside.append(example.variables)
    parts += [json.dumps(one, ensure_ascii=False, default=str) for one in beside]
    return "\n".join(parts)


def _words(message: Message) -> str:
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    thought = [message.reasoning] if message.reasoning else []
    return "\n".join([*thought, message.content, *calls])
