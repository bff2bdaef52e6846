"""GRPO: rollouts by the engine over the training weights, and a reward that rises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fireside.errors import BadRequest
from fireside.model.lora import LoraConfig, inject, without_adapters
from fireside.model.transformer import Transformer
from fireside.training.answers import Answer, Rows, logprobs_of_tokens
from fireside.training.assembly import AdapterFiles
from fireside.training.checkpoint import Checkpoints
from fireside.training.loop import State, train
from fireside.training.objectives.grpo import Grpo
from fireside.training.rollouts import Rollouts

from . import toy
from .small_tasks import END, Letters, Listed, better_share, plan, problems
from .test_preferences import adapted, base

PROBLEMS, HELD_OUT = problems(12), problems(6, seed=1)


def rollouts(model: Transformer, **more: Any) -> Rollouts:
    return Rollouts(model, Letters(), longest_prompt=6, max_tokens=6, **more)  # type: ignore[arg-type]


def grpo(model: Transformer, **more: Any) -> Grpo:
    parts: dict[str, Any] = {
        "tokenizer": Letters(), "examples": Listed(PROBLEMS, per_step=4), "held_out": HELD_OUT,
        "reward": better_share, "group": 6, "max_new_tokens": 6,
    }  # fmt: skip
    return Grpo(model=model, **{**parts, **more})


def test_greedy_answers_are_the_models(tmp_path: Path) -> None:
    model = adapted()
    prompts = [problem.prompt_ids for problem in PROBLEMS]
    (found, *_), *others = rollouts(model).write(prompts, each=1, step=0, temperature=0)
    for prompt, (written,) in zip(prompts, [[found], *others], strict=True):
        ids = list(prompt)
        for _ in range(6):
            with torch.no_grad():
                ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] == END:
                break
        assert list(written.ids) == ids[len(prompt) :]
        assert written.ended == (ids[-1] == END)
        assert written.text == Letters().decode(i for i in written.ids if i != END)


def test_the_same_step_writes_the_same_and_another_step_or_place_does_not() -> None:
    model = base()
    prompts = [PROBLEMS[0].prompt_ids] * 2
    first = rollouts(model).write(prompts, each=8, step=3)
    again = rollouts(model, together=4).write(prompts, each=8, step=3)
    assert first == again
    assert first[0] != first[1]
    assert len(set(first[0])) > 1
    assert rollouts(model).write(prompts, each=8, step=4) != first
    assert rollouts(model, seed=1).write(prompts, each=8, step=3) != first


def test_no_copy_of_the_weights_and_no_old_keys_and_values() -> None:
    model = base()
    writer = rollouts(model)
    prompts = [problem.prompt_ids for problem in PROBLEMS]
    before = writer.write(prompts, each=1, step=0, temperature=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.3)
    after = writer.write(prompts, each=1, step=1, temperature=0)
    assert after == rollouts(model).write(prompts, each=1, step=1, temperature=0)
    assert after != before


def test_writing_leaves_the_model_as_it_was() -> None:
    model = adapted().train()
    rollouts(model).write([PROBLEMS[0].prompt_ids], each=2, step=0)
    assert model.training
    model(torch.tensor([[1, 2, 3]])).sum().backward()


@pytest.mark.parametrize("lora", [True, False])
def test_the_reward_rises(lora: bool) -> None:
    model = adapted() if lora else base()
    objective = grpo(model)
    before = objective.validate(model)
    rewards = []
    course = plan(40, 2e-2)
    state = State.fresh(model, course)
    train(
        model,
        objective,
        course,
        state=state,
        on_step=lambda step: rewards.append(step.metrics["reward"]),
    )
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.3
    assert objective.validate(model)["reward"] > before["reward"]
    assert objective.validate(model)["loss"] == -objective.validate(model)["reward"]


def test_rows_advantages_and_weights() -> None:
    model = adapted()
    objective = grpo(model, rows=5)
    micros = objective.micro_batches(0)
    answers = sum(len(micro.advantage) for micro in micros)
    assert answers <= 4 * 6
    assert sum(len(micro.rows.targets) for micro in micros) == sum(m.weight for m in micros)
    assert abs(float(torch.cat([m.advantage for m in micros]).sum())) < 1e-4
    for micro in micros:
        loss = objective.loss(model, micro)
        # On its own answers the ratio is one: the loss is minus the advantage of every token.
        wanted = -(micro.advantage[micro.rows.owners]).sum()
        torch.testing.assert_close(loss.total, wanted, atol=1e-4, rtol=1e-4)
        assert loss.metrics["reward"] / micro.weight == pytest.approx(micro.told["reward"])


def test_groups_without_a_difference_are_left_out_unless_all_are() -> None:
    flat = grpo(base(), reward=lambda text, answer: 1.0)
    micros = flat.micro_batches(0)
    assert sum(len(micro.advantage) for micro in micros) == 4 * 6
    assert not torch.cat([micro.advantage for micro in micros]).any()
    longest = max(PROBLEMS[:3], key=lambda p: len(p.prompt_ids))
    lone = grpo(base(), examples=Listed((longest,), per_step=2), reward=better_share)
    assert lone.micro_batches(0)


def test_beta_keeps_near_the_base() -> None:
    model = adapted()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape) * 0.3)
    objective = grpo(model, beta=0.5)
    (micro, *_) = objective.micro_batches(0)
    loss = objective.loss(model, micro)
    with torch.no_grad():
        now = logprobs_of_tokens(model, micro.rows)
        with without_adapters(model):
            away = logprobs_of_tokens(model, micro.rows) - now
    kl = (torch.exp(away) - away - 1).sum()
    assert loss.metrics["kl"] == pytest.approx(float(kl), rel=1e-4)
    wanted = -(micro.advantage[micro.rows.owners]).sum() + 0.5 * kl
    torch.testing.assert_close(loss.total, wanted, atol=1e-3, rtol=1e-4)


def test_resumed_is_uninterrupted(tmp_path: Path) -> None:
    def run(folder: Path, stops: tuple[int, ...]) -> dict[str, torch.Tensor]:
        kept = Checkpoints(folder=folder, weights=AdapterFiles("toy"))
        for stop in stops:
            model = toy.model()
            inject(model, LoraConfig(rank=2, dropout=0.2), seed=1)
            course = plan(6, 2e-2)
            state = State.fresh(model, course)
            kept.restore(model, state)
            steps = []
            train(
                model,
                grpo(model),
                course,
                state=state,
                on_step=lambda step, steps=steps: steps.append(step.step),
                on_checkpoint=lambda state, model=model: kept.save(model, state),
                should_stop=lambda steps=steps, stop=stop: steps[-1] == stop,
            )
        return {name: p.detach() for name, p in model.named_parameters()}

    whole, parts = run(tmp_path / "a", (6,)), run(tmp_path / "b", (2, 5, 6))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"beta": 0.1}, "use --lora"),
        ({"group": 1}, "at least 2"),
        ({"ranks": 2}, "one process"),
        ({"temperature": 0.0}, "temperature"),
        ({"max_new_tokens": 64}, "context is 64"),
    ],
)
def test_what_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        grpo(base(), **parts)
    assert said in str(refused.value)


def test_a_soft_cap_has_no_other_temperature() -> None:
    with pytest.raises(BadRequest, match="temperature"):
        grpo(toy.model(logit_softcap=3.0), temperature=0.5)
    model = toy.model(logit_softcap=3.0)
    assert Rows.of([Answer(prompt=(1,), answer=(2,))]).ids.shape == (1, 1)
    assert grpo(model).micro_batches(0)
