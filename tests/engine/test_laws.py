"""The engine's laws: however the work is cut, shared, undone and ordered, the ids are the same."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.engine.engine import Engine
from fireside.engine.params import SamplingParams
from fireside.engine.request import Request

from .hash_runner import HashRunner

MIXED = [
    SamplingParams(temperature=0, max_tokens=30),
    SamplingParams(seed=1, max_tokens=25),
    SamplingParams(seed=2, temperature=0.7, top_p=0.9, max_tokens=30),
    SamplingParams(seed=3, top_k=5, repetition_penalty=1.3, max_tokens=20),
    SamplingParams(seed=4, min_p=0.1, frequency_penalty=0.5, presence_penalty=0.2, max_tokens=20),
    SamplingParams(seed=5, typical_p=0.8, logit_bias={3: 4.0, 5: -9.0}, max_tokens=12),
    SamplingParams(temperature=0, repetition_penalty=1.2, min_tokens=8, max_tokens=20),
    SamplingParams(seed=6, n=3, max_tokens=15),
    SamplingParams(
        temperature=0, dry_multiplier=0.8, dry_breaker_ids=frozenset({7}), max_tokens=25
    ),
    SamplingParams(
        seed=7, repetition_penalty=1.3, repeat_last_n=6, dry_multiplier=2, max_tokens=25
    ),
]


def prompts(count: int = len(MIXED), seed: int = 0) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(60) for _ in range(rng.choice([1, 4, 9, 16, 33]))] for _ in range(count)]


def answers(request: Request) -> list[tuple[list[int], str | None]]:
    """(ids, finish reason) of each candidate."""
    ids: list[list[int]] = [[] for _ in range(request.params.candidates)]
    reasons: list[str | None] = [None] * len(ids)
    for step in request:
        ids[step.index].extend(step.token_ids)
        reasons[step.index] = step.finish_reason
    return list(zip(ids, reasons, strict=True))


def drain(engine: Engine) -> None:
    while engine.step():
        pass
    stats = engine.stats()
    assert stats.used_blocks == 0, "blocks leak"
    assert stats.running == stats.waiting == 0


def engine_of(runner: HashRunner | None = None, **options: object) -> Engine:
    options = {"eos_ids": frozenset({63}), "speculative": False, "seed": 0} | options
    return Engine(runner or HashRunner(), **options)  # type: ignore[arg-type]


def alone(
    prompt: Sequence[int], params: SamplingParams, **runner: object
) -> list[tuple[list[int], str | None]]:
    """What one request gives by itself, in an engine of its own."""
    engine = engine_of(HashRunner(**runner))  # type: ignore[arg-type]
    request = engine.submit(prompt, params)
    drain(engine)
    return answers(request)


def together(engine: Engine, order: Sequence[int] | None = None) -> list[object]:
    requests: dict[int, Request] = {}
    for i in order or range(len(MIXED)):
        requests[i] = engine.submit(prompts()[i], MIXED[i])
    drain(engine)
    return [answers(requests[i]) for i in range(len(MIXED))]


@pytest.fixture(scope="module")
def expected() -> list[object]:
    return [alone(prompt, params) for prompt, params in zip(prompts(), MIXED, strict=True)]


def test_greedy_is_the_model_itself() -> None:
    runner = HashRunner()
    assert alone([1, 2, 3], SamplingParams(temperature=0, max_tokens=20))[0][0] == (
        runner.greedy([1, 2, 3], 20)
    )


def test_batched_equals_single(expected: list[object]) -> None:
    assert together(engine_of()) == expected


def test_order_of_arrival_does_not_matter(expected: list[object]) -> None:
    order = list(range(len(MIXED)))
    random.Random(1).shuffle(order)
    assert together(engine_of(), order) == expected


@pytest.mark.parametrize("prefill_chunk", [1, 3, 7, 500])
def test_chunked_equals_whole(expected: list[object], prefill_chunk: int) -> None:
    assert together(engine_of(prefill_chunk=prefill_chunk)) == expected


@pytest.mark.parametrize("max_batch", [1, 2])
def test_few_slots_equal_many(expected: list[object], max_batch: int) -> None:
    assert together(engine_of(max_batch=max_batch)) == expected


def test_cached_equals_uncached(expected: list[object]) -> None:
    engine = engine_of()
    assert together(engine) == expected
    assert together(engine) == expected
    assert engine.stats().cached_tokens > 50


@pytest.mark.parametrize("num_blocks", [17, 20, 30])
def test_preempted_equals_not_preempted(expected: list[object], num_blocks: int) -> None:
    engine = engine_of(HashRunner(num_blocks=num_blocks))
    assert together(engine) == expected
    assert engine.stats().preemptions > 0


@pytest.mark.parametrize("habit", [0.0, 6.0, 30.0])
def test_speculative_equals_plain(habit: float) -> None:
    plain = together(engine_of(HashRunner(habit=habit)))
    engine = engine_of(HashRunner(habit=habit), speculative=True)
    for _ in range(2):  # the first round teaches it what steps cost
        assert together(engine) == plain


def test_speculation_is_used_and_right_where_text_repeats() -> None:
    """Without timing in the way: each row is as dear as the first, and still it pays."""
    runner = HashRunner(habit=300.0)
    engine = engine_of(runner, speculative=True, eos_ids=frozenset())
    engine._cost.observe = lambda rows, seconds: None  # type: ignore[method-assign]
    request = engine.submit([1, 2, 3], SamplingParams(temperature=0, max_tokens=200))
    drain(engine)
    assert answers(request)[0][0] == runner.greedy([1, 2, 3], 200)
    stats = engine.stats()
    assert stats.accepted_tokens > 50
    assert stats.steps < 150


def test_candidates_differ_but_their_seeds_reproduce() -> None:
    params = SamplingParams(seed=9, n=4, max_tokens=10)
    first, again = alone([5, 6, 7], params), alone([5, 6, 7], params)
    assert first == again
    assert len({tuple(ids) for ids, _ in first}) == 4
    single = alone([5, 6, 7], SamplingParams(seed=9, max_tokens=10))
    assert single[0] == first[0]


def test_candidates_share_the_prompt() -> None:
    runner = HashRunner()
    engine = engine_of(runner)
    request = engine.submit(list(range(22)), SamplingParams(seed=9, n=4, max_tokens=10))
    drain(engine)
    answers(request)
    assert sum(length for step in runner.steps for _, length in step) < 22 + 4 * 10


def test_a_turn_reuses_the_turn_before() -> None:
    engine = engine_of()
    prompt = list(range(10))
    first = engine.submit(prompt, SamplingParams(temperature=0, max_tokens=20))
    drain(engine)
    said = answers(first)[0][0]
    turn = engine.submit([*prompt, *said, 1, 2], SamplingParams(temperature=0, max_tokens=2))
    drain(engine)
    assert turn.cached_tokens == 28  # of 30, in whole blocks of four
    assert answers(turn) == alone(
        [*prompt, *said, 1, 2], SamplingParams(temperature=0, max_tokens=2)
    )


def test_owners_apart_share_nothing() -> None:
    engine = engine_of()
    prompt = list(range(32))
    cached = []
    for salt in ("", "anna", "bert", "anna"):
        request = engine.submit(
            prompt, SamplingParams(temperature=0, max_tokens=4), cache_salt=salt
        )
        drain(engine)
        cached.append(request.cached_tokens)
    assert cached == [0, 0, 0, 28]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_schedule_gives_the_same_answers(data: st.DataObject) -> None:
    """Arrivals between steps, few blocks, shared prefixes, cancellations: nobody's ids change."""
    runner = HashRunner(
        num_blocks=data.draw(st.integers(12, 40)),
        context=44,
        habit=data.draw(st.sampled_from([0, 9])),
    )
    engine = engine_of(
        runner,
        max_batch=data.draw(st.integers(1, 5)),
        prefill_chunk=data.draw(st.integers(1, 20)),
        speculative=data.draw(st.booleans()),
    )
    submitted: list[tuple[Request, list[int]]] = []
    for number in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, 2))
        prompt = [start] * data.draw(st.integers(1, 18))
        params = SamplingParams(
            temperature=data.draw(st.sampled_from([0.0, 1.0])),
            seed=number,
            n=data.draw(st.sampled_from([1, 1, 3])),
            max_tokens=data.draw(st.integers(1, 26)),
            repetition_penalty=data.draw(st.sampled_from([1.0, 1.5])),
        )
        request = engine.submit(prompt, params, owner=str(start), cache_salt=str(start))
        submitted.append((request, prompt))
        if data.draw(st.booleans()):
            for _ in range(data.draw(st.integers(1, 12))):
                engine.step()
        if data.draw(st.integers(0, 4)) == 0:
            data.draw(st.sampled_from(submitted))[0].cancel()
    drain(engine)
    for request, prompt in submitted:
        for got, whole in zip(
            answers(request),
            alone(prompt, request.params, context=44, habit=runner.habit),
            strict=True,
        ):
            if got[1] == "cancelled":
                assert got[0] == whole[0][: len(got[0])]
            else:
                assert got == whole
