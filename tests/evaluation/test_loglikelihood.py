"""Laws of the one question: however it is shared, batched and ordered, the answer is the same."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.evaluation import Evaluated, loglikelihood
from fireside.evaluation.loglikelihood import Question, loglikelihoods
from fireside.model.architecture import ModelConfig
from fireside.model.transformer import Transformer

from .conftest import WINDOW

SHARED = tuple(range(40, 80))


def alone(model: Transformer, question: Question) -> tuple[list[float], bool]:
    """One question by itself, the whole sequence through the model."""
    ids = torch.tensor([[*question.context, *question.continuation]])[:, -(WINDOW + 1) :]
    with torch.no_grad():
        logits = model(ids[:, :-1])[0, -len(question.continuation) :].float()
    logprobs = logits.log_softmax(-1)
    targets = torch.tensor(question.continuation)
    chosen = logprobs[torch.arange(len(targets)), targets]
    return chosen.tolist(), bool((logits.argmax(-1) == targets).all())


def questions(seed: int, count: int = 60, shared: bool = False) -> list[Question]:
    dice = random.Random(seed)
    begin = SHARED if shared else ()
    found: list[Question] = []
    while len(found) < count:
        context = begin + tuple(dice.randrange(300) for _ in range(dice.randrange(1, 30)))
        for _ in range(dice.randrange(1, 6)):
            length = dice.choice((1, 1, 2, 3, 8))
            continuation = tuple(dice.randrange(300) for _ in range(length))
            found.append(Question(context, continuation))
    return found


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_batched_is_single(tiny: Evaluated, seed: int, shared: bool) -> None:
    asked = questions(seed, shared=shared)
    for question, found in zip(asked, loglikelihoods(tiny.model, asked), strict=True):
        logprobs, greedy = alone(tiny.model, question)
        assert found.logprobs == pytest.approx(logprobs, abs=1e-4)
        assert found.greedy == greedy


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_questions_changes_no_bit(
    tiny: Evaluated, dice: random.Random, shared: bool
) -> None:
    asked = questions(3, count=25, shared=shared)
    order = list(range(len(asked)))
    dice.shuffle(order)
    first = loglikelihoods(tiny.model, asked)
    assert loglikelihoods(tiny.model, [asked[i] for i in order]) == [first[i] for i in order]


@pytest.mark.parametrize("tokens", [1, 64, 100_000])
def test_any_batch_size(tiny: Evaluated, monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    asked = questions(5, count=20)
    expected = [alone(tiny.model, question)[0] for question in asked]
    monkeypatch.setattr(loglikelihood, "TOKENS_PER_BATCH", tokens)
    monkeypatch.setattr(loglikelihood, "PLACES_PER_HEAD", max(1, tokens // 50))
    monkeypatch.setattr(loglikelihood, "SHARED_BRANCHES", tokens // 10)
    found = loglikelihoods(tiny.model, asked)
    assert [sum(one) for one in expected] == pytest.approx([one.total for one in found], abs=1e-3)


def test_a_sliding_window_is_honoured() -> None:
    config = ModelConfig(
        family="mistral", vocab_size=300, width=32, num_layers=2, num_heads=2, num_kv_heads=1,
        head_dim=16, mlp_width=48, context=WINDOW, tied_head=False, sliding_window=6,
        sliding_layers=(True, False), positions="learned",
    )  # fmt: skip
    model = Transformer.fresh(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    asked = questions(2, count=20, shared=True)
    for question, found in zip(asked, loglikelihoods(model, asked), strict=True):
        assert found.logprobs == pytest.approx(alone(model, question)[0], abs=1e-3)


def test_too_long_loses_its_beginning(tiny: Evaluated) -> None:
    dice = random.Random(0)
    context = tuple(dice.randrange(300) for _ in range(WINDOW + 30))
    asked = [Question(context, (5, 6, 7)), Question(context, (9,)), Question(context[:20], (9,))]
    found = loglikelihoods(tiny.model, asked)
    assert [one.cut for one in found] == [32, 30, 0]
    for question, one in zip(asked, found, strict=True):
        assert one.logprobs == pytest.approx(alone(tiny.model, question)[0], abs=1e-4)
    with pytest.raises(BadRequest, match="window of 256"):
        loglikelihoods(tiny.model, [Question((1,), tuple(range(WINDOW + 1)))])


def test_a_model_in_training_comes_back_in_training(tiny: Evaluated) -> None:
    tiny.model.train()
    assert loglikelihoods(tiny.model, [Question((1,), (2,))])[0].logprobs
    assert tiny.model.training
    tiny.model.eval()
    assert loglikelihoods(tiny.model, []) == []
