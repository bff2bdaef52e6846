"""How a family of models writes a function call, as data; and which way a chat template speaks.

A call is literal text around a name and a JSON object.  `engine/call_grammar.py` makes a token mask
of it, `call_parser.py` reads it back, so both know the same few strings and nothing else.  This
file refuses to guess: where a template's way of calling is unknown to us, the functions are
described in visible text of ours (`call_section.py`) and called in Hermes' way.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What the model may call.  parameters: a JSON schema of an object; None takes no arguments."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None

    @property
    def as_tool(self) -> dict[str, Any]:
        """As chat templates know it: OpenAI's shape."""
        described = {} if self.description is None else {"description": self.description}
        schema = self.parameters or {"type": "object", "properties": {}}
        return {
            "type": "function",
            "function": {"name": self.name, **described, "parameters": schema},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSyntax:
    """`opening lead CALL (between CALL)* closing`, where a CALL is
    `before_name NAME before_arguments OBJECT after_arguments`.

    opening: tells calls from text; text may stand in front of it, unless `instead_of_text`.
    between: None where the family makes one call in an answer.
    unlike_text: a regular expression of what text must not begin with, if `instead_of_text`.
    native: the chat template itself writes functions, calls and results.
    short_ids: ids of calls are nine letters and digits, which Mistral's templates insist on.
    """

    opening: str
    lead: str = ""
    before_name: str
    before_arguments: str
    after_arguments: str
    between: str | None
    closing: str = ""
    instead_of_text: bool = False
    unlike_text: str = ""
    native: bool = True
    short_ids: bool = False

    def new_id(self) -> str:
        if self.short_ids:
            return "".join(secrets.choice(ALPHANUMERIC) for _ in range(9))
        return f"call_{secrets.token_hex(12)}"


HERMES = CallSyntax(
    opening="<tool_call>",
    before_name='\n{"name": "',
    before_arguments='", "arguments": ',
    after_arguments="}\n</tool_call>",
    between="\n<tool_call>",
)
"""Qwen 2.5 and 3, Hermes."""

LLAMA = CallSyntax(
    opening='{"name": "',
    before_name="",
    before_arguments='", "parameters": ',
    after_arguments="}",
    between=None,
    instead_of_text=True,
    unlike_text=r'\s*\{\s*"name"',
)
"""Llama 3.1 to 3.3.  Its template refuses a history with two calls in one message."""

MISTRAL = CallSyntax(
    opening="[TOOL_CALLS]",
    lead=" [",
    before_name='{"name": "',
    before_arguments='", "arguments": ',
    after_arguments="}",
    between=", ",
    closing="]",
    short_ids=True,
)

MISTRAL_ARGS = CallSyntax(
    opening="[TOOL_CALLS]",
    before_name="",
    before_arguments="[ARGS]",
    after_arguments="",
    between="[TOOL_CALLS]",
    short_ids=True,
)
"""Mistral since 2025: no list around the calls, and a control token before the arguments."""

OURS = CallSyntax(
    opening=HERMES.opening,
    before_name=HERMES.before_name,
    before_arguments=HERMES.before_arguments,
    after_arguments=HERMES.after_arguments,
    between=HERMES.between,
    native=False,
)
"""For templates that know nothing of functions, or a way that we do not."""


def syntax_of(template: str | None, takes_tools: bool) -> CallSyntax:
    """The way of calling that a chat template's own words show."""
    if template is None or not takes_tools:
        return OURS
    if "[TOOL_CALLS]" in template:
        return MISTRAL_ARGS if "[ARGS]" in template else MISTRAL
    if "<tool_call>" in template and '"arguments"' in template and "<function=" not in template:
        return HERMES
    if '"parameters": ' in template and '{"name": ' in template:
        return LLAMA
    return OURS
