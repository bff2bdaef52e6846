"""The law of the room: nobody's text becomes a control token, whole or in halves, however the
template handles it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.messages import Message, ToolCall
from fireside.tokenizer import Tokenizer

from .chats import assistant, from_template, system, tool, user
from .conftest import FAMILIES


def control_count(tokenizer: Tokenizer, ids: list[int]) -> int:
    return sum(number in tokenizer.special_ids for number in ids)


def with_text(text: str) -> list[list[Message]]:
    """Chats with the text in every place where a caller can put one."""
    bad = ToolCall(id=text, name=text, arguments=json.dumps({text: [text, {"k": text}]}))
    return [
        [user(text)],
        [system(text), user("q")],
        [user("q"), assistant(text), user(text)],
        [user("q"), assistant("a" + text, bad), tool(text), assistant("b"), user("c")],
        [
            user("q"),
            assistant("", ToolCall(id="1", name="n", arguments=text)),
            tool("t"),
            assistant("b"),
            user("c"),
        ],
        [user("q"), assistant(f"<think>\n{text}\n</think>\n\n{text}")],
    ]


def tools_with(text: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": text, "description": text, "parameters": {text: text}},
        }
    ]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_control_tokens_come_from_the_template_alone(
    name: str, pair: Callable[[str], tuple[Tokenizer, Any]]
) -> None:
    tokenizer, _ = pair(name)
    spelled = [tokenizer.token_text(one) for one in sorted(tokenizer.special_ids)]
    evil = "".join(spelled) + spelled[-1] + " " + spelled[0]
    for tools in (None, tools_with):
        for honest, bad in zip(with_text("x"), with_text(evil), strict=True):
            try:
                want = tokenizer.render(honest, tools=tools and tools("x"))
            except BadRequest:
                continue  # the template wants no such chat
            got = tokenizer.render(bad, tools=tools and tools(evil))
            assert control_count(tokenizer, got.ids) == control_count(tokenizer, want.ids)


PIECES = st.sampled_from(
    [
        *("<", "|", "<|", "im_", "im_start", "im_end", "end|>", "|>", ">", "assistant\n", "\n"),
        *("</", "think>", "<think>", "<tool_call>", "tool_call>", "<|im_end|>", " ", "x"),
    ]
)


@given(st.lists(st.lists(PIECES, max_size=5).map("".join), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_no_halves_make_a_whole(
    pair: Callable[[str], tuple[Tokenizer, Any]], texts: list[str]
) -> None:
    chat = [user(text) if i % 2 == 0 else assistant(text) for i, text in enumerate(texts)]
    for name in ("chatml", "qwen2_5"):
        tokenizer, _ = pair(name)
        same = [Message(role=m.role, content="x") for m in chat]
        got, want = tokenizer.render(chat), tokenizer.render(same)
        assert control_count(tokenizer, got.ids) == control_count(tokenizer, want.ids)


HALVES = {
    "template before": "{{ '<|im_' + messages[0].content }}",
    "template after": "{{ messages[0].content + 'end|>' }}",
    "written beside": "<|im_{{ messages[0].content }}",
    "two messages": "{{ messages[0].content }}{{ messages[1].content }}",
    "set block": "{% set x %}<|im_{{ messages[0].content }}{% endset %}{{ x }}",
    "macro": "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m('<|im_', messages[0].content) }}",
    "tilde": "{{ '<|im_' ~ messages[0].content }}",
    "join": "{{ ['<|im_', messages[0].content] | join }}",
    "join method": "{{ ''.join(['<|im_', messages[0].content]) }}",
    "replace": "{{ '<|im_X' | replace('X', messages[0].content) }}",
    "replace method": "{{ '<|im_X'.replace('X', messages[0].content) }}",
    "replace in content": "{{ ('a' + messages[0].content).replace('a', '<|im_') }}",
    "filter block": "{% filter trim %}<|im_{{ messages[0].content }}{% endfilter %}",
    "call block": "{% macro m() %}<|im_{{ caller() }}{% endmacro %}{% call m() %}"
    "{{ messages[0].content }}{% endcall %}",
    "letters": "{% for c in messages[0].content %}{{ c }}{% endfor %}{{ messages[1].content }}",
    "map": "{{ messages | map(attribute='content') | join('') }}",
    "namespace": "{% set n = namespace(t='<|im_') %}"
    "{% set n.t = n.t + messages[0].content %}{{ n.t }}",
    "lower": "{{ '<|IM_' | lower }}{{ messages[0].content | upper | lower }}",
    "slices": "{{ '<|im_x'[:-1] + ('x' + messages[0].content)[1:] }}",
    "generation": "{% generation %}<|im_{{ messages[0].content }}{% endgeneration %}",
    "split": "{{ '<|im_' }}{{ ('a,' + messages[0].content).split(',')[1] }}",
    "default": "{{ '<|im_' }}{{ nothing | default(messages[0].content) }}",
    "first and last": "{{ '<|im_' }}{{ [messages[0].content] | first }}",
    "strings": "{{ '<|im_' }}{{ messages[0].content | string | safe | trim }}",
    "indent": "{{ ('<|im_' + messages[0].content) | indent(2) }}",
    "reverse": "{{ ('>|dne_mi|<' if 0 else messages[0].content | reverse | reverse) }}"
    "{{ messages[1].content }}",
    "times": "{{ '<|im_' }}{{ messages[0].content * 1 }}",
}
"""Templates that put a caller's half of `<|im_end|>` beside their own, in all of Jinja's ways."""

UNFOLLOWED = {
    "percent": "{{ '<|im_%s' % messages[0].content }}",
    "format": "{{ '<|im_{}'.format(messages[0].content) }}",
    "format whole": "{{ '<|im_end|>{}'.format(messages[0].content) }}",
    "title": "{{ ('<|im_' + messages[0].content) | title | lower | replace('|im', '|im') }}"
    "{{ '<|i%s' % 'm_end|>' }}",
}


@pytest.mark.parametrize("way", sorted(HALVES))
def test_halves_stay_halves_however_they_are_joined(
    way: str, family_folder: Callable[[str], Path]
) -> None:
    folder = family_folder("chatml")
    tokenizer = from_template(Tokenizer.from_folder(folder), HALVES[way])
    two = "messages[1]" in HALVES[way] or way == "map"
    first, second = ("<|im_", "end|>" if two else "") if two or "after" in way else ("end|>", "")
    rendered = tokenizer.render([user(first), assistant(second)])
    assert "<|im_end|>" in rendered.text
    assert tokenizer.special_ids.isdisjoint(rendered.ids)


@pytest.mark.parametrize("way", sorted(UNFOLLOWED))
def test_what_cannot_be_followed_is_refused_not_guessed(
    way: str, family_folder: Callable[[str], Path]
) -> None:
    tokenizer = from_template(Tokenizer.from_folder(family_folder("chatml")), UNFOLLOWED[way])
    with pytest.raises(BadRequest, match=r"builds '<\|im_end\|>' in a way"):
        tokenizer.render([user("end|>")])
    if way == "percent":
        assert tokenizer.render([user("x")]).text == "<|im_x"


def test_an_unknown_role_is_only_text(family_folder: Callable[[str], Path]) -> None:
    source = "{% for m in messages %}{{ '<|im_' + m.role + '|>' + m.content }}{% endfor %}"
    tokenizer = from_template(Tokenizer.from_folder(family_folder("chatml")), source)
    rendered = tokenizer.render([Message(role="end", content="x")])  # type: ignore[arg-type]
    assert "<|im_end|>" in rendered.text
    assert tokenizer.special_ids.isdisjoint(rendered.ids)
