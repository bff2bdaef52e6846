"""What is learned from, as plain frozen values; each knows the file and the line it came from.

Refuses to know of tokens: `tokenised.py` makes those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """

    messages: tuple[Message, ...]
    origin: Origin
    learned: tuple[bool, ...] | None = None
    tools: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Two answers to one prompt, of which one is preferred."""

    prompt: tuple[Message, ...]
    chosen: Message
    rejected: Message
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer with a thumb up or down."""

    prompt: tuple[Message, ...]
    answer: Message
    good: bool
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A task whose answer can be verified; `answer` is the result alone."""

    prompt: tuple[Message, ...]
    answer: str
    origin: Origin


Example = Text | Chat | Preference | Judged | Problem


def words_of(example: Example) -> str:
    """Everything that an example says, as one text: what filters and duplicates look at."""
    match example:
        case Text(text=text):
            return text
        case Chat(messages=messages):
            parts = [f"{m.role}: {_said(m)}" for m in messages]
        case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
            parts = [*(_said(m) for m in prompt), _said(chosen), _said(rejected)]
        case Judged(prompt=prompt, answer=answer, good=good):
            parts = [*(_said(m) for m in prompt), _said(answer), str(good)]
        case Problem(prompt=prompt, answer=result):
            parts = [*(_said(m) for m in prompt), result]
    return "\n".join(parts)


def _said(message: Message) -> str:
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join([message.content, *calls]) if calls else message.content
