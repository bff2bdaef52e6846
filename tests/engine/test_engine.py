"""The engine as its callers see it: threads and event loops, cancellation, failures, limits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from fireside.engine.engine import Engine
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.request import Request, Step
from fireside.engine.runner import Chunk
from fireside.errors import (
    BadRequest,
    ContextOverflow,
    FiresideError,
    Overloaded,
    Unavailable,
    Unsupported,
)

from .hash_runner import HashRunner

GREEDY = SamplingParams(temperature=0, max_tokens=20)


@pytest.fixture
def runner() -> HashRunner:
    return HashRunner()


@pytest.fixture
def engine(runner: HashRunner) -> Iterator[Engine]:
    engine = Engine(runner, speculative=False, seed=0)
    engine.start()
    yield engine
    engine.stop()
    assert engine.stats().used_blocks == 0


class Gated(HashRunner):
    """Waits for the test before each step."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)

    def run(self, chunks: Sequence[Chunk]) -> np.ndarray:
        assert self.gate.acquire(timeout=120)
        return super().run(chunks)


def ids_of(steps: Sequence[Step]) -> list[int]:
    return [token_id for step in steps for token_id in step.token_ids]


def test_many_threads_at_once(engine: Engine, runner: HashRunner) -> None:
    said: dict[int, list[int]] = {}

    def ask(i: int) -> None:
        said[i] = ids_of(list(engine.submit([i, 1, 2], GREEDY)))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {i: runner.greedy([i, 1, 2], 20) for i in range(12)}


def test_many_tasks_of_one_event_loop(engine: Engine, runner: HashRunner) -> None:
    async def ask(i: int) -> list[int]:
        return ids_of([step async for step in engine.submit([i, 1, 2], GREEDY)])

    async def ask_all() -> list[list[int]]:
        return await asyncio.gather(*(ask(i) for i in range(12)))

    assert asyncio.run(ask_all()) == [runner.greedy([i, 1, 2], 20) for i in range(12)]


def test_a_consumer_whose_loop_is_gone_hurts_nobody(engine: Engine, runner: HashRunner) -> None:
    async def leave() -> None:
        request = engine.submit([1], SamplingParams(temperature=0, max_tokens=200))
        await anext(request)
        waiting = asyncio.ensure_future(anext(request))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    assert ids_of(list(engine.submit([2], GREEDY))) == runner.greedy([2], 20)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="a thread's clock")
def test_an_idle_engine_does_not_spin(engine: Engine) -> None:
    list(engine.submit([1], GREEDY))

    assert engine._thread is not None
    assert engine._thread.ident is not None
    clock = time.pthread_getcpuclockid(engine._thread.ident)
    before = time.clock_gettime(clock)
    time.sleep(0.3)
    assert time.clock_gettime(clock) - before < 0.1


def test_cancel_ends_at_once_and_frees_the_slot() -> None:
    runner = Gated()
    engine = Engine(runner, max_batch=1, speculative=False)
    engine.start()
    first = engine.submit([1], SamplingParams(temperature=0, max_tokens=200))
    second = engine.submit([2], SamplingParams(temperature=0, max_tokens=1))
    runner.gate.release()
    assert len(next(first).token_ids) == 1
    first.cancel()
    runner.gate.release(2)  # one may be under way already; the next belongs to the second
    rest = list(first)
    assert rest[-1].finish_reason == "cancelled"
    assert len(ids_of(rest)) <= 1
    assert ids_of(list(second)) == runner.greedy([2], 1)
    first.cancel()  # to no effect
    runner.gate.release(100)
    engine.stop()
    assert engine.stats().used_blocks == 0


def test_cancel_before_it_has_begun() -> None:
    engine = Engine(HashRunner())
    request = engine.submit([1, 2], SamplingParams(n=3))
    request.cancel()
    assert engine.step() is False
    assert [(s.index, s.token_ids, s.finish_reason) for s in request] == [
        (index, (), "cancelled") for index in range(3)
    ]


def test_one_candidate_can_be_cancelled() -> None:
    engine = Engine(HashRunner(), speculative=False)
    request = engine.submit([1, 2], SamplingParams(n=3, seed=1, max_tokens=10))
    engine.step()
    request.cancel(1)
    while engine.step():
        pass
    reasons = {step.index: step.finish_reason for step in request}
    assert reasons == {0: "length", 1: "cancelled", 2: "length"}


def test_a_broken_run_fails_its_requests_and_nobody_elses(runner: HashRunner) -> None:
    engine = Engine(runner, speculative=False)
    runner.fail_when = 60
    good = engine.submit([1, 2], GREEDY)
    while engine.stats().generated_tokens < 5:
        engine.step()
    bad = engine.submit([60, 1], GREEDY)
    engine.step()
    assert list(bad)[-1].finish_reason == "error"
    assert isinstance(bad.error, FiresideError)
    assert "the chip melted" in str(bad.error)
    assert list(good)[-1].finish_reason == "error", "it was in the same step"
    again = engine.submit([1, 2], GREEDY)
    while engine.step():
        pass
    assert ids_of(list(again)) == runner.greedy([1, 2], 20)
    assert engine.stats().used_blocks == 0


def test_logits_that_are_no_numbers_are_an_error() -> None:
    class Broken(HashRunner):
        def run(self, chunks: Sequence[Chunk]) -> np.ndarray:
            logits = super().run(chunks)
            logits[0] = float("nan")
            return logits

    engine = Engine(Broken(), speculative=False)
    first = engine.submit([1], GREEDY)
    second = engine.submit([2], GREEDY)
    engine.step()
    assert [step.finish_reason for step in first] == ["error"]
    second.cancel()
    engine.step()
    assert [step.finish_reason for step in second] == [None, "cancelled"]


def test_stop_drains_then_cancels() -> None:
    quick, slow = Engine(HashRunner()), Engine(Gated())
    for engine in (quick, slow):
        engine.start()
    request = quick.submit([1], SamplingParams(temperature=0, max_tokens=100))
    quick.stop(drain_seconds=120)
    assert list(request)[-1].finish_reason == "length"
    with pytest.raises(Unavailable):
        quick.submit([1], GREEDY)
    request = slow.submit([1], GREEDY)
    cancelled = threading.Event()
    request.cancel = lambda: (Request.cancel(request), cancelled.set())  # type: ignore[method-assign]
    stopping = threading.Thread(target=slow.stop, args=(0.05,))
    stopping.start()
    assert cancelled.wait(120)
    slow.runner.gate.release(50)  # type: ignore[attr-defined]
    stopping.join()
    assert list(request)[-1].finish_reason == "cancelled"


def test_a_full_queue_is_refused_with_a_time() -> None:
    engine = Engine(HashRunner(), max_queue=2)
    engine.submit([1], GREEDY)
    engine.submit([1], GREEDY)
    with pytest.raises(Overloaded) as refused:
        engine.submit([1], GREEDY)
    assert refused.value.retry_after >= 1
    engine.step()
    engine.submit([1], GREEDY)


def test_owners_take_turns() -> None:
    """One owner's forty requests do not hold up another's one."""
    runner = HashRunner()
    engine = Engine(runner, max_batch=2, max_queue=100, speculative=False)
    many = [engine.submit([1, i], GREEDY, owner="many") for i in range(40)]
    single = engine.submit([2, 2], GREEDY, owner="single")
    for _ in range(20 + 2):
        engine.step()
    assert engine.stats().waiting >= 37
    single.cancel()  # to no effect: it has been answered
    assert [step.finish_reason for step in single][-1] == "length"
    assert len(many) == 40


def test_a_long_prompt_stalls_neither_answers_nor_short_prompts(runner: HashRunner) -> None:
    engine = Engine(runner, prefill_chunk=16, speculative=False)
    talking = engine.submit([1], SamplingParams(temperature=0, max_tokens=30))
    engine.step()
    engine.submit([2] * 200, GREEDY)
    engine.step()
    engine.submit([3] * 8, GREEDY)
    engine.step()
    assert (0, 8) in runner.steps[-1], "the short one is read in the step of its arrival"
    assert all(any(length == 1 for _, length in step) for step in runner.steps[:20])
    assert max(sum(n for _, n in step if n > 1) for step in runner.steps) <= 16
    assert talking.params.max_tokens == 30


@pytest.mark.parametrize(
    ("prompt", "params", "error", "param"),
    [
        ([], GREEDY, BadRequest, "prompt"),
        ([64], GREEDY, BadRequest, "prompt"),
        ([-1], GREEDY, BadRequest, "prompt"),
        ([1] * 256, SamplingParams(), ContextOverflow, "prompt"),
        ([1] * 200, SamplingParams(max_tokens=57), ContextOverflow, "max_tokens"),
        ([1], SamplingParams(temperature=-1), BadRequest, "temperature"),
        ([1], SamplingParams(temperature=float("nan")), BadRequest, "temperature"),
        ([1], SamplingParams(top_p=0), BadRequest, "top_p"),
        ([1], SamplingParams(top_k=-1), BadRequest, "top_k"),
        ([1], SamplingParams(n=0), BadRequest, "n"),
        ([1], SamplingParams(n=3, best_of=2), BadRequest, "best_of"),
        ([1], SamplingParams(max_tokens=0), BadRequest, "max_tokens"),
        ([1], SamplingParams(max_tokens=3, min_tokens=4), BadRequest, "min_tokens"),
        ([1], SamplingParams(logit_bias={64: 1.0}), BadRequest, "logit_bias"),
        ([1], SamplingParams(logit_bias={3: float("inf")}), BadRequest, "logit_bias"),
        ([1], SamplingParams(stop_ids=frozenset({99})), BadRequest, "stop_ids"),
        ([1], SamplingParams(stop=("",)), BadRequest, "stop"),
        ([1], SamplingParams(logprobs=65), BadRequest, "logprobs"),
        ([1], SamplingParams(constraint=Constraint(kind="regex", value="a")), Unsupported, None),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    prompt: list[int], params: SamplingParams, error: type[FiresideError], param: str | None
) -> None:
    engine = Engine(HashRunner())
    with pytest.raises(error) as refused:
        engine.submit(prompt, params)
    assert "\n" not in str(refused.value)
    if param is not None:
        assert refused.value.param == param


def test_a_cache_smaller_than_the_window_bounds_it() -> None:
    engine = Engine(HashRunner(num_blocks=5))
    assert engine.window == 20
    with pytest.raises(ContextOverflow):
        engine.submit([1] * 15, SamplingParams(max_tokens=6))
    request = engine.submit([1] * 15, SamplingParams(temperature=0))
    while engine.step():
        pass
    steps = list(request)
    assert len(ids_of(steps)) == 5
    assert steps[-1].finish_reason == "length"


def test_stop_ids_end_an_answer_and_are_told() -> None:
    runner = HashRunner()
    plain = runner.greedy([5, 6], 20)
    stop = plain[7]
    first = plain.index(stop)
    for engine, params in (
        (Engine(runner, eos_ids=frozenset({stop})), GREEDY),
        (Engine(runner), SamplingParams(temperature=0, stop_ids=frozenset({stop}))),
    ):
        request = engine.submit([5, 6], params)
        while engine.step():
            pass
        steps = list(request)
        assert ids_of(steps) == plain[: first + 1]
        assert steps[-1].finish_reason == "stop"
    engine = Engine(runner, eos_ids=frozenset({stop}))
    request = engine.submit([5, 6], SamplingParams(temperature=0, ignore_eos=True, max_tokens=20))
    while engine.step():
        pass
    assert ids_of(list(request)) == plain


def test_log_probabilities_are_the_models_own(runner: HashRunner) -> None:
    engine = Engine(runner, prefill_chunk=7, speculative=False)
    prompt = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
    params = SamplingParams(
        seed=1, temperature=0.3, repetition_penalty=1.5, max_tokens=6, logprobs=3, prompt_logprobs=2
    )
    for _ in range(2):  # the second time with a warm cache
        request = engine.submit(prompt, params)
        while engine.step():
            pass
        tokens = list(prompt)
        for step in request:
            assert step.logprobs is not None
            for token_id, got in zip(step.token_ids, step.logprobs, strict=True):
                wanted = torch.from_numpy(runner.logits(tokens)).log_softmax(0)
                assert got.token_id == token_id
                assert got.logprob == pytest.approx(float(wanted[token_id]), abs=1e-5)
                values, ids = wanted.topk(3)
                assert [i for i, _ in got.top] == ids.tolist()
                assert [v for _, v in got.top] == pytest.approx(values.tolist(), abs=1e-5)
                tokens.append(token_id)
        known = request.prompt_logprobs
        assert known is not None
        assert known[0] is None
        assert len(known) == len(prompt)
        for i, got_prompt in enumerate(known[1:], start=1):
            wanted = torch.from_numpy(runner.logits(prompt[:i])).log_softmax(0)
            assert got_prompt is not None
            assert got_prompt.logprob == pytest.approx(float(wanted[prompt[i]]), abs=1e-5)
            assert len(got_prompt.top) == 2
    assert request.cached_tokens == 0, "positions whose log-probabilities are asked for must run"


@pytest.mark.parametrize("first", [0, 1, 2, 37, 99, 100, 500])
def test_log_probabilities_of_a_prompts_end_are_those_of_the_whole(first: int) -> None:
    prompt = [(7 * i * i + 3) % 61 for i in range(100)]
    runner = HashRunner()
    engine = Engine(runner, prefill_chunk=24, speculative=False)
    found, cached = [], 0
    for start in (0, first, first):  # the last one finds the cache warm
        params = SamplingParams(max_tokens=1, seed=1, prompt_logprobs=0, prompt_logprobs_from=start)
        request = engine.submit(prompt, params)
        while engine.step():
            pass
        list(request)
        assert request.prompt_logprobs is not None
        found.append(request.prompt_logprobs)
        cached = request.cached_tokens
    skipped = min(max(1, first), 100)
    for known in found:
        assert known[skipped:] == found[0][skipped:]
    assert found[2][:skipped] == [None] * skipped
    last = 99 if first >= 100 else skipped - 1  # the last token's logits are wanted anyhow
    assert cached == last // runner.block_size * runner.block_size


def test_prompt_log_probabilities_survive_preemption() -> None:
    runner = HashRunner(num_blocks=14, context=56)
    engine = Engine(runner, prefill_chunk=5, speculative=False)
    talking = engine.submit([1] * 4, SamplingParams(temperature=0, max_tokens=50))
    for _ in range(3):
        engine.step()
    asking = engine.submit([2, 3] * 16, SamplingParams(max_tokens=2, seed=1, prompt_logprobs=0))
    while engine.step():
        pass
    known = asking.prompt_logprobs
    assert known is not None
    assert [entry.token_id for entry in known[1:] if entry] == ([2, 3] * 16)[1:]
    for i in range(1, 32):
        wanted = torch.from_numpy(runner.logits(([2, 3] * 16)[:i])).log_softmax(0)
        entry = known[i]
        assert entry is not None
        assert entry.logprob == pytest.approx(float(wanted[entry.token_id]), abs=1e-5)
    assert ids_of(list(talking)) == runner.greedy([1] * 4, 50)
