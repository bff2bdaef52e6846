"""The law of the renderer: ids of honest chats equal those of transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.messages import Message
from fireside.tokenizer import Tokenizer

from .chats import CHATS, TOOLS, as_transformers, assistant, from_template, user
from .conftest import FAMILIES
from .corpus import TEXTS


def expected(theirs: Any, messages: Sequence[Message], **options: Any) -> list[int] | Exception:
    import jinja2

    chat = as_transformers(messages)
    try:
        ids: list[int] = theirs.apply_chat_template(chat, return_dict=False, **options)
    except (jinja2.TemplateError, TypeError) as error:
        return error
    return ids


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("tools", [None, TOOLS], ids=["plain", "with tools"])
def test_ids_of_honest_chats_equal_those_of_transformers(
    name: str, tools: Any, pair: Callable[[str], tuple[Tokenizer, Any]]
) -> None:
    ours, theirs = pair(name)
    rendered = 0
    for label, chat in CHATS.items():
        if name == "mistral" and label == "pretends":
            continue  # its [INST] has no part in this
        for generate in (True, False):
            want = expected(theirs, chat, tools=tools, add_generation_prompt=generate)
            if isinstance(want, Exception):
                with pytest.raises(BadRequest):
                    ours.render(chat, tools=tools, add_generation_prompt=generate)
                continue
            got = ours.render(chat, tools=tools, add_generation_prompt=generate)
            assert ours.encode(got.text, special=True) == want, label
            # Only a person who spells the family's `<tool_response>` is read differently.
            assert (got.ids == want) != (label == "pretends" and name.startswith("qwen")), label
            rendered += 1
    assert rendered >= 6


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
@settings(deadline=None, max_examples=40)
def test_ids_equal_for_any_text_without_control_tokens(
    pair: Callable[[str], tuple[Tokenizer, Any]], texts: list[str]
) -> None:
    chat = [user(text) if i % 2 == 0 else assistant(text) for i, text in enumerate(texts)]
    for name in ("chatml", "qwen2_5", "llama3_2", "gemma3"):
        ours, theirs = pair(name)
        if not any(one in "".join(texts) for one in (ours.token_text(i) for i in ours.special_ids)):
            want = expected(theirs, chat, add_generation_prompt=True)
            assert ours.render(chat).ids == want


def test_the_default_model_renders_as_transformers_does(
    smollm2: Tokenizer, smollm2_metadata: dict[str, Any]
) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    source = smollm2_metadata["tokenizer.chat_template"]
    for chat in CHATS.values():
        plain = [{"role": m.role, "content": m.content} for m in chat]
        (want,), _ = render_jinja_template(
            [plain], chat_template=source, add_generation_prompt=True
        )
        got = smollm2.render(chat)
        assert got.text == want
        assert type(got.text) is str
        assert got.ids == smollm2.encode(want, special=True)
        assert smollm2.decode(got.ids, skip_special=False) == want


@pytest.mark.parametrize("name", ["chatml", "qwen2_5", "llama3_2", "gemma3"])
@pytest.mark.parametrize("text", ["The answer", "The answer is ", "a\n\nb"])
def test_going_on_with_the_last_message_equals_transformers(
    name: str, text: str, pair: Callable[[str], tuple[Tokenizer, Any]]
) -> None:
    ours, theirs = pair(name)
    chat = [user("Q"), assistant(text)]
    want = theirs.apply_chat_template(
        as_transformers(chat), continue_final_message=True, return_dict=False
    )
    assert ours.render(chat, continue_final=True).ids == want


def test_going_on_with_nothing_is_beginning(smollm2: Tokenizer) -> None:
    begun = smollm2.render([user("Q"), assistant("")], continue_final=True)
    assert begun.ids == smollm2.render([user("Q")]).ids


def test_a_model_without_a_template_says_so(smollm2: Tokenizer) -> None:
    for source in (None, ""):
        tokenizer = from_template(smollm2, source)
        assert not tokenizer.supports_tools
        with pytest.raises(BadRequest) as raised:
            tokenizer.render([user("Q")])
        assert (
            str(raised.value) == "This model has no chat template; use /v1/completions or give one."
        )


def test_a_template_says_what_it_wants(pair: Callable[[str], tuple[Tokenizer, Any]]) -> None:
    tokenizer, _ = pair("gemma3")
    with pytest.raises(BadRequest, match="Conversation roles must alternate"):
        tokenizer.render([user("a"), user("b")])
    with pytest.raises(BadRequest, match="at least one"):
        tokenizer.render([])


def test_tools_are_known_to_those_that_write_them(
    pair: Callable[[str], tuple[Tokenizer, Any]],
) -> None:
    assert {name for name in FAMILIES if pair(name)[0].supports_tools} == {
        "qwen2_5",
        "qwen3",
        "llama3_2",
        "mistral",
    }


def test_template_variables_reach_the_template(
    pair: Callable[[str], tuple[Tokenizer, Any]],
) -> None:
    ours, theirs = pair("qwen3")
    got = ours.render([user("Q")], variables={"enable_thinking": False})
    want = theirs.apply_chat_template(
        [{"role": "user", "content": "Q"}],
        add_generation_prompt=True,
        enable_thinking=False,
        return_dict=False,
    )
    assert got.ids == want
    assert got.text.endswith("<think>\n\n</think>\n\n")


def test_every_text_survives_the_template(smollm2: Tokenizer) -> None:
    for text in TEXTS:
        assert f"user\n{text}<|im_end|>" in smollm2.render([user(text)]).text
