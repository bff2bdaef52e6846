"""The law of the fast path: however the work is cut and whoever shares it, the same bits.

An 8-bit model turns one ulp into a tenth of a logit, so "nearly equal" would not be equal: another
company in the batch would say another word.  Every comparison of the runner with itself is exact.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from fireside.engine.int8 import round_weights
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.runner import Chunk
from fireside.model.load import model_of

from .feeding import Fed, feed, feed_together, table, tables
from .small_models import VOCABULARY, config_of, random_ids, weights_of

pytestmark = pytest.mark.skipif(
    not torch.cpu._is_vnni_supported(), reason="int8 runs only where the CPU multiplies it exactly"
)

LENGTH = 600
# family, head_dim, query heads, key heads: those of real models, and what lies between.
SHAPES = {
    "SmolLM2-135M": ("llama", 64, 9, 3),
    "Qwen2.5-0.5B": ("qwen2", 64, 14, 2),
    "Llama-3.2-1B": ("llama3", 64, 8, 2),
    "one query head per key head": ("llama", 64, 2, 2),
    "small heads": ("llama", 32, 4, 2),
    "Qwen3": ("qwen3", 128, 4, 2),
    "Llama-3.2-3B": ("llama", 128, 6, 2),
    "odd heads": ("qwen3", 80, 4, 1),
    "wide heads": ("qwen2", 256, 2, 1),
}
SOME = ["SmolLM2-135M", "Qwen3"]


@dataclass
class Case:
    runner: Int8Runner
    ids: list[int]
    whole: Tensor


def runner_of(shape: str, num_blocks: int = 160, **changes: int) -> Int8Runner:
    family, head_dim, heads, kv_heads = SHAPES[shape]
    config = config_of(
        family,
        head_dim=head_dim,
        num_heads=heads,
        num_kv_heads=kv_heads,
        **{"num_layers": 2, **changes},
    )
    return Int8Runner(round_weights(weights_of(config)), num_blocks=num_blocks, block_size=32)


@cache
def is_exact() -> bool:
    """Whether the runner promises the law on this processor, for every shape of the tests."""
    return all(runner_of(shape, num_blocks=32).is_exact for shape in SHAPES)


_cases: dict[str, Case] = {}


def case_of(shape: str) -> Case:
    if shape not in _cases:
        runner, ids = runner_of(shape), random_ids(LENGTH)
        _cases[shape] = Case(runner, ids, feed(runner, ids, [LENGTH]))
    return _cases[shape]


@pytest.fixture(params=SHAPES)
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


@pytest.fixture(params=SOME)
def usual(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


@pytest.fixture(autouse=True, scope="module")
def forget() -> Iterator[None]:
    yield
    _cases.clear()


def same(logits: Tensor | np.ndarray, expected: Tensor) -> None:
    """The same bits; where the processor keeps no order of sums, nearly the same logits."""
    found = torch.as_tensor(logits)
    if not is_exact():
        cosine = torch.nn.functional.cosine_similarity(found, expected[: len(found)])
        assert cosine.min() > 0.98
    elif not torch.equal(found, expected[: len(found)]):
        rows = (found != expected[: len(found)]).any(1).nonzero().flatten().tolist()
        pytest.fail(f"{len(rows)} rows of {len(found)} differ, the first at {rows[:5]}")


def test_it_approximates_the_model(case: Case) -> None:
    model = model_of(weights_of(case.runner.config))
    with torch.no_grad():
        expected = model(torch.tensor([case.ids[:100]]))[0]
    cosine = torch.nn.functional.cosine_similarity(case.whole[:100], expected)
    assert cosine.mean() > 0.995
    assert cosine.min() > 0.98


def test_decoded_is_whole(case: Case) -> None:
    prompt = LENGTH - 64
    same(feed(case.runner, case.ids, [prompt]), case.whole)


def test_decoded_from_the_first_token_is_whole(usual: Case) -> None:
    same(feed(usual.runner, usual.ids[:300]), usual.whole)


@pytest.mark.parametrize("size", [2, 5, 17, 33, 35, 64, 100, 129, 200, 257, 513])
def test_chunked_is_whole(case: Case, size: int) -> None:
    length = min(LENGTH, 40 * size)
    same(feed(case.runner, case.ids[:length], [size] * LENGTH), case.whole)


@pytest.mark.parametrize("ends", [(255, 258), (511, 514), (319, 322), (575, 578)])
def test_single_tokens_at_the_borders_of_key_blocks(usual: Case, ends: tuple[int, int]) -> None:
    start, stop = ends
    same(feed(usual.runner, usual.ids[:stop], [start]), usual.whole)


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_batched_decoding_is_single(case: Case, count: int) -> None:
    """Evenly spaced, as the engine's allocator places them: one attention call for all."""
    rng = random.Random(count)
    most = LENGTH if count <= 8 else 250
    fed = []
    for place in range(count):
        length = rng.randint(12, most)
        blocks = table(case.runner, length, first=place * (160 // count))
        fed.append(Fed(case.ids[:length], blocks, [length - 6]))
    for logits in feed_together(case.runner, fed):
        same(logits, case.whole)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    lengths=st.lists(st.integers(1, LENGTH), min_size=1, max_size=6),
    pieces=st.sampled_from([1, 2, 20]),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=12),
    seed=st.integers(0, 1 << 16),
)
def test_any_cuts_any_company_any_blocks(
    shape: str, lengths: list[int], pieces: int, sizes: list[int], seed: int
) -> None:
    case, rng = case_of(shape), random.Random(seed)
    fed = []
    for length, blocks in zip(lengths, tables(case.runner, lengths, rng, pieces), strict=True):
        cuts = rng.sample(sizes, len(sizes))
        alone = max(0, length - sum(cuts))  # no more than some tokens one by one
        fed.append(Fed(case.ids[:length], blocks, [max(1, alone - 10), *cuts]))
    for logits in feed_together(case.runner, fed, rng):
        same(logits, case.whole)


@pytest.mark.parametrize("shape", SOME)
def test_long_contexts(shape: str) -> None:
    runner, ids = runner_of(shape), random_ids(1600)
    whole = feed(runner, ids, [1600])
    same(feed(runner, ids, [500] * 4), whole)
    same(feed(runner, ids[:1040], [1020]), whole)
    shuffled = tables(runner, [1600], random.Random(0), pieces=7)[0]
    same(feed(runner, ids, [1, 1000, 3, 590], shuffled), whole)


@pytest.mark.parametrize("shape", SOME)
def test_one_thread_is_two(shape: str) -> None:
    """The number of threads changes with the machine's load, in the middle of an answer."""
    before = torch.get_num_threads()
    runner = runner_of(shape, width=576, mlp_width=1536)
    runner._threads.adjust = lambda: None  # type: ignore[method-assign]
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(feed(runner, random_ids(330), [300]))
    finally:
        torch.set_num_threads(before)
    same(found[0], found[1])
    same(found[0], found[2])


def test_sequences_of_unlike_length_at_the_end_of_the_arena() -> None:
    """The longest says how many keys are read of all, the last one's from near the arena's end."""
    runner, ids = runner_of("SmolLM2-135M", num_blocks=100), random_ids(1790)
    whole = feed(runner, ids, [1790])
    fed = [
        Fed(ids, table(runner, 1790), [1780]),
        Fed(ids[:1035], table(runner, 1035, first=67), [1025]),
    ]
    for logits in feed_together(runner, fed):
        same(logits, whole)


def test_scattered_blocks_whose_ends_look_like_a_run(usual: Case) -> None:
    """The first and the last block are as far apart as if the others stood between them."""
    runner, ids = usual.runner, usual.ids
    others = feed(runner, ids[:96], [96], [11, 12, 13])
    scattered = [10, 31, 41, 51, 14]
    runner.run([Chunk(token_ids=ids[:160], start=0, blocks=scattered, logits=0)])
    found = runner.run(
        [Chunk(token_ids=ids[160:162], start=160, blocks=[*scattered, 60], logits=2)]
    )
    same(found, usual.whole[160:])
    again = Chunk(token_ids=ids[95:96], start=95, blocks=[11, 12, 13], logits=1)
    same(runner.run([again]), others[95:])


def test_what_lies_in_other_blocks_does_not_matter(usual: Case) -> None:
    runner = usual.runner
    runner.arena.kv[:, 40 * 32 :].fill_(1e4)
    try:
        fed = [
            Fed(usual.ids[:n], table(runner, n, first=f), [n - 9]) for n, f in ((50, 0), (90, 2))
        ]
        for logits in feed_together(runner, fed):
            same(logits, usual.whole)
    finally:
        runner.arena.kv.zero_()


def test_rejected_tokens_leave_no_trace(usual: Case) -> None:
    runner, ids, blocks = usual.runner, usual.ids, table(usual.runner, LENGTH)
    runner.run([Chunk(token_ids=ids[:250], start=0, blocks=blocks, logits=0)])
    runner.run([Chunk(token_ids=[5] * 8, start=250, blocks=blocks, logits=8)])
    same(
        runner.run([Chunk(token_ids=ids[250:253], start=250, blocks=blocks, logits=3)]),
        usual.whole[250:],
    )


def test_a_copied_block_is_the_block(usual: Case) -> None:
    runner, ids = usual.runner, usual.ids
    runner.run([Chunk(token_ids=ids[:64], start=0, blocks=[0, 1], logits=0)])
    runner.copy_block(1, 9)
    found = runner.run([Chunk(token_ids=ids[64:70], start=64, blocks=[0, 9, 3], logits=6)])
    same(found, usual.whole[64:])


def test_logits_come_for_the_rows_that_want_them(usual: Case) -> None:
    runner, ids = usual.runner, usual.ids
    chunks = [
        Chunk(token_ids=ids, start=0, blocks=list(range(20)), logits=3),
        Chunk(token_ids=ids[:9], start=0, blocks=[30], logits=0),
        Chunk(token_ids=ids[:5], start=0, blocks=[40], logits=1),
    ]
    found = runner.run(chunks)
    assert found.shape == (4, VOCABULARY)
    assert found.dtype == np.float32
    same(found[:3], usual.whole[-3:])
    same(found[3:], usual.whole[4:])
    assert runner.run([chunks[1]]).shape == (0, VOCABULARY)


def test_the_rows_are_the_callers(usual: Case) -> None:
    """The engine masks and penalises them in place; the next step must not feel it."""
    chunk = Chunk(token_ids=usual.ids[:5], start=0, blocks=[0], logits=5)
    usual.runner.run([chunk]).fill(-np.inf)
    same(usual.runner.run([chunk]), usual.whole)


def test_a_token_of_zeros_is_finite() -> None:
    """Its largest magnitude is zero, and something is divided by it."""
    runner = runner_of("SmolLM2-135M")
    runner.weights.embedding[5] = 0.0
    assert feed(runner, [5, 5, 7, 5], [4]).isfinite().all()
