"""The scheduler's invariants, whatever is submitted, cancelled and stepped in whatever order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fireside.engine.engine import Engine
from fireside.engine.params import SamplingParams
from fireside.engine.request import Request
from fireside.engine.runner import Chunk

from .hash_runner import HashRunner


class Watched(HashRunner):
    """Checks what every step may be made of."""

    prefill_chunk = 10
    max_batch = 4

    def run(self, chunks: Sequence[Chunk]) -> np.ndarray:
        assert 0 < len(chunks) <= self.max_batch
        prompt_tokens = [len(c.token_ids) for c in chunks if c.logits < len(c.token_ids)]
        assert sum(prompt_tokens) <= self.prefill_chunk
        for chunk in chunks:
            assert len(chunk.blocks) == len(set(chunk.blocks))
            assert chunk.start + len(chunk.token_ids) <= len(chunk.blocks) * self.block_size
        written = [
            block for chunk in chunks for block in chunk.blocks[chunk.start // self.block_size :]
        ]
        assert len(written) == len(set(written)), "a block that is written is shared"
        return super().run(chunks)


class EngineMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    @initialize(num_blocks=st.integers(10, 30), speculative=st.booleans())
    def begin(self, num_blocks: int, speculative: bool) -> None:
        self.runner = Watched(num_blocks=num_blocks, context=40, habit=50.0)
        self.engine = Engine(
            self.runner,
            max_batch=Watched.max_batch,
            prefill_chunk=Watched.prefill_chunk,
            speculative=speculative,
            seed=0,
        )

    @rule(
        length=st.integers(1, 30),
        start=st.integers(0, 3),
        owner=st.sampled_from("ab"),
        n=st.sampled_from([1, 1, 1, 2, 5]),
        max_tokens=st.integers(1, 10),
    )
    def submit(self, length: int, start: int, owner: str, n: int, max_tokens: int) -> None:
        params = SamplingParams(n=n, max_tokens=max_tokens, seed=length)
        prompt = [start, *[7] * (length - 1)]
        self.requests.append(self.engine.submit(prompt, params, owner=owner, cache_salt=owner))

    @rule(times=st.integers(1, 6))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.engine.step()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.requests)).cancel()

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "engine"):
            return
        scheduler = self.engine._scheduler
        held = {block for s in scheduler.running for block in s.blocks}
        assert scheduler.pool.used == len(held)
        assert all(s.blocks for s in scheduler.running)
        assert len(scheduler.running) <= Watched.max_batch
        assert scheduler.waiting == sum(map(len, scheduler._waiting.values()))
        assert all(s.finish_reason is None for s in scheduler.running)

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        steps = 0
        while self.engine.step():
            steps += 1
            assert steps < 10_000, "it does not end"
        assert self.engine.stats().idle
        assert self.engine.stats().used_blocks == 0
        for request in self.requests:
            reasons = [step.finish_reason for step in request if step.finish_reason]
            assert len(reasons) == request.params.n
            assert set(reasons) <= {"length", "cancelled"}


TestEngine = EngineMachine.TestCase
TestEngine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
