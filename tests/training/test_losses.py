"""Every loss against TRL's own code on the same tensors, and against closed forms."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from fireside.training.objectives.distill import distill_loss
from fireside.training.objectives.dpo import dpo_loss
from fireside.training.objectives.grpo import advantages, grpo_loss
from fireside.training.objectives.kto import kto_loss

P, T = 5, 7


@pytest.fixture(scope="module")
def trl() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import trl
        from trl.trainer import distillation_trainer, dpo_trainer, grpo_trainer, kto_trainer
    return SimpleNamespace(
        version=trl.__version__,
        dpo=dpo_trainer.DPOTrainer,
        kto=kto_trainer.KTOTrainer,
        grpo=grpo_trainer.GRPOTrainer,
        divergence=distillation_trainer._chunked_divergence_loss,
    )


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def answer_mask(rows: int, seed: int = 9) -> Tensor:
    """Answers of several lengths behind prompts of several lengths, padded on the right."""
    dice = torch.Generator().manual_seed(seed)
    mask = torch.zeros(rows, T + 1, dtype=torch.long)
    for row in range(rows):
        begin = int(torch.randint(1, 3, (), generator=dice))
        end = int(torch.randint(begin + 1, T + 2, (), generator=dice))
        mask[row, begin:end] = 1
    return mask


class TheirTrainer(SimpleNamespace):
    """As much of a trainer as its loss looks at: no model, no data, no accelerator."""

    def __init__(self, **more: Any) -> None:
        alone = SimpleNamespace(
            device=torch.device("cpu"),
            gather=lambda x: x,
            gather_for_metrics=lambda x: x,
            reduce=lambda x, reduction: x,
            num_processes=1,
        )
        super().__init__(
            accelerator=alone,
            model=SimpleNamespace(training=False),
            aux_loss_enabled=False,
            _metrics={"train": defaultdict(list), "eval": defaultdict(list)},
            _total_train_tokens=0,
            **more,
        )


def their_model(logprobs: Tensor) -> Any:
    """A model whose fused head answers these log-probabilities."""
    rest = torch.zeros_like(logprobs)
    return lambda **_: SimpleNamespace(
        log_probs=logprobs, entropy=rest, mean_logits=rest, is_top1=rest.bool()
    )


def test_dpo_is_trls(trl: Any) -> None:
    mask = answer_mask(2 * P)
    logprobs = (-numbers(2 * P, T).abs() * mask[:, 1:]).requires_grad_()
    reference = -numbers(2 * P, seed=1).abs() * 3
    trainer = TheirTrainer(
        ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl",
        loss_types=["sigmoid"], loss_weights=[1.0], beta=0.3, use_weighting=False,
    )  # fmt: skip
    inputs = {
        "input_ids": torch.zeros(2 * P, T + 1, dtype=torch.long),
        "attention_mask": torch.ones(2 * P, T + 1),
        "completion_mask": mask,
        "ref_chosen_logps": reference[:P],
        "ref_rejected_logps": reference[P:],
    }
    theirs = trl.dpo._compute_loss(trainer, their_model(logprobs), inputs, return_outputs=False)
    whole = logprobs.sum(dim=1)
    ours = dpo_loss(whole[:P], whole[P:], reference[:P], reference[P:], beta=0.3)
    same(ours.mean(), theirs, logprobs)


def test_kto_is_trls(trl: Any) -> None:
    mask = answer_mask(P)
    logprobs = (-numbers(P, T).abs() * mask[:, 1:]).requires_grad_()
    reference, good = -numbers(P, seed=1).abs() * 3, torch.tensor([1, 0, 1, 1, 0]).bool()
    for shift in (-3.0, 3.0):  # the estimate is cut off at zero
        drifted, drifted_reference = numbers(P, seed=2) + shift, numbers(P, seed=3)
        trainer = TheirTrainer(
            calculate_KL=True, precompute_ref_logps=True, loss_type="kto", beta=0.3,
            desirable_weight=1.3, undesirable_weight=0.7, _tp_size=1,
            _compute_kl_logps=lambda model, batch, drifted=drifted: drifted,
        )  # fmt: skip
        inputs = {
            "input_ids": torch.zeros(P, T + 1, dtype=torch.long),
            "attention_mask": torch.ones(P, T + 1),
            "completion_mask": mask,
            "label": good,
            "ref_logps": reference,
            "ref_KL_logps": drifted_reference,
        }
        theirs = trl.kto._compute_loss(trainer, their_model(logprobs), inputs, False)
        kl = (drifted - drifted_reference).mean().clamp(min=0)
        assert (kl == 0) == (shift < 0)
        ours = kto_loss(
            logprobs.sum(dim=1), reference, good, kl, beta=0.3, good_weight=1.3, bad_weight=0.7
        )
        same(ours.mean(), theirs, logprobs)


@pytest.mark.parametrize("beta", [0.0, 0.2])
def test_grpo_is_trls(trl: Any, beta: float) -> None:
    mask = answer_mask(P)[:, 1:]
    logprobs = numbers(P, T).requires_grad_()
    old = logprobs.detach() + 0.5 * numbers(P, T, seed=1)
    reference, advantage = numbers(P, T, seed=2), numbers(P, seed=3)
    trainer = TheirTrainer(
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, beta=beta, use_vllm=False,
        importance_sampling_level="token", loss_type="dapo", epsilon_low=0.1, epsilon_high=0.3,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False),
        _entropy_bonus_enabled=False,
        _get_per_token_logps_and_entropies=lambda *_, **__: (logprobs, logprobs.detach(), None),
    )  # fmt: skip
    inputs = {
        "prompt_ids": torch.zeros(P, 2, dtype=torch.long),
        "prompt_mask": torch.ones(P, 2, dtype=torch.long),
        "completion_ids": torch.zeros(P, T, dtype=torch.long),
        "completion_mask": mask,
        "advantages": advantage,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }
    theirs = trl.grpo._compute_loss(trainer, None, inputs)
    learned = mask.bool()
    ours = grpo_loss(
        logprobs[learned],
        old[learned],
        advantage[:, None].expand(P, T)[learned],
        reference[learned],
        clip_low=0.1,
        clip_high=0.3,
        beta=beta,
    )
    same(ours.sum() / mask.sum(), theirs, logprobs)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize(("direction", "theirs"), [("forward", 0.0), ("reverse", 1.0)])
def test_distillation_is_trls(trl: Any, direction: Any, theirs: float, temperature: float) -> None:
    hidden = numbers(1, P, 8).requires_grad_()
    teacher, head, teachers_head = numbers(1, P, 6, seed=1), numbers(11, 8), numbers(11, 6, seed=2)
    found, _, _ = trl.divergence(
        hidden, teacher, head, teachers_head, torch.ones(1, P), theirs, temperature=temperature
    )
    ours = distill_loss(
        hidden[0] @ head.t(),
        teacher[0] @ teachers_head.t(),
        temperature=temperature,
        direction=direction,
    )
    # TRL leaves Hinton's square of the temperature out.
    same(ours.mean() / temperature**2, found, hidden)


def same(ours: Tensor, theirs: Tensor, leaf: Tensor) -> None:
    """Equal values and equal gradients."""
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    (one,) = torch.autograd.grad(ours, leaf, retain_graph=True)
    (other,) = torch.autograd.grad(theirs, leaf, retain_graph=True)
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


# Closed forms


def test_before_the_first_step_nothing_is_preferred() -> None:
    one, two = numbers(P), numbers(P, seed=1)
    assert torch.allclose(dpo_loss(one, two, one, two, beta=0.1), torch.tensor(math.log(2)))
    good = torch.tensor([True, False, True, False, True])
    half = kto_loss(one, one, good, torch.zeros(()), beta=0.1)
    assert torch.equal(half, torch.full((P,), 0.5))
    assert torch.equal(distill_loss(numbers(3, 9), numbers(3, 9)), torch.zeros(3))
    # On its own answers GRPO's loss is minus the advantage, and its gradient the policy's.
    new = one.clone().requires_grad_()
    loss = grpo_loss(new, one, two)
    assert torch.equal(loss, -two)
    loss.sum().backward()
    assert new.grad is not None
    assert torch.equal(new.grad, -two)


def test_dpo_by_hand() -> None:
    loss = dpo_loss(*(torch.tensor([x]) for x in (-1.0, -4.0, -2.0, -3.0)), beta=0.5)
    assert float(loss) == pytest.approx(-math.log(1 / (1 + math.exp(-0.5 * 2.0))))


def test_kto_takes_no_gradient_through_its_estimate() -> None:
    kl = torch.tensor(0.4, requires_grad=True)
    logprobs = numbers(2).requires_grad_()
    loss = kto_loss(logprobs, numbers(2, seed=1), torch.tensor([True, False]), kl, beta=0.1)
    loss.sum().backward()
    assert kl.grad is None


def test_clipping_stops_where_the_policy_has_gone_far_enough() -> None:
    old = torch.zeros(4)
    new = torch.tensor([1.0, 1.0, -1.0, -1.0], requires_grad=True)
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    grpo_loss(new, old, advantage).sum().backward()
    assert new.grad is not None
    assert [bool(g) for g in new.grad] == [False, True, True, False]


def test_advantages() -> None:
    found = advantages(torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]]))
    std = math.sqrt(4 * 0.25 / 3)
    assert found[0].tolist() == pytest.approx([0.5 / (std + 1e-4) * s for s in (1, -1, -1, 1)])
    assert found[1].tolist() == [0.0] * 4


def test_the_two_directions_of_distillation() -> None:
    """Against torch.distributions; a sure student is punished by the forward one only."""
    teacher, student = torch.zeros(1, 4), torch.tensor([[9.0, 0.0, 0.0, 0.0]])
    p = torch.distributions.Categorical(logits=teacher)
    q = torch.distributions.Categorical(logits=student)
    kl = torch.distributions.kl_divergence
    torch.testing.assert_close(distill_loss(student, teacher), kl(p, q))
    torch.testing.assert_close(distill_loss(student, teacher, direction="reverse"), kl(q, p))
    assert float(kl(p, q)) > 3 * float(kl(q, p))
