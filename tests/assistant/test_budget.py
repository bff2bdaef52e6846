"""The budget's laws, over any conversation and any window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.budget import Budget, as_prompt, fit
from fireside.errors import ContextOverflow
from fireside.messages import Message
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


@given(said=conversations, window=st.integers(40, 900), system=st.sampled_from([None, "S" * 9]))
def test_what_fits_is_kept_and_what_is_kept_fits(
    said: list[tuple[str, int]], window: int, system: str | None
) -> None:
    path, budget = stored(said), Budget.of(window, None)
    try:
        fitted = fit(path, system=system, budget=budget, render=render, model="m")
    except ContextOverflow:
        # Only the last message may be too long, alone with what cannot be dropped.
        lasts = [n for n, m in enumerate(path) if m.role == "user"]
        alone = render(as_prompt(path[lasts[-1] :], system))
        assert len(alone) > budget.prompt
        return
    kept = path[len(fitted.dropped) :]
    assert list(fitted.dropped) == path[: len(fitted.dropped)]
    assert list(fitted.ids) == render(as_prompt(kept, system))
    assert len(fitted.ids) <= budget.prompt
    assert kept[-1] is path[-1]
    if fitted.dropped:
        assert kept[0].role == "user"
        assert len(render(as_prompt(path, system))) > budget.prompt


@given(said=conversations)
def test_a_prompt_alternates_and_loses_no_word(said: list[tuple[str, int]]) -> None:
    path = stored(said)
    prompt = as_prompt(path, "S")
    roles = [m.role for m in prompt]
    assert not any(a == b == "user" for a, b in pairwise(roles))
    assert sum(m.content.count("x") for m in prompt) == sum(n for _, n in said)


@pytest.mark.parametrize(
    ("window", "max_tokens", "reserve"),
    [(8192, None, 1024), (2048, None, 512), (8192, 100, 100), (2048, 4000, 1024)],
)
def test_the_reserve_is_explicit(window: int, max_tokens: int | None, reserve: int) -> None:
    budget = Budget.of(window, max_tokens)
    assert (budget.reserve, budget.prompt) == (reserve, window - reserve)
