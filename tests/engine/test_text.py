"""Text from the engine: whole characters, stop strings, usage, log-probabilities, best-of."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.engine.engine import Engine
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.text import Generation, TextEvent, TextModel
from fireside.errors import Unsupported

from .hash_runner import HashRunner
from .letters import EOS, Letters

PADDING = 6
"""Rows of the model beyond the tokenizer's ids: Qwen's and many others' have hundreds."""


class Scripted(HashRunner):
    """Says what the test wants, token by token, whatever the prompt."""

    def __init__(self, script: list[int]) -> None:
        super().__init__(vocab_size=Letters.vocab_size + PADDING, context=512, num_blocks=512)
        self.script = script
        self.prompt_length = 1

    def logits(self, tokens: Any) -> np.ndarray:
        row = np.zeros(self.vocab_size, dtype=np.float32)
        place = len(tokens) - self.prompt_length
        row[self.script[place] if place < len(self.script) else EOS] = 9.0
        return row


def model_of(script: list[int] | bytes) -> TextModel:
    letters = Letters()
    engine = Engine(Scripted(list(script)), eos_ids=letters.eos_ids, speculative=False)
    return TextModel("scripted", letters, engine)  # type: ignore[arg-type]


def run(model: TextModel, params: SamplingParams) -> tuple[Generation, list[TextEvent]]:
    """Step by step in this thread: each event is taken when it is there."""
    generation = model.generate([0], params)
    return generation, list(stepped(model, generation))


def stepped(model: TextModel, generation: Generation) -> Iterator[TextEvent]:
    while not generation._over:
        model.engine.step()
        items = generation._request._mailbox._items
        while items.qsize() and not generation._over:
            generation._absorb(next(generation._request))
        while generation._ready:
            yield next(generation)


GREEDY = SamplingParams(temperature=0)


def text_of(events: list[TextEvent]) -> str:
    return "".join(event.text for event in events)


def test_characters_are_whole_and_the_end_token_is_not_shown() -> None:
    generation, events = run(model_of("Grüße 👍!".encode()), GREEDY)
    assert [event.text for event in events if event.text] == list("Grüße 👍!")
    assert events[-1].finish_reason == "stop"
    assert [event.finish_reason for event in events[:-1]] == [None] * (len(events) - 1)
    tokens = [token for event in events for token in event.tokens]
    assert b"".join(token.bytes for token in tokens) == "Grüße 👍!".encode()
    assert generation.usage.completion_tokens == len("Grüße 👍!".encode()) + 1
    assert generation.usage.prompt_tokens == 1


def test_a_row_that_pads_the_embedding_stands_for_no_text() -> None:
    """As in transformers; it came as a token all the same, and is counted."""
    script = [*b"a", Letters.vocab_size + 2, *b"b"]
    generation, events = run(model_of(script), SamplingParams(temperature=0, logprobs=8))
    tokens = [token for event in events for token in event.tokens]
    assert text_of(events) == "ab"
    assert [(token.id, token.bytes) for token in tokens] == [
        (ord("a"), b"a"), (Letters.vocab_size + 2, b""), (ord("b"), b"b")
    ]  # fmt: skip
    assert generation.usage.completion_tokens == 4


def test_half_a_character_at_the_end_is_shown_as_such() -> None:
    _, events = run(model_of("é".encode()[:1]), GREEDY)
    assert text_of(events) == "\ufffd"


@settings(deadline=None, max_examples=60)
@given(
    script=st.lists(st.sampled_from([*b"aabc", 256, 260, 261, 0xA9]), max_size=14),
    stops=st.lists(st.text("abcé", min_size=1, max_size=3), max_size=2),
)
def test_streamed_equals_whole(script: list[int], stops: list[str]) -> None:
    letters = Letters()
    text = b"".join(map(letters.token_bytes, script)).decode(errors="replace")
    ends = [(text.find(s) + len(s), text.find(s)) for s in stops if s in text]
    wanted = text[: min(ends)[1]] if ends else text
    generation, events = run(
        model_of(script), SamplingParams(temperature=0, stop=tuple(stops), max_tokens=50)
    )
    assert text_of(events) == wanted
    assert events[-1].finish_reason == "stop"
    tokens = [token.id for event in events for token in event.tokens]
    assert tokens == script[: len(tokens)]
    if not ends:
        assert tokens == script
    assert generation._request._open == 0 or ends


def test_a_stop_string_is_never_half_shown_and_frees_the_slot() -> None:
    model = model_of(b"one. STOP two three four five six seven")
    generation, events = run(model, SamplingParams(temperature=0, stop=("STOP",)))
    assert text_of(events) == "one. "
    assert events[-1].finish_reason == "stop"
    assert "S" not in "".join(token.text for event in events for token in event.tokens)
    model.engine.step()
    assert model.engine.stats().idle
    assert model.engine.stats().used_blocks == 0
    assert generation.usage.completion_tokens == len("one. STOP")


def test_max_tokens_is_a_length() -> None:
    generation, events = run(model_of(b"abcdef"), SamplingParams(temperature=0, max_tokens=3))
    assert text_of(events) == "abc"
    assert events[-1].finish_reason == "length"
    assert generation.usage.completion_tokens == 3


def test_logprobs_come_with_text_and_bytes() -> None:
    params = SamplingParams(temperature=0, logprobs=2, prompt_logprobs=1)
    generation, events = run(model_of(b"ab"), params)
    tokens = [token for event in events for token in event.tokens]
    assert [(token.text, token.bytes) for token in tokens] == [("a", b"a"), ("b", b"b")]
    assert all(token.logprob is not None and token.logprob > -0.1 for token in tokens)
    assert tokens[0].top[0][:3] == (97, "a", b"a")
    assert len(tokens[0].top) == 2
    prompt = generation.prompt_tokens_info
    assert prompt is not None
    assert [token.logprob for token in prompt] == [None]


def test_several_answers_at_once() -> None:
    letters = Letters()
    runner = HashRunner(vocab_size=letters.vocab_size)
    engine = Engine(runner, speculative=False)
    model = TextModel("random", letters, engine)  # type: ignore[arg-type]
    params = SamplingParams(n=3, seed=4, max_tokens=9)
    _, events = run(model, params)
    assert {event.index for event in events} == {0, 1, 2}
    again = run(model, params)[1]
    for index in range(3):
        first, second = ([e for e in some if e.index == index] for some in (events, again))
        assert text_of(first) == text_of(second)
        assert [e.finish_reason for e in first if e.finish_reason] == ["length"]


def test_best_of_keeps_the_likeliest() -> None:
    letters = Letters()
    runner = HashRunner(vocab_size=letters.vocab_size)
    model = TextModel("random", letters, Engine(runner, speculative=False))  # type: ignore[arg-type]
    params = SamplingParams(n=6, seed=4, max_tokens=9, logprobs=0)
    means = {}
    events = run(model, params)[1]
    for index in range(6):
        tokens = [token for e in events if e.index == index for token in e.tokens]
        means[index] = sum(token.logprob or 0.0 for token in tokens) / len(tokens)
    ranked = sorted(means, key=lambda index: -means[index])
    best = SamplingParams(n=2, best_of=6, seed=4, max_tokens=9)
    generation, kept = run(model, best)
    assert [event.index for event in kept] == [0, 1]
    for event, index in zip(kept, ranked, strict=False):
        assert event.text == text_of([e for e in events if e.index == index])
        assert event.finish_reason == "length"
        assert all(token.logprob is None for token in event.tokens), "nobody asked for them"
    assert generation.usage.completion_tokens == 54


def test_async_equals_sync_and_cancel_ends_it() -> None:
    model = model_of(b"hello there")
    model.engine.start()

    async def ask() -> str:
        generation = model.generate([0], GREEDY)
        return "".join([event.text async for event in generation])

    assert asyncio.run(ask()) == "hello there"
    assert "".join(event.text for event in model.generate([0], GREEDY)) == "hello there"
    generation = model.generate([0], GREEDY)
    generation.cancel()
    assert [*generation][-1].finish_reason == "cancelled"
    model.engine.stop()


def test_an_answer_nobody_wants_any_more_cancels_itself() -> None:
    model = model_of(b"a" * 100)
    generation = model.generate([0], GREEDY)
    model.engine.step()
    assert model.engine.stats().running == 1
    del generation
    gc.collect()
    model.engine.step()
    assert model.engine.stats().idle


def test_owners_share_no_prefix() -> None:
    model = model_of(b"abc")
    model.engine.runner.prompt_length = 9  # type: ignore[attr-defined]
    for owner, cached in (("anna", 0), ("bert", 0), ("anna", 8)):
        generation = model.generate([7] * 9, GREEDY, owner=owner)
        list(stepped(model, generation))
        assert generation.usage.cached_tokens == cached


def test_an_engine_failure_is_an_event_with_a_reason() -> None:
    model = model_of(b"abc")
    model.engine.runner.fail_when = 98  # type: ignore[attr-defined]
    generation, events = run(model, GREEDY)
    assert events[-1].finish_reason == "error"
    assert "the chip melted" in str(generation.error)


def test_a_constraint_without_a_guide_is_refused() -> None:
    params = SamplingParams(constraint=Constraint(kind="regex", value="a"))
    with pytest.raises(Unsupported):
        model_of(b"").generate([0], params)
