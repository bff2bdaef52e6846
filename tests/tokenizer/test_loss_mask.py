"""What a model is to learn from a chat: the answers with their ends, and nothing of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.messages import Message
from fireside.tokenizer import Tokenizer

from .chats import CALL, TOOLS, assistant, from_template, system, tool, user


def learned(tokenizer: Tokenizer, chat: list[Message], **options: Any) -> list[str]:
    """The stretches that the loss mask covers, as text."""
    rendered = tokenizer.render(chat, add_generation_prompt=False, **options)
    assert len(rendered.loss_mask) == len(rendered.ids)
    stretches: list[list[int]] = []
    before = False
    for number, wanted in zip(rendered.ids, rendered.loss_mask, strict=True):
        if wanted and not before:
            stretches.append([])
        if wanted:
            stretches[-1].append(number)
        before = wanted
    return [tokenizer.decode(one, skip_special=False, at_start=False) for one in stretches]


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("chatml", "<|im_end|>"),
        ("qwen2_5", "<|im_end|>"),
        ("llama3_2", "<|eot_id|>"),
        ("gemma3", "<end_of_turn>"),
        ("mistral", "</s>"),
    ],
)
def test_the_answers_and_their_ends_are_learned(
    name: str, end: str, pair: Callable[[str], tuple[Tokenizer, Any]]
) -> None:
    tokenizer, _ = pair(name)
    chat = [user("Question one"), assistant("Answer two"), user("Three?"), assistant("Four 你好")]
    got = [text.lstrip() for text in learned(tokenizer, chat)]
    assert got == ["Answer two" + end, "Four 你好" + end]


def test_thoughts_and_calls_are_learned_with_what_holds_them(
    pair: Callable[[str], tuple[Tokenizer, Any]],
) -> None:
    tokenizer, _ = pair("qwen3")
    chat = [user("Q"), assistant("<think>\nhm\n</think>\n\nso")]
    assert learned(tokenizer, chat) == ["<think>\nhm\n</think>\n\nso<|im_end|>"]
    chat = [user("Q"), assistant("", CALL), tool("3"), assistant("It is 3.")]
    call, answer = learned(tokenizer, chat, tools=TOOLS)
    assert call.startswith('<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich')
    assert call.endswith("}\n</tool_call><|im_end|>")
    assert answer.endswith("It is 3.<|im_end|>")


def test_nothing_is_learned_from_others(pair: Callable[[str], tuple[Tokenizer, Any]]) -> None:
    tokenizer, _ = pair("chatml")
    assert learned(tokenizer, [system("S"), user("Q")]) == []
    assert learned(tokenizer, [user("Q"), assistant(""), user("R")]) == []
    whole = tokenizer.render([user("Q"), assistant("A")])
    assert not whole.loss_mask[-1]


def test_a_template_may_say_what_is_learned(family_folder: Callable[[str], Path]) -> None:
    source = (
        "{% for m in messages %}<|im_start|>{{ m.role }}:\n{% if m.role == 'assistant' %}"
        "{% generation %}{{ m.content }}<|im_end|>!{% endgeneration %}{% else %}{{ m.content }}"
        "{% endif %}{% endfor %}"
    )
    tokenizer = from_template(Tokenizer.from_folder(family_folder("chatml")), source)
    assert learned(tokenizer, [user("Q"), assistant("A"), user("R"), assistant("B")]) == [
        "A<|im_end|>!",
        "B<|im_end|>!",
    ]


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6))
@settings(deadline=None, max_examples=40)
def test_the_mask_covers_every_answer_and_no_question(
    pair: Callable[[str], tuple[Tokenizer, Any]], texts: list[str]
) -> None:
    tokenizer, _ = pair("chatml")
    chat = [
        user("Q" + text) if i % 2 == 0 else assistant("A" + text) for i, text in enumerate(texts)
    ]
    answers = [message.content for message in chat if message.role == "assistant"]
    assert learned(tokenizer, chat) == [answer + "<|im_end|>" for answer in answers]
