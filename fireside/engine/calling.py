"""Function calling for every endpoint that has it: what may be called, and what an answer calls.

    calling = calling_for(tokenizer, functions, choice, parallel=True, shape=constraint)
    prompt = calling.render(tokenizer, messages).ids
    params = replace(params, constraint=calling.constraint, shown_ids=calling.shown_ids)
    parser = calling.parser()                  # one for each choice of the answer
    parser.feed(text) -> Text | CallStarted | Arguments | CallEnded ...; parser.finish()
    finish = finished(reason, parser)

Arguments always parse and validate, because a token mask holds them to their schema, `strict` or
not.  A call that was cut off is never called done.  This file refuses to run functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fireside.engine.call_grammar import call_grammar, shown_controls
from fireside.engine.params import Constraint
from fireside.engine.tame import is_tame, tame_schema
from fireside.errors import BadRequest, Unsupported
from fireside.messages import Message
from fireside.tokenizer.call_parser import (
    Arguments,
    CallEnded,
    CallEvent,
    CallParser,
    CallStarted,
    Text,
)
from fireside.tokenizer.call_section import as_served
from fireside.tokenizer.call_syntax import CallSyntax, Function

if TYPE_CHECKING:
    from fireside.tokenizer.rendered import Rendered
    from fireside.tokenizer.tokenizer import Tokenizer

__all__ = [
    "Arguments", "CallEnded", "CallEvent", "CallParser", "CallStarted", "Calling", "Choice",
    "Function", "Text", "calling_for", "finished",
]  # fmt: skip

MAX_FUNCTIONS = 128
NAME = r"^[a-zA-Z0-9_-]{1,64}$"
Mode = Literal["none", "auto", "required"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """OpenAI's `tool_choice`.  names: the functions that may be called; None, all of them.

    A named function is `Choice(mode="required", names=(name,))`.
    """

    mode: Mode = "auto"
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """What one request may call.

    functions: those that the model may know.  callable: whether an answer may hold a call.
    described: they stand in the prompt; a model that was trained on them needs no description.
    constraint, shown_ids: for `SamplingParams`.
    """

    syntax: CallSyntax
    functions: tuple[Function, ...]
    callable: bool
    constraint: Constraint | None
    shown_ids: frozenset[int]
    described: bool = True

    def parser(self) -> CallParser:
        return CallParser(self.syntax if self.callable else None)

    def render(
        self, tokenizer: Tokenizer, messages: Sequence[Message], *, continue_final: bool = False
    ) -> Rendered:
        """The prompt: functions, calls and results as the model's family writes them.

        continue_final: as `Tokenizer.render` takes it.

        Raises:
            BadRequest: the model's template refuses these messages.
        """
        described = self.functions if self.described else ()
        served, tools = as_served(messages, described, self.syntax)
        return tokenizer.render(served, tools=tools, continue_final=continue_final)


def calling_for(
    tokenizer: Tokenizer,
    functions: Sequence[Function],
    choice: Choice | None = None,
    *,
    parallel: bool | None = None,
    shape: Constraint | None = None,
    described: bool = True,
) -> Calling:
    """
    parallel: whether an answer may hold more than one call; None leaves it to the model: a template
        that knows no tools is of a model that was never shown two calls, and repeats its first.
    shape: what an answer must match that is no call; the constraint of the result holds both.
    described: whether the functions stand in the prompt.

    Raises:
        BadRequest: a name twice or unknown, naming `tools` or `tool_choice`.
    """
    choice = choice or Choice()
    _check(functions, choice)
    syntax = tokenizer.call_syntax
    if not functions or choice.mode == "none":
        return Calling(
            syntax=syntax, functions=(), callable=False, constraint=shape, shown_ids=frozenset()
        )
    required = choice.mode == "required"
    allowed = [each for each in functions if choice.names is None or each.name in choice.names]
    grammar = call_grammar(
        allowed,
        syntax,
        controls=tokenizer.control_ids,
        ends=tokenizer.eos_ids,
        required=required,
        parallel=syntax.native if parallel is None else parallel,
        text_schema=None if required else _schema_of(shape, syntax),
    )
    return Calling(
        syntax=syntax,
        functions=tuple(functions),
        callable=True,
        constraint=Constraint(kind="lark", value=grammar, tame=_tame(allowed, shape)),
        shown_ids=shown_controls(syntax, tokenizer.control_ids),
        described=described,
    )


def finished(reason: str | None, parser: CallParser) -> str | None:
    """`tool_calls` where calls ended the answer and the last of them is whole."""
    if reason == "stop" and parser.calls and not parser.unfinished:
        return "tool_calls"
    return reason


def _check(functions: Sequence[Function], choice: Choice) -> None:
    if len(functions) > MAX_FUNCTIONS:
        raise BadRequest(f"tools holds more than {MAX_FUNCTIONS} functions.", param="tools")
    names = [each.name for each in functions]
    for i, function in enumerate(functions):
        if not re.fullmatch(NAME, function.name):
            raise BadRequest(
                f"tools[{i}]: a function's name is up to 64 letters, digits, _ and -.",
                param="tools",
            )
        if function.name in names[:i]:
            raise BadRequest(f"tools has two functions {function.name!r}.", param="tools")
        kind = (function.parameters or {}).get("type", "object")
        if kind != "object":
            raise BadRequest(
                f"tools[{i}]: the parameters of {function.name!r} must be a schema of type object.",
                param="tools",
                code="invalid_function_parameters",
            )
    if choice.mode == "required" and not functions:
        raise BadRequest(
            "tool_choice asks for a call, but there are no tools.", param="tool_choice"
        )
    for name in choice.names or ():
        if name not in names:
            raise BadRequest(f"tool_choice: there is no tool {name[:64]!r}.", param="tool_choice")
    if choice.names == () and choice.mode != "none":
        raise BadRequest("tool_choice allows no tool; use none.", param="tool_choice")


def _schema_of(shape: Constraint | None, syntax: CallSyntax) -> Any:
    if shape is None:
        return None
    if shape.kind != "json_schema":
        raise Unsupported(
            "Tools go with answers that are free or JSON; leave structured_outputs out.",
            param="structured_outputs",
        )
    if syntax.instead_of_text:
        raise Unsupported(
            "This model writes calls as bare JSON, so an answer in JSON cannot be told from one; "
            "send tools or a response format.",
            param="response_format",
        )
    return shape.value


def _tame(functions: Sequence[Function], shape: Constraint | None) -> bool:
    schemas = [each.parameters or {} for each in functions]
    return all(map(tame_schema, schemas)) and (shape is None or is_tame(shape))
