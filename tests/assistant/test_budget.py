"""The budget's laws, over any conversation and any window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from fake_model import FakeModel
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.budget import Budget, Fit
from fireside.assistant.exchange import Exchange, Section
from fireside.assistant.history import history_of
from fireside.assistant.persona import DEFAULT
from fireside.assistant.prompt import messages_of, starts_of
from fireside.errors import BadRequest, ContextOverflow
from fireside.messages import Message, ToolCall
from fireside.storage import StoredMessage

conversations = st.lists(
    st.tuples(st.sampled_from(["user", "assistant"]), st.integers(0, 60)), max_size=20
).map(lambda said: [*said, ("user", 5)])


def stored(said: Sequence[tuple[str, int]]) -> list[StoredMessage]:
    return [
        StoredMessage(
            id=f"m{n}",
            conversation_id="c",
            parent_id=f"m{n - 1}" if n else None,
            role=role,  # type: ignore[arg-type]
            content="x" * length,
            created_at=0.0,
        )
        for n, (role, length) in enumerate(said)
    ]


def render(messages: Sequence[Message]) -> list[int]:
    return [ord(letter) for m in messages for letter in f"<{m.role}>{m.content}"]


def exchange_of(messages: Sequence[Message], system: str | None = None) -> Exchange:
    model: Any = FakeModel()
    return Exchange(
        owner="", persona=DEFAULT, model=model, history=messages[:-1], question=messages[-1],
        instructions=system, alternates=True,
    )  # fmt: skip


@given(
    said=conversations,
    window=st.integers(40, 900),
    system=st.sampled_from([None, "S" * 9]),
    drops=st.booleans(),
)
def test_what_fits_is_kept_and_what_is_kept_fits(
    said: list[tuple[str, int]], window: int, system: str | None, drops: bool
) -> None:
    messages = list(history_of(stored(said)).messages)
    exchange, budget = exchange_of(messages, system), Budget.of(window, None)

    def size(cut: int) -> int:
        return len(render(messages_of(exchange, kept_from=cut)))

    starts = starts_of(messages)
    try:
        cut = Fit(budget=budget, drops=drops).cut(starts, size, model="m")
    except ContextOverflow:
        # Only the last message may be too long, alone with what cannot be dropped.
        assert size(starts[-1] if starts and drops else 0) > budget.prompt
        return
    assert size(cut) <= budget.prompt
    if cut:
        assert drops
        assert messages[cut].role == "user"
        assert size(0) > budget.prompt


@given(said=conversations)
def test_a_prompt_alternates_and_loses_no_word(said: list[tuple[str, int]]) -> None:
    history = history_of(stored(said))
    assert len(history.ids) == len(history.messages)
    prompt = messages_of(exchange_of(history.messages, "S"))
    roles = [m.role for m in prompt]
    assert not any(a == b == "user" for a, b in pairwise(roles))
    assert sum(m.content.count("x") for m in prompt) == sum(n for _, n in said)


def test_the_cut_before_is_where_the_next_one_begins() -> None:
    fit = Fit(budget=Budget(window=100, reserve=0), least=4)
    assert fit.cut([2, 4, 6], lambda cut: 10, model="m") == 4
    assert fit.cut([2, 4, 6], lambda cut: 200 - 20 * cut, model="m") == 6


def test_another_ones_words_for_what_is_too_long() -> None:
    refusal = BadRequest("Too long for me.")
    fit = Fit(budget=Budget(window=9, reserve=0), drops=False, refusal=lambda tokens: refusal)
    with pytest.raises(BadRequest, match="for me"):
        fit.cut([1], lambda cut: 10, model="m")


def test_a_call_stays_with_its_output() -> None:
    call = ToolCall(id="c", name="f", arguments="{}")
    said = [
        Message(role="user", content="a"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="user", content="b"),
        Message(role="tool", content="out", tool_call_id="c"),
        Message(role="user", content="d"),
    ]
    assert starts_of(said) == [4]
    assert starts_of(said[:4]) == [1]


def test_an_answer_with_tools_is_told_as_it_went() -> None:
    ran = {"id": "c1", "name": "f", "arguments": '{"a": 1}', "output": "7", "at": 3}
    asks = [{"id": "c2", "name": "g", "arguments": "{}"}]
    path = [
        *stored([("user", 1)]),
        StoredMessage(
            id="a", conversation_id="c", parent_id="m0", role="assistant",
            content="Hm.\n\nSeven. Shall I?", created_at=0.0,
            receipt={"tools": [ran], "asks": asks},
        ),
        StoredMessage(
            id="b", conversation_id="c", parent_id="a", role="assistant", content="Done.",
            created_at=0.0,
            receipt={"tools": [
                {"id": "c2", "name": "g", "arguments": "{}", "error": "no.", "output": "",
                 "approval": "c2", "at": 0, "untrusted": True}
            ]},
        ),
    ]  # fmt: skip
    told = history_of(path)
    assert [(m.role, m.content, [c.name for c in m.tool_calls]) for m in told.messages] == [
        ("user", "x", []),
        ("assistant", "Hm.", ["f"]),
        ("tool", "7", []),
        ("assistant", "Seven. Shall I?", ["g"]),
        ("tool", "Error: no.", []),
        ("assistant", "Done.", []),
    ]
    assert told.untrusted
    assert [call.id for call in history_of(path[:2]).waiting] == ["c2"]


def test_sections_follow_the_instructions_in_one_system_message() -> None:
    exchange = exchange_of([Message(role="system", content="C"), Message(role="user", content="q")])
    exchange.instructions = "A"
    exchange.sections.append(Section(name="s", text="B", lasting=True))
    assert [(m.role, m.content) for m in messages_of(exchange)] == [
        ("system", "A\n\nB\n\nC"),
        ("user", "q"),
    ]


def test_what_changes_with_the_question_stands_in_front_of_it() -> None:
    """So that the prompt up to the question is the last turn's, and need not be read again."""
    said = [Message(role="user", content="p"), Message(role="assistant", content="r")]
    exchange = exchange_of([*said, Message(role="user", content="q")])
    exchange.sections.append(Section(name="memory", text="B"))
    exchange.sections.append(Section(name="summary", text="S", lasting=True))
    exchange.sections.append(Section(name="mood", text="C"))
    assert [(m.role, m.content) for m in messages_of(exchange)] == [
        ("system", "S"), ("user", "p"), ("assistant", "r"), ("user", "B\n\nC\n\nq"),
    ]  # fmt: skip
    assert exchange.question.content == "q"


@pytest.mark.parametrize(
    ("window", "max_tokens", "reserve"),
    [(8192, None, 1024), (2048, None, 512), (8192, 100, 100), (2048, 4000, 1024)],
)
def test_the_reserve_is_explicit(window: int, max_tokens: int | None, reserve: int) -> None:
    budget = Budget.of(window, max_tokens)
    assert (budget.reserve, budget.prompt) == (reserve, window - reserve)
