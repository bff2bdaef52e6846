"""Sampling equals transformers' processors in what it keeps and how often it draws it."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from fireside.engine.breakers import BreakerTokens
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.penalties import Penalties
from fireside.engine.sampler import NOTHING, Row, SequenceSampler, choose, sample
from fireside.engine.truncation import candidates, kept, relative_weights
from fireside.errors import BadRequest

NO_STOPS: frozenset[int] = frozenset()


def reference(
    logits: torch.Tensor, params: SamplingParams, ids: list[int] | None = None
) -> torch.Tensor:
    """transformers' distribution after its own processors."""
    processors = LogitsProcessorList()
    if params.logit_bias:
        bias = [[[i], value] for i, value in params.logit_bias.items()]
        processors.append(SequenceBiasLogitsProcessor(bias))
    if params.repetition_penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    processors.append(TemperatureLogitsWarper(float(params.temperature)))
    if params.top_k:
        processors.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1.0:
        processors.append(TopPLogitsWarper(params.top_p))
    if params.min_p > 0.0:
        processors.append(MinPLogitsWarper(params.min_p))
    if params.typical_p < 1.0:
        processors.append(TypicalLogitsWarper(params.typical_p))
    scores = processors(torch.tensor([ids or [0]]), logits[None].clone())
    return scores[0].softmax(0)


def ours(row: np.ndarray, params: SamplingParams) -> torch.Tensor:
    """The distribution that `choose` draws from."""
    top = float(row.max())
    result = np.zeros(len(row))
    found = candidates(row, top, params)
    if found is None:
        result[:] = relative_weights(row, top, params.temperature)
    else:
        ids, rest = found
        scaled = (row[ids].astype(np.float64) - top) / params.temperature
        result[ids] = kept(np.exp(scaled), rest, params)
    return torch.from_numpy(result / result.sum())


def logits_of(kind: str, vocab_size: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    row = rng.standard_normal(vocab_size) * {"flat": 0.5, "wide": 2.5, "peaked": 2.0}[kind]
    if kind == "peaked":
        row[rng.integers(0, vocab_size, 9)] += np.linspace(20, 8, 9)
    return torch.from_numpy(row.astype(np.float32))


PARAMS = [
    SamplingParams(),
    SamplingParams(temperature=0.2, top_p=0.9),
    SamplingParams(temperature=1.7),
    SamplingParams(top_k=7),
    SamplingParams(top_k=3000, temperature=1.3),
    SamplingParams(top_p=0.5),
    SamplingParams(top_p=0.97, temperature=0.8),
    SamplingParams(min_p=0.07),
    SamplingParams(typical_p=0.6),
    SamplingParams(typical_p=0.95, temperature=0.5),
    SamplingParams(top_k=40, top_p=0.9, min_p=0.02, temperature=0.7),
    SamplingParams(top_k=50, typical_p=0.8),
    SamplingParams(top_p=0.8, typical_p=0.7, min_p=0.001),
]


@pytest.mark.parametrize("params", PARAMS, ids=range(len(PARAMS)))
@pytest.mark.parametrize("kind", ["flat", "wide", "peaked"])
@pytest.mark.parametrize("vocab_size", [11, 5000])
def test_distribution_equals_transformers(
    params: SamplingParams, kind: str, vocab_size: int
) -> None:
    params = replace(params, top_k=min(params.top_k, vocab_size - 2))
    logits = logits_of(kind, vocab_size, seed=vocab_size)
    got, wanted = ours(logits.numpy(), params), reference(logits, params).double()
    differing = differing_kept(got, wanted)
    if params.top_k or params.top_p < 1 or params.min_p or params.typical_p < 1:
        # float32 sums of transformers may place a border token differently: at most that one.
        assert differing.sum() <= 1, (differing.nonzero(), got[differing], wanted[differing])
    assert torch.allclose(got[~differing], wanted[~differing], atol=2e-6, rtol=2e-3)


def differing_kept(got: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Kept by one alone, less what nobody could ever see drawn."""
    return ((got > 0) != (wanted > 0)) & (torch.maximum(got, wanted) > 1e-7)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_distribution_equals_transformers_for_any_parameters(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 60))
    values = data.draw(st.lists(st.integers(-120, 120), min_size=size, max_size=size, unique=True))
    logits = torch.tensor(values, dtype=torch.float32) / 16
    params = SamplingParams(
        temperature=data.draw(st.floats(0.05, 5)),
        top_k=data.draw(st.integers(0, size - 1)),
        top_p=data.draw(st.one_of(st.just(1.0), st.floats(0.05, 0.99))),
        min_p=data.draw(st.one_of(st.just(0.0), st.floats(0.01, 0.9))),
        typical_p=data.draw(st.one_of(st.just(1.0), st.floats(0.1, 0.95))),
    )
    got, wanted = ours(logits.numpy(), params), reference(logits, params).double()
    differing = differing_kept(got, wanted)
    assert differing.sum() <= 1  # a border within float32's rounding
    if not differing.any():
        assert torch.allclose(got, wanted, atol=2e-5)


@pytest.mark.parametrize("params", [PARAMS[0], PARAMS[1], PARAMS[5], PARAMS[8]], ids=range(4))
def test_draws_follow_the_distribution(params: SamplingParams) -> None:
    """Chi-square over 20,000 draws; the seed is fixed, so the test is too."""
    logits = logits_of("flat", 50, seed=3)
    sampler = SequenceSampler(params, seed=7, index=0, prompt_ids=[], stop_ids=NO_STOPS)
    row = logits.numpy()
    draws = np.array([choose(row, params, sampler.uniform(i)) for i in range(20_000)])
    assert_follows(draws, reference(logits, params).numpy())


def test_draws_over_a_whole_vocabulary_follow_the_distribution() -> None:
    logits = logits_of("wide", 5001, seed=4)
    params = SamplingParams()
    sampler = SequenceSampler(params, seed=8, index=1, prompt_ids=[], stop_ids=NO_STOPS)
    row = logits.numpy()
    draws = np.array([choose(row, params, sampler.uniform(i)) for i in range(20_000)])
    groups = np.arange(5001) // 97
    wanted = np.bincount(groups, weights=logits.softmax(0).numpy())
    assert_follows(groups[draws], wanted)


def assert_follows(draws: np.ndarray, probabilities: np.ndarray) -> None:
    counts = np.bincount(draws, minlength=len(probabilities)).astype(float)
    assert counts[probabilities == 0].sum() == 0
    common = probabilities * len(draws) >= 5
    expected = probabilities[common] * len(draws)
    chi_square = ((counts[common] - expected) ** 2 / expected).sum()
    freedom = int(common.sum()) - 1
    # Wilson and Hilferty: the cube root of chi-square over its freedom is nearly normal.
    spread = math.sqrt(2 / (9 * freedom))
    assert ((chi_square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / spread < 4


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_penalties_equal_transformers(data: st.DataObject) -> None:
    size = 12
    ids = st.integers(0, size - 1)
    prompt = data.draw(st.lists(ids, min_size=1, max_size=9))
    said = data.draw(st.lists(ids, max_size=9))
    params = SamplingParams(
        repetition_penalty=data.draw(st.floats(0.5, 2)),
        logit_bias=data.draw(st.dictionaries(ids, st.floats(-5, 5).filter(bool), max_size=3)),
    )
    logits = logits_of("wide", size, seed=data.draw(st.integers(0, 99)))
    penalties = Penalties(params, prompt, NO_STOPS)
    for token_id in said:
        penalties.push(token_id)
    for token_id in (wrong := data.draw(st.lists(ids, max_size=4))):
        penalties.push(token_id)
    for token_id in reversed(wrong):
        penalties.pop(token_id)
    row = logits.numpy().copy()
    penalties.apply(row)
    wanted = reference(logits, params, [*prompt, *said])
    assert torch.allclose(torch.from_numpy(row).softmax(0), wanted, atol=1e-6)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_windows_and_dry_equal_their_definitions(data: st.DataObject) -> None:
    size = 5
    ids = st.integers(0, size - 1)
    prompt = data.draw(st.lists(ids, max_size=20))
    said = data.draw(st.lists(ids, max_size=20))
    params = SamplingParams(
        repetition_penalty=data.draw(st.sampled_from([1.0, 1.3])),
        repeat_last_n=data.draw(st.sampled_from([-1, 0, 3, 9])),
        dry_multiplier=data.draw(st.sampled_from([0.0, 0.8])),
        dry_base=data.draw(st.sampled_from([1.0, 1.75])),
        dry_allowed_length=data.draw(st.integers(1, 3)),
        dry_penalty_last_n=data.draw(st.sampled_from([-1, 0, 7, 16])),
        dry_breaker_ids=data.draw(st.frozensets(ids, max_size=2)),
    )
    logits = logits_of("wide", size, seed=data.draw(st.integers(0, 99)))
    penalties = Penalties(params, prompt, NO_STOPS)
    for token_id in said:
        penalties.push(token_id)
    for token_id in (wrong := data.draw(st.lists(ids, max_size=12))):
        penalties.push(token_id)
    for token_id in reversed(wrong):
        penalties.pop(token_id)
    row = logits.numpy().copy()
    penalties.apply(row)
    tokens = [*prompt, *said]
    seen = set(tokens if params.repeat_last_n < 0 else last(tokens, params.repeat_last_n))
    wanted = logits.clone()
    for token_id in seen:
        value = float(wanted[token_id])
        factor = params.repetition_penalty
        wanted[token_id] = value * factor if value < 0 else value / factor
    for token_id, lost in dry_by_definition(tokens, params).items():
        wanted[token_id] -= lost
    assert torch.allclose(torch.from_numpy(row), wanted, atol=1e-5)


def last(tokens: list[int], count: int) -> list[int]:
    return tokens[len(tokens) - min(count, len(tokens)) :]


def dry_by_definition(tokens: list[int], params: SamplingParams) -> dict[int, float]:
    if params.dry_penalty_last_n >= 0:
        tokens = last(tokens, params.dry_penalty_last_n)
    lost: dict[int, float] = {}
    for place in range(1, len(tokens)):
        length = 0
        while (
            length < place
            and tokens[place - 1 - length] == tokens[-1 - length]
            and tokens[-1 - length] not in params.dry_breaker_ids
        ):
            length += 1
        if length >= params.dry_allowed_length and params.dry_multiplier:
            much = params.dry_multiplier * params.dry_base ** (length - params.dry_allowed_length)
            lost[tokens[place]] = max(lost.get(tokens[place], 0.0), much)
    return lost


def test_breakers_are_the_tokens_that_hold_them() -> None:
    words = [b"a", b"\n", b".\n", b"b:", b"\xc3"]
    tokenizer: Any = SimpleNamespace(vocab_size=len(words), token_bytes=lambda n: words[n])
    breakers = BreakerTokens(tokenizer)
    assert breakers.find(("\n", ":")) == {1, 2, 3}
    assert breakers.find(()) == set()
    with pytest.raises(BadRequest, match="no token of this model holds 'a:'"):
        breakers.find(("a:",))


def test_a_text_without_end_costs_dry_little() -> None:
    params = SamplingParams(dry_multiplier=0.8)
    penalties = Penalties(params, [1] * 8000, NO_STOPS)
    row = np.zeros(5, dtype=np.float32)
    began = time.process_time()
    for _ in range(10):
        penalties.apply(row)
    assert time.process_time() - began < 2
    assert np.isfinite(row).all()


def test_presence_and_frequency_count_the_answer_only() -> None:
    params = SamplingParams(presence_penalty=0.5, frequency_penalty=0.25)
    penalties = Penalties(params, [1, 1, 1], NO_STOPS)
    for token_id in (2, 3, 2):
        penalties.push(token_id)
    row = np.zeros(5, dtype=np.float32)
    penalties.apply(row)
    assert row.tolist() == [0.0, 0.0, -1.0, -0.75, 0.0]


def test_many_distinct_ids_are_penalised() -> None:
    penalties = Penalties(SamplingParams(repetition_penalty=2.0), range(200), NO_STOPS)
    row = np.ones(300, dtype=np.float32)
    penalties.apply(row)
    assert row.tolist() == [0.5] * 200 + [1.0] * 100


def test_until_min_tokens_no_stop_id_is_drawn() -> None:
    params = SamplingParams(min_tokens=2)
    penalties = Penalties(params, [], frozenset({4, 1}))
    row = np.zeros(5, dtype=np.float32)
    penalties.apply(row)
    assert np.isneginf(row).tolist() == [False, True, False, False, True]
    penalties.push(0)
    penalties.push(0)
    row[:] = 0
    penalties.apply(row)
    assert np.isfinite(row).all()


def rows_of(count: int, params: SamplingParams, **more: object) -> list[Row]:
    return [
        Row(
            sampler=SequenceSampler(params, seed=i, index=0, prompt_ids=[], stop_ids=NO_STOPS),
            position=i,
            **more,  # type: ignore[arg-type]
        )
        for i in range(count)
    ]


def test_top_one_sampling_equals_greedy() -> None:
    logits = np.stack([logits_of("wide", 500, seed) for seed in range(6)])
    greedy = sample(logits.copy(), rows_of(6, SamplingParams(temperature=0)))
    assert greedy == logits.argmax(1).tolist()
    for params in (
        SamplingParams(top_k=1),
        SamplingParams(temperature=1e-6),
        SamplingParams(top_p=1e-9),
        SamplingParams(min_p=1.0),
    ):
        assert sample(logits.copy(), rows_of(6, params)) == greedy


@pytest.mark.parametrize("params", PARAMS, ids=range(len(PARAMS)))
def test_a_row_does_not_see_its_neighbours(params: SamplingParams) -> None:
    logits = np.stack([logits_of(kind, 3000, 1) for kind in ("flat", "wide", "peaked")])
    rows = rows_of(3, params)
    whole = sample(logits.copy(), rows)
    assert whole == [sample(logits[i : i + 1].copy(), rows[i : i + 1])[0] for i in range(3)]


def test_a_mask_is_kept_and_an_empty_one_leaves_nothing() -> None:
    logits = np.zeros((1, 20), np.float32)
    mask = np.zeros(20, dtype=bool)
    mask[[3, 7]] = True
    drawn = {
        sample(logits.copy(), rows_of(1, SamplingParams(seed=i), allowed=mask))[0]
        for i in range(20)
    }
    assert drawn <= {3, 7}
    anything = Constraint(kind="regex", value=".*")
    for params in (SamplingParams(), SamplingParams(temperature=0, constraint=anything)):
        assert sample(logits.copy(), rows_of(1, params, allowed=~mask & mask)) == [NOTHING]


@pytest.mark.parametrize("params", [SamplingParams(), SamplingParams(temperature=0)])
def test_broken_logits_are_noticed(params: SamplingParams) -> None:
    assert sample(np.full((1, 8), math.nan, np.float32), rows_of(1, params)) == [NOTHING]


def test_random_numbers_are_uniform_and_independent_of_each_other() -> None:
    sampler = SequenceSampler(SamplingParams(), seed=1, index=0, prompt_ids=[], stop_ids=NO_STOPS)
    other = sampler.branch(1)
    draws = np.array([(sampler.uniform(i), other.uniform(i)) for i in range(20_000)])
    assert 0 <= draws.min() <= draws.max() < 1
    cells = (draws * 8).astype(int)
    assert_follows(cells[:, 0] * 8 + cells[:, 1], np.full(64, 1 / 64))
    following = cells[:-1, 0] * 8 + cells[1:, 0]
    assert_follows(following, np.full(64, 1 / 64))
