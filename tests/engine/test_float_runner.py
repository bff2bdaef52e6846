"""The law of the float runner: over blocks, in pieces and in company, it is the model itself."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from fireside.engine.float_runner import TILE, FloatRunner
from fireside.engine.runner import Chunk
from fireside.model.cache import DenseCache
from fireside.model.transformer import Transformer

from .feeding import Fed, feed, feed_together, tables
from .small_models import FAMILIES, VOCABULARY, config_of, model_like, random_ids

LENGTH = 75
CASES = {
    **{family: (family, {}) for family in FAMILIES},
    "one query head per key head": ("llama", {"num_heads": 4, "num_kv_heads": 4}),
    "three": ("qwen3", {"num_heads": 6, "num_kv_heads": 2}),
    "eight": ("llama", {"num_heads": 8, "num_kv_heads": 1}),
    "eight, with windows": ("gemma3", {"num_heads": 8, "num_kv_heads": 1}),
}


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Transformer:
    family, changes = CASES[request.param]
    return model_like(config_of(family, **changes))


@pytest.fixture(scope="module")
def expected(model: Transformer) -> Tensor:
    """The model's own logits, with nothing behind its attention but itself."""
    with torch.no_grad():
        return model(torch.tensor([random_ids(LENGTH)]))[0]


@pytest.fixture
def runner(model: Transformer) -> FloatRunner:
    return FloatRunner(model, num_blocks=48, block_size=8)


def close(logits: Tensor | np.ndarray, expected: Tensor | np.ndarray) -> None:
    found, expected = torch.as_tensor(logits), torch.as_tensor(expected)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected[: len(found)], atol=2e-4, rtol=1e-4)


def test_whole(runner: FloatRunner, expected: Tensor) -> None:
    close(feed(runner, random_ids(LENGTH), [LENGTH]), expected)


def test_decoded_equals_whole_and_a_dense_cache(
    runner: FloatRunner, model: Transformer, expected: Tensor
) -> None:
    ids = random_ids(LENGTH)
    close(feed(runner, ids), expected)
    cache = DenseCache()
    for token in ids:
        positions = cache.extend(torch.ones(1, 1, dtype=torch.bool))
        last = model(torch.tensor([[token]]), positions=positions, cache=cache)
    close(feed(runner, ids, [LENGTH])[-1:], last[0])


@pytest.mark.parametrize("size", [2, 7, 8, 33, 64])
def test_chunked(runner: FloatRunner, expected: Tensor, size: int) -> None:
    close(feed(runner, random_ids(LENGTH), [size] * LENGTH), expected)


@pytest.mark.parametrize("pieces", [1, 2, 6])
def test_any_company_any_order_any_blocks(
    runner: FloatRunner, expected: Tensor, pieces: int
) -> None:
    rng = random.Random(pieces)
    lengths = [1, 2, 30, LENGTH, 47, 9]
    ids = random_ids(LENGTH)
    fed = [
        Fed(ids[:length], blocks, [rng.choice([1, 1, 5, 16]) for _ in range(8)])
        for length, blocks in zip(lengths, tables(runner, lengths, rng, pieces), strict=True)
    ]
    for logits in feed_together(runner, fed, rng):
        close(logits, expected)


def test_evenly_spaced_sequences_decode_together(runner: FloatRunner, expected: Tensor) -> None:
    ids = random_ids(LENGTH)
    fed = [
        Fed(ids[: 60 + 3 * place], list(range(8 * place, 8 * place + 10)), [60])
        for place in (0, 1, 4)  # with a gap
    ]
    for logits in feed_together(runner, [fed[1], fed[0], fed[2]]):
        close(logits, expected)


def test_rejected_tokens_are_overwritten(runner: FloatRunner, expected: Tensor) -> None:
    ids, blocks = random_ids(LENGTH), list(range(12))
    runner.run([Chunk(token_ids=ids[:40], start=0, blocks=blocks, logits=0)])
    runner.run([Chunk(token_ids=[5] * 9, start=40, blocks=blocks, logits=9)])
    found = runner.run([Chunk(token_ids=ids[40:], start=40, blocks=blocks, logits=3)])
    close(found, expected[-3:])


def test_a_copied_block_is_the_block(runner: FloatRunner, expected: Tensor) -> None:
    ids = random_ids(LENGTH)
    runner.run([Chunk(token_ids=ids[:16], start=0, blocks=[0, 1], logits=0)])
    runner.copy_block(1, 7)
    found = runner.run([Chunk(token_ids=ids[16:20], start=16, blocks=[0, 7, 3], logits=4)])
    close(found, expected[16:20])


def test_logits_come_for_the_rows_that_want_them() -> None:
    runner = FloatRunner(model_like(config_of("llama")), num_blocks=200, block_size=8)
    ids = random_ids(TILE + 40)  # more than a tile: the first holds no wanted row
    chunks = [
        Chunk(token_ids=ids, start=0, blocks=list(range(80)), logits=2),
        Chunk(token_ids=ids[:9], start=0, blocks=[90, 91], logits=0),
        Chunk(token_ids=ids[:5], start=0, blocks=[100], logits=1),
    ]
    found = runner.run(chunks)
    assert found.shape == (3, VOCABULARY)
    assert runner.run([chunks[1]]).shape == (0, VOCABULARY)
    close(found[2:], runner.run([chunks[2]]))


def test_half_precision_gives_float32_logits() -> None:
    config = config_of("qwen3")
    whole = FloatRunner(model_like(config), num_blocks=8, block_size=16)
    half = FloatRunner(model_like(config).to(torch.bfloat16), num_blocks=8, block_size=16)
    ids = random_ids(40)
    found, expected = feed(half, ids, [40]), feed(whole, ids, [40])
    assert found.dtype == torch.float32
    assert half.arena.kv.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.98
