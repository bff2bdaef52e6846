"""One exchange as it grows: what came in, what the steps found, what goes to the model, the answer.

Each step reads what it likes and writes only what its own docstring names.  A fresh one is made for
every turn; what lasts from turn to turn is in rows.  It refuses to do anything by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fireside.messages import Message, ToolCall

if TYPE_CHECKING:
    from fireside.assistant.persona import Persona
    from fireside.engine.text import TextModel, TokenInfo
    from fireside.tools.running import RunnableTool, ToolRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Text that a step adds to the prompt.  name: whose it is, for the receipt.

    lasting: it is the same for many turns, and stands in the system message; what changes with the
    question stands in front of it, so that the engine need not read the history again.
    """

    name: str
    text: str
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that the model is shown, under its number, and may cite as `[number]`."""

    number: int
    text: str
    file_id: str
    filename: str
    score: float
    page: int | None = None
    section: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Messages before the history, which were not even read: how many, the first if it is known,
    and the last."""

    messages: int = 0
    first_id: str | None = None
    last_id: str | None = None

    def as_receipt(self) -> dict[str, Any]:
        return asdict(self)


class Result(Protocol):
    """What a step found.  It never holds text that privacy has masked."""

    def as_receipt(self) -> Mapping[str, Any]: ...


class StreamFilter(Protocol):
    """Between the model and the reader.  What it has given back is shown and never taken back."""

    def feed(self, text: str) -> str: ...

    def finish(self) -> str:
        """What was held back; comes at the end of each round, and `feed` may follow it."""
        ...

    @property
    def over(self) -> bool:
        """Nothing more will be let through: the model is stopped."""
        ...


@dataclass(kw_only=True)
class Exchange:
    """
    scope: the conversation whose state is kept from turn to turn; None: nothing is kept.
    history, history_ids: what was said before the question, and the row or item of each ("" where
        there is none).
    question, question_id: what is answered; privacy may mask it.  The last message, whatever its
        role: after a function's output it is `tool`.
    answer_id: the row that the answer is written to, where it is a stored one.
    instructions: the caller's own, after the persona's.
    compacts: a summary may stand for old turns: on the page and in the terminal.
    alternates: what a person said in two goes is one message: of a stored chat.
    begun: what an earlier answer said, which this one goes on with; `answer` begins with it.
    guides: a person asks, who hears what the model does not know instead of an invention.
    anyway: the person wants the model to try what it is too small for.

    sections, sources, tools, filters: what steps add.
    shown: filters after those, on what its owner sees alone; what is stored stays as it was.
    reply: an answer that a step gives itself; the model is then not asked.
    calls: tools that a step calls itself, in the place of the model's first round.
    check_calls: what is said in the place of a round's calls, or None where they may run.
    says_results: what the tools give is the answer; the model is not asked to word it.
    knows_tools: the model was trained on these tools: they are not described to it, and it may
        call several at once.
    untrusted: text of documents, tools or the web stands in the prompt.
    max_tokens: a step may lower it.
    kept_from: how many messages of the history are left out (`budget`).
    unread: what came before the history; less what a summary stands for.
    last_summary: the row that stood for the oldest messages in this branch's last answer.
    summarised: how many messages of the history as it was read a section stands for (`compact`).

    answer, tokens, finish_reason: once the answer is over, for the steps after it.
    tool_runs: the tools that ran for this answer, or that the person declined.
    notices: what steps have to say below the answer; it is shown, and no part of the answer.
    results: what each step found, by its name.
    """

    owner: str
    persona: Persona
    model: TextModel
    question: Message
    question_id: str = ""
    answer_id: str = ""
    scope: str | None = None
    history: Sequence[Message] = ()
    history_ids: Sequence[str] = ()
    instructions: str | None = None
    compacts: bool = False
    alternates: bool = False
    begun: str = ""
    guides: bool = False
    anyway: bool = False

    sections: list[Section] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    tools: list[RunnableTool] = field(default_factory=list)
    filters: list[StreamFilter] = field(default_factory=list)
    shown: list[StreamFilter] = field(default_factory=list)
    reply: str | None = None
    calls: list[ToolCall] = field(default_factory=list)
    check_calls: Callable[[Sequence[ToolCall]], str | None] | None = None
    says_results: bool = False
    knows_tools: bool = False
    untrusted: bool = False
    max_tokens: int | None = None
    kept_from: int = 0
    unread: Unread = Unread()
    last_summary: str | None = None
    summarised: int = 0

    answer: str = ""
    tokens: list[TokenInfo] = field(default_factory=list)
    finish_reason: str | None = None
    tool_runs: list[ToolRun] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answer = self.begun

    @property
    def system(self) -> str | None:
        """The persona's instructions, the caller's, then the sections that last."""
        lasting = (each.text for each in self.sections if each.lasting)
        return _joined(self.persona.instructions, self.instructions, *lasting)

    @property
    def passing(self) -> str | None:
        """The sections of this turn alone."""
        return _joined(*(each.text for each in self.sections if not each.lasting))


def _joined(*parts: str | None) -> str | None:
    return "\n\n".join(part for part in parts if part) or None
