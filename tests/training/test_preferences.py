"""DPO and KTO: what they are made of, and that a small model learns a rule by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from fireside.errors import BadRequest
from fireside.model.lora import LoraConfig, inject, without_adapters
from fireside.model.transformer import Transformer
from fireside.training.answers import (
    Answer,
    Reference,
    Rows,
    by_length,
    logprobs_of_answers,
    logprobs_of_tokens,
)
from fireside.training.loop import State, train
from fireside.training.objectives.dpo import Dpo, both
from fireside.training.objectives.kto import Kto, balanced, given, strangers

from . import toy
from .small_tasks import Listed, pairs, plan, thumbs

PAIRS, HELD_OUT = pairs(48), pairs(24, seed=1)
THUMBS, HELD_OUT_THUMBS = thumbs(60), thumbs(30, seed=1)


def base() -> Transformer:
    """A model that says something: fresh weights are so small that a frozen head hears nothing."""
    model = toy.model()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    return model


def adapted() -> Transformer:
    model = base()
    inject(model, LoraConfig(rank=4, alpha=8.0), seed=1)
    return model


def dpo(model: Transformer, **more: Any) -> Dpo:
    return Dpo(model=model, examples=Listed(PAIRS), held_out=HELD_OUT, **more)  # type: ignore[arg-type]


def kto(model: Transformer, **more: Any) -> Kto:
    return Kto(model=model, examples=Listed(THUMBS), held_out=HELD_OUT_THUMBS, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["pairs", "one each", "window", "mixed", "long"])
def test_log_probabilities_are_those_of_each_answer_alone(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"sliding_window": 3, "sliding_layers": (True, False)} if kind == "window" else {}
    model = toy.model(logit_softcap=4.0, **more)
    answers = [one for pair in PAIRS[:6] for one in both(pair)]
    if kind == "one each":
        answers = answers[::2]
    if kind == "long":  # a prompt's answers do not all fit one row
        monkeypatch.setattr("fireside.training.answers.MOST_SHARED", 12)
        answers = [Answer(prompt=answers[0].prompt, answer=one.answer) for one in answers]
        assert 1 < len(Rows.of(answers).ids) < len(answers)
    if kind == "mixed":  # out of order, three to a prompt, one token long
        extra = Answer(prompt=answers[0].prompt, answer=(5,))
        answers = [answers[3], extra, *answers[:3], extra]
    assert (Rows.of(answers).branches is None) == (kind == "one each")
    found = logprobs_of_answers(model, Rows.of(answers))
    each = logprobs_of_tokens(model, Rows.of(answers))
    wanted = []
    for answer in answers:
        ids = torch.tensor([[*answer.prompt, *answer.answer]])
        logs = F.log_softmax(model(ids[:, :-1])[0], dim=-1)
        targets = ids[0, 1:, None]
        wanted.append(logs.gather(1, targets)[len(answer.prompt) - 1 :, 0])
    owners = Rows.of(answers).owners
    for number, one in enumerate(wanted):
        torch.testing.assert_close(each[owners == number], one, atol=1e-5, rtol=1e-5)
    sums = torch.stack([one.sum() for one in wanted])
    torch.testing.assert_close(found, sums, atol=1e-5, rtol=1e-5)


def test_at_a_temperature() -> None:
    model, answer = toy.model(), both(PAIRS[0])[0]
    found = logprobs_of_tokens(model, Rows.of([answer]), temperature=2.0)
    ids = torch.tensor([[*answer.prompt, *answer.answer]])
    logs = F.log_softmax(model(ids[:, :-1])[0] / 2, dim=-1).gather(1, ids[0, 1:, None])
    torch.testing.assert_close(found, logs[len(answer.prompt) - 1 :, 0], atol=1e-5, rtol=1e-5)


def test_an_empty_answer_is_refused() -> None:
    with pytest.raises(BadRequest, match="empty"):
        Rows.of([Answer(prompt=(1, 2), answer=())])


def test_rows_of_like_length_go_together() -> None:
    parts = list(by_length([3, 1, 2, 9, 8], 2, lambda x: x))
    assert [list(part) for part in parts] == [[1, 2], [3, 8], [9]]


def test_the_reference_is_the_base_and_is_kept(tmp_path: Path) -> None:
    model = adapted()
    answers = [one for pair in PAIRS[:5] for one in both(pair)]
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    told: list[tuple[int, int]] = []
    path = tmp_path / "reference.safetensors"
    reference = Reference.of(
        model, answers, path=path, rows=3, progress=lambda *so_far: told.append(so_far)
    )
    assert told[-1] == (10, 10)
    with torch.no_grad(), without_adapters(model):
        wanted = logprobs_of_answers(model, Rows.of(answers))
    torch.testing.assert_close(reference(answers), wanted, atol=1e-5, rtol=1e-5)
    # Another model, the same file: nothing is reckoned again.
    again = Reference.of(toy.model(seed=9), answers, path=path)
    assert torch.equal(again(answers), reference(answers))
    more = Reference.of(toy.model(seed=9), answers, path=tmp_path / "unwritten", writes=False)
    assert not torch.allclose(more(answers), reference(answers))
    assert not (tmp_path / "unwritten").exists()


@pytest.mark.parametrize("make", [dpo, kto])
def test_before_the_first_step_nothing_is_preferred(make: Any) -> None:
    model = adapted()
    found = make(model).validate(model)
    if make is dpo:
        assert found["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert abs(found["margin" if make is dpo else "gain"]) < 1e-4
    assert model.training


@pytest.mark.parametrize("make", [dpo, kto])
@pytest.mark.parametrize("lora", [True, False])
def test_a_rule_is_learned(make: Any, lora: bool) -> None:
    model = adapted() if lora else base()
    objective = make(model, beta=0.2)
    before = objective.validate(model)
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    margins = []
    course = plan(60, 2e-2)
    state = State.fresh(model, course)
    train(
        model,
        objective,
        course,
        state=state,
        on_step=lambda step: margins.append(step.metrics["margin" if make is dpo else "gain"]),
    )
    after = objective.validate(model.eval())
    assert after["loss"] < before["loss"]
    assert after["accuracy"] > (0.9 if make is dpo else 0.8)
    assert sum(margins[-5:]) > sum(margins[:5]) + 2.5
    assert all(torch.equal(dict(model.named_parameters())[name], p) for name, p in frozen.items())


@pytest.mark.parametrize("make", [dpo, kto])
def test_the_size_of_micro_batches_changes_nothing(make: Any) -> None:
    gradients = []
    for rows in (1, 3, 16):
        model = adapted()
        objective = make(model, rows=rows)
        micros = objective.micro_batches(3)
        assert sum(micro.weight for micro in micros) == 8
        for micro in micros:
            objective.loss(model, micro).total.backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for other in gradients[1:]:
        for one, two in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("make", [dpo, kto])
def test_two_ranks_see_what_one_sees(make: Any) -> None:
    model = adapted()
    whole = make(model)
    total = sum(float(whole.loss(model, micro).total) for micro in whole.micro_batches(2))
    shares = [make(model, rank=rank, ranks=2) for rank in range(2)]
    parts = [
        float(share.loss(model, micro).total)
        for share in shares
        for micro in share.micro_batches(2)
    ]
    assert sum(parts) == pytest.approx(total, rel=1e-5)


def test_strangers_and_their_drift() -> None:
    found = strangers(THUMBS)
    assert len(found) == len({given(one).key for one in THUMBS})
    assert found[given(THUMBS[4]).key].answer == THUMBS[3].answer_ids
    model = adapted()
    objective = kto(model)
    assert float(objective.drift(model, 0)) == pytest.approx(0.0, abs=1e-4)
    # A model that has learned to say the strangers' answers has drifted; the other way counts 0.
    course = plan(30, 2e-2)
    train(model, objective, course, state=State.fresh(model, course))
    rows = [found[given(one).key] for one in objective.examples.step(99)]  # type: ignore[arg-type]
    with torch.no_grad():
        model.eval()
        apart = logprobs_of_answers(model, Rows.of(rows)) - objective.reference(rows)
    assert float(objective.drift(model, 99)) == pytest.approx(
        max(0.0, float(apart.mean())), abs=1e-4
    )


def test_rare_thumbs_count_for_more() -> None:
    assert balanced([True, False, False]) == (2.0, 1.0)
    assert balanced([True, True, False]) == (1.0, 2.0)
    assert balanced([True, True]) == (1.0, 1.0)
    assert kto(adapted()).good_weight == pytest.approx(2.0)
