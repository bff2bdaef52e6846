"""A tool: a function with a name, a schema, bounds, and what it needs before it may run.

    @tool(acts=True, consent="ask", floor="ask")
    def send_sms(context: ToolContext, to: Annotated[str, Field(description="...")]) -> Outcome:
        '''Send a text message.'''

The schema is made of the signature; other people's tools bring their own.  This file refuses to run
anything: `calls.py` does.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model

from fireside.errors import BadRequest
from fireside.storage import Store
from fireside.tokenizer.call_syntax import Function
from fireside.tools.config import ToolsConfig
from fireside.tools.outcome import Outcome
from fireside.tools.running import OURS, Consent

STRICTER: Final[dict[str, int]] = {"free": 0, "ask": 1, "never": 2}
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
SECONDS: Final = 10.0
BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a call may know of its turn.

    scope: the conversation's id; None where nothing is kept between turns.
    now: with a time zone; tools that speak of time take it from here and nowhere else.
    config: the persona's `[tools]`.  documents: ids of the vector stores that may be searched.
    store: None keeps what ran in this process's memory only.
    cancelled: set when nobody waits any more; a long call should look at it.
    """

    owner: str = ""
    scope: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    timezone: tzinfo = UTC
    call_id: str = ""
    config: ToolsConfig = field(default_factory=ToolsConfig)
    documents: Sequence[str] = ()
    store: Store | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def here(self) -> datetime:
        """Now, as the person's clock shows it."""
        return self.now.astimezone(self.timezone)

    def for_call(self, call_id: str) -> ToolContext:
        return replace(self, call_id=call_id, cancelled=threading.Event())


Question = Callable[[Mapping[str, Any], ToolContext], str]
Run = Callable[[Mapping[str, Any], ToolContext], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """
    parameters: JSON schema of an object.
    consent: what it needs before it runs; a configuration may choose another.
    floor: the least that a configuration can choose.
    acts: it changes the world, so it runs once for a call id, whatever happens in between.
    seconds, bytes: how long a call may take, and how much text the model gets of it.
    question: words the call for the person who is asked.
    source: where it comes from: `fireside`, or the name of an MCP server.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Run
    consent: Consent = "free"
    floor: Consent = "free"
    acts: bool = False
    seconds: float = SECONDS
    bytes: int = BYTES
    question: Question | None = None
    source: str = OURS

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadRequest(
                f"The tool {self.name[:64]!r}: a name is up to 64 letters, digits, _ and -."
            )
        if STRICTER[self.consent] < STRICTER[self.floor]:
            raise BadRequest(f"The tool {self.name}: consent is below its floor {self.floor!r}.")
        if self.parameters.get("type", "object") != "object":
            raise BadRequest(f"The tool {self.name}: its parameters are no schema of an object.")

    @property
    def function(self) -> Function:
        """As the engine's grammar and the chat template know it."""
        return Function(
            name=self.name, description=self.description, parameters=dict(self.parameters)
        )


def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    consent: Consent = "free",
    floor: Consent = "free",
    acts: bool = False,
    seconds: float = SECONDS,
    bytes: int = BYTES,  # noqa: A002  # as the tool has it
    question: Question | None = None,
) -> Callable[[Callable[..., Outcome]], Tool]:
    """A tool of a typed function whose first parameter is the context.  Its docstring's first line
    is what the model reads."""

    def made(function: Callable[..., Outcome]) -> Tool:
        hints = get_type_hints(function, include_extras=True)
        _, *listed = inspect.signature(function).parameters.values()
        fields: dict[str, Any] = {
            each.name: (hints[each.name], ... if each.default is each.empty else each.default)
            for each in listed
        }
        model = create_model(
            function.__name__, __config__=ConfigDict(extra="forbid", frozen=True), **fields
        )

        def run(arguments: Mapping[str, Any], context: ToolContext) -> Outcome:
            try:
                given = model.model_validate(dict(arguments))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"])) or "arguments"
                raise BadRequest(f"{where}: {first['msg']}.") from None
            return function(context, **{each: getattr(given, each) for each in fields})

        return Tool(
            name=name or function.__name__,
            description=description or (function.__doc__ or "").strip().split("\n")[0],
            parameters=_plainer(model.model_json_schema()),
            run=run,
            consent=consent,
            floor=floor,
            acts=acts,
            seconds=seconds,
            bytes=bytes,
            question=question,
        )

    return made


def _plainer(given: dict[str, Any]) -> dict[str, Any]:
    """Members that are not named are refused all the same: by the grammar, and by pydantic."""
    return {key: each for key, each in _schema(given).items() if key != "additionalProperties"}


def _schema(given: Any) -> Any:
    """Without pydantic's titles and null defaults: tokens that tell a model nothing."""
    if isinstance(given, list):
        return [_schema(each) for each in given]
    if not isinstance(given, dict):
        return given
    kept = {
        key: {name: _schema(each) for name, each in value.items()}
        if key in ("properties", "$defs")
        else _schema(value)
        for key, value in given.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }
    options = kept.get("anyOf")  # `X | None`: a member that may be left out is plainer
    if isinstance(options, list) and len(options) == 2 and {"type": "null"} in options:
        del kept["anyOf"]
        kept = {**next(each for each in options if each != {"type": "null"}), **kept}
    return kept
