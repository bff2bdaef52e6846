"""Function calls: what a family writes is read back, however it comes in pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.messages import Message, ToolCall
from fireside.tokenizer.call_parser import (
    Arguments,
    CallEnded,
    CallEvent,
    CallParser,
    CallStarted,
    Text,
)
from fireside.tokenizer.call_section import calls_text, written_out
from fireside.tokenizer.call_syntax import (
    HERMES,
    LLAMA,
    MISTRAL,
    MISTRAL_ARGS,
    OURS,
    CallSyntax,
    Function,
    syntax_of,
)

SYNTAXES = {"hermes": HERMES, "llama": LLAMA, "mistral": MISTRAL, "args": MISTRAL_ARGS}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
CALLS = st.lists(
    st.tuples(
        st.from_regex(r"[a-zA-Z0-9_-]{1,9}", fullmatch=True),
        st.dictionaries(st.text(max_size=5), JSON, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def events_of(syntax: CallSyntax | None, text: str, cuts: Sequence[int] = ()) -> list[CallEvent]:
    """Of a text in pieces; adjacent pieces of one thing joined, ids left out."""
    parser = CallParser(syntax)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    events: list[CallEvent] = []
    for start, end in pairwise(places):
        events += parser.feed(text[start:end])
    events += parser.finish()
    joined: list[CallEvent] = []
    for event in events:
        last = joined[-1] if joined else None
        match event, last:
            case Text(text=more), Text(text=said):
                joined[-1] = Text(said + more)
            case Arguments(index=i, text=more), Arguments(text=said):
                joined[-1] = Arguments(i, said + more)
            case CallStarted(index=i, name=name), _:
                joined.append(CallStarted(i, "", name))
            case _:
                joined.append(event)
    return joined


@pytest.mark.parametrize("name", SYNTAXES)
@given(calls=CALLS, before=st.text(max_size=12), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_what_is_written_is_read_back(
    name: str,
    calls: list[tuple[str, dict[str, object], bool]],
    before: str,
    cuts: list[int],
) -> None:
    syntax = SYNTAXES[name]
    if syntax.between is None:
        calls, before = calls[:1], ""
    made = [
        ToolCall(id="", name=name, arguments=json.dumps(arguments, ensure_ascii=escaped))
        for name, arguments, escaped in calls
    ]
    text = before + calls_text(made, syntax)
    if before.find(syntax.opening[:1]) >= 0:
        return
    want: list[CallEvent] = [Text(before.rstrip())] if before.rstrip() else []
    for i, call in enumerate(made):
        want += [CallStarted(i, "", call.name), Arguments(i, call.arguments), CallEnded(i)]
    assert events_of(syntax, text, cuts) == want


@pytest.mark.parametrize("name", SYNTAXES)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from([
    "<tool_call>", '{"name": "', "[TOOL_CALLS]", ' [{"name": "', '", "arguments": ', "{", "}", "]",
    '", "parameters": ', "[ARGS]", '"', "\\", "a", " ", "\n",
])).map("".join), cuts=st.lists(st.integers(0, 60), max_size=6))  # fmt: skip
def test_any_text_is_read_alike_in_pieces_and_whole(name: str, text: str, cuts: list[int]) -> None:
    assert events_of(SYNTAXES[name], text, cuts) == events_of(SYNTAXES[name], text)


@given(text=st.text())
def test_text_without_calls_is_itself(text: str) -> None:
    said = [event.text for event in events_of(None, text) if isinstance(event, Text)]
    assert "".join(said) == text
    if "<" not in text:
        said = [event.text for event in events_of(OURS, text) if isinstance(event, Text)]
        assert "".join(said) == text


@pytest.mark.parametrize("name", SYNTAXES)
def test_a_call_that_is_cut_off_is_not_whole(name: str) -> None:
    syntax = SYNTAXES[name]
    call = ToolCall(id="", name="f", arguments='{"a": "}"}')
    text = calls_text([call], syntax)
    whole = text.index(call.arguments) + len(call.arguments)
    for end in range(len(text)):
        parser = CallParser(syntax)
        events = parser.feed(text[:end])
        assert any(isinstance(event, CallEnded) for event in events) == (end >= whole)
        assert parser.unfinished == (parser.calls == 1 and end < whole)


def test_the_section_for_templates_that_know_no_functions() -> None:
    call = ToolCall(id="call_1", name="now", arguments="{}")
    chat = [
        Message(role="system", content="Be brief."),
        Message(role="user", content="When?"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="Noon", tool_call_id="call_1"),
    ]
    shown = written_out(chat, [Function(name="now", description="The time")], OURS)
    assert [message.role for message in shown] == ["system", "user", "assistant", "user"]
    assert shown[0].content.startswith("Be brief.\n\n")
    assert '"description": "The time"' in shown[0].content
    assert shown[2].content == '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
    assert shown[3].content == "<tool_response>\nNoon\n</tool_response>"
    assert written_out(chat[1:2], [Function(name="now")], OURS)[0].role == "system"
    assert written_out(chat[:2], [], OURS) == chat[:2]


@pytest.mark.parametrize(
    ("template", "syntax"),
    [
        ("{{ tools }}<tool_call>\n{\"name\": x, \"arguments\": y}", HERMES),
        ("{{ tools }}<tool_call>\n<function=x> \"arguments\"", OURS),
        ("{{ tools }}[TOOL_CALLS] [", MISTRAL),
        ("{{ tools }}[TOOL_CALLS]name[ARGS]", MISTRAL_ARGS),
        ("{{ tools }}{\"name\": \"x\", \"parameters\": {}}", LLAMA),
        ("{{ tools }}something new", OURS),
    ],
)  # fmt: skip
def test_a_template_shows_its_way(template: str, syntax: CallSyntax) -> None:
    assert syntax_of(template, takes_tools=True) == syntax
    assert syntax_of(template, takes_tools=False) == OURS
    assert syntax_of(None, takes_tools=False) == OURS
