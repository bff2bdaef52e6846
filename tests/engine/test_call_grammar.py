"""The grammar of calls, in the real llguidance: what it lets through and what not."""

from __future__ import annotations

from typing import Literal

import pytest

from fireside.engine.call_grammar import call_grammar, shown_controls
from fireside.engine.guidance import Guide, Matcher
from fireside.engine.params import Constraint
from fireside.errors import BadSchema
from fireside.messages import ToolCall
from fireside.tokenizer.call_section import calls_text
from fireside.tokenizer.call_syntax import (
    HERMES,
    LLAMA,
    MISTRAL,
    MISTRAL_ARGS,
    CallSyntax,
    Function,
)

from .letters import BOS, EOS, Letters

SYNTAXES = {"hermes": HERMES, "llama": LLAMA, "mistral": MISTRAL, "args": MISTRAL_ARGS}
LETTERS = Letters()
GUIDE = Guide(LETTERS, LETTERS.vocab_size)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTIONS = [Function(name="weather", parameters=CITY), Function(name="now")]
How = Literal["whole", "open", "refused"]


def matcher_of(grammar: str) -> Matcher:
    return GUIDE._compile(Constraint(kind="lark", value=grammar), GUIDE._ready_tokenizer())


def taken(matcher: Matcher, ids: list[int] | str) -> How:
    """Whether the grammar takes this, and whether an answer may end there."""
    ids = LETTERS.encode(ids) if isinstance(ids, str) else ids
    if matcher._matcher.validate_tokens(ids) < len(ids):
        return "refused"
    walked = matcher.branch()
    for token_id in ids:
        walked.advance(token_id)
    return "whole" if walked._matcher.is_accepting() else "open"


def call(syntax: CallSyntax, *calls: tuple[str, str]) -> str:
    made = [ToolCall(id="", name=name, arguments=arguments) for name, arguments in calls]
    return calls_text(made, syntax)


@pytest.mark.parametrize("name", SYNTAXES)
@pytest.mark.parametrize("required", [False, True])
def test_what_passes(name: str, required: bool) -> None:
    syntax = SYNTAXES[name]
    grammar = call_grammar(
        FUNCTIONS, syntax, controls={}, ends=[], required=required, parallel=True
    )
    matcher = matcher_of(grammar)
    one = call(syntax, ("weather", '{"city": "B}"}'))
    two = call(syntax, ("weather", '{"city": ""}'), ("now", "{}"))
    assert taken(matcher, one) == "whole"
    assert taken(matcher, two) == ("refused" if syntax.between is None else "whole")
    assert taken(matcher, call(syntax, ("weather", '{"town": ""}'))) == "refused"
    assert taken(matcher, call(syntax, ("weather", '{"city": "", "x": 1}'))) == "refused"
    assert taken(matcher, call(syntax, ("weather", "{}"))) == "refused"
    assert taken(matcher, call(syntax, ("nosuch", "{}"))) == "refused"
    assert taken(matcher, one[: one.index("B")]) == "open"
    assert taken(matcher, one + "\nAnd now?") == "refused"
    free: How = "refused" if required else "whole"
    assert taken(matcher, "Hello <tool and [TOOL") == free
    assert taken(matcher, "Hello " + one) == free
    assert taken(matcher, '{"a": 1}') == free


def test_one_call_where_they_may_not_be_parallel() -> None:
    grammar = call_grammar(FUNCTIONS, HERMES, controls={}, ends=[], required=True, parallel=False)
    matcher = matcher_of(grammar)
    assert taken(matcher, call(HERMES, ("now", "{}"))) == "whole"
    assert taken(matcher, call(HERMES, ("now", "{}"), ("now", "{}"))) == "refused"


def test_calls_written_with_control_tokens() -> None:
    controls = {"<tool_call>": BOS, "<eos>": EOS}
    grammar = call_grammar(
        FUNCTIONS, HERMES, controls=controls, ends=[EOS], required=False, parallel=True
    )
    matcher = matcher_of(grammar)
    body = LETTERS.encode('\n{"name": "now", "arguments": {}}\n</tool_call>')
    assert taken(matcher, [BOS, *body]) == "whole"
    assert taken(matcher, [*LETTERS.encode("Well: "), BOS, *body]) == "whole"
    assert taken(matcher, [BOS, *LETTERS.encode("Hi")]) == "refused"
    assert taken(matcher, "<tool_call> is how they are written") == "whole"
    assert shown_controls(HERMES, controls) == {BOS}


def test_free_text_may_hold_the_control_tokens_that_it_could_before() -> None:
    grammar = call_grammar(
        FUNCTIONS, HERMES, controls={"<think>": BOS}, ends=[EOS], required=False, parallel=True
    )
    thought = [BOS, *LETTERS.encode("Hm."), BOS]
    assert taken(matcher_of(grammar), thought) == "whole"
    one = LETTERS.encode(call(HERMES, ("now", "{}")))
    assert taken(matcher_of(grammar), [*thought, *one]) == "whole"


@pytest.mark.parametrize("name", ["hermes", "mistral", "args"])
def test_text_that_must_be_json_beside_calls(name: str) -> None:
    syntax = SYNTAXES[name]
    grammar = call_grammar(
        FUNCTIONS,
        syntax,
        controls={},
        ends=[],
        required=False,
        parallel=True,
        text_schema={"type": "object", "properties": {"name": {"type": "boolean"}}},
    )
    matcher = matcher_of(grammar)
    assert taken(matcher, '{"name": true}') == "whole"
    assert taken(matcher, "Hello") == "refused"
    assert taken(matcher, call(syntax, ("now", "{}"))) == "whole"


def test_a_schema_that_cannot_be_compiled_is_refused() -> None:
    broken = Function(name="f", parameters={"type": "object", "properties": {"a": {"not": {}}}})
    grammar = call_grammar([broken], HERMES, controls={}, ends=[], required=False, parallel=True)
    with pytest.raises(BadSchema, match="not"):
        matcher_of(grammar)
