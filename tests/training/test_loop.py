"""The laws of the loop: accumulation, packing, recomputation, clipping, stopping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fireside.errors import BadRequest, NonFinite, Unsupported
from fireside.model.transformer import Transformer
from fireside.training.loop import Loss, Plan, State, Step, Validation, World, train, update
from fireside.training.objectives import METHODS, build
from fireside.training.objectives.next_token import NextToken, next_token_loss
from fireside.training.objectives.sft import Sft
from fireside.training.optimisers import OptimiserConfig
from fireside.training.plan import computes_in_bfloat16
from fireside.training.schedules import Schedule
from tests.training import toy


def run(plan: Plan, objective: NextToken | None = None, **more: Any) -> tuple[State, list[Step]]:
    model, steps = more.pop("model", None) or toy.model(), []
    state = State.fresh(model, plan)
    train(model, objective or toy.objective(), plan, state=state, on_step=steps.append, **more)
    return state, steps


def gradients(model: Transformer) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_it_learns(name: str) -> None:
    state, steps = run(toy.plan(60, name))
    assert (state.step, state.ending, len(steps)) == (60, "finished", 60)
    # Uniform guessing costs ln 61 = 4.1; the language itself ln 3 = 1.1.
    assert steps[0].loss > 3.9
    assert steps[-1].loss < 2.0
    assert state.weight == 60 * 6 * 15


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_accumulated_is_at_once(rows: int) -> None:
    """Rows of unlike weight: the mean is over tokens, not over micro-batches."""

    class Uneven(toy.ToyBatches):
        def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Any]:
            (whole,) = replace(self, rows_per_batch=6).parent_rows(step)
            targets = whole.targets.clone()
            for row in range(6):
                targets[row, 2 * row :] = -100
            parts = zip(
                whole.ids.split(self.rows_per_batch),
                targets.split(self.rows_per_batch),
                strict=True,
            )
            return [toy.Batch(ids=i, targets=t, weight=float((t != -100).sum())) for i, t in parts]

        def parent_rows(self, step: int) -> list[Any]:
            return super().rows(step)

    def end(rows_per_batch: int) -> tuple[Transformer, list[Step]]:
        model = toy.model()
        plan = toy.plan(5, optimiser=OptimiserConfig(learning_rate=1e-3))
        return model, run(
            plan, NextToken(batches=Uneven(rows_per_batch=rows_per_batch)), model=model
        )[1]

    (parts, some), (whole, all_) = end(rows), end(6)
    for one, other in zip(some, all_, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-5)
        assert one.norm == pytest.approx(other.norm, rel=1e-4)
    for (name, left), right in zip(parts.named_parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(left, right, atol=2e-5, rtol=1e-3, msg=name)


def test_packed_is_separate() -> None:
    """Two documents in a row, with padding: losses and gradients of both alone."""
    first, second = torch.arange(9)[None] % toy.VOCAB, torch.arange(30, 36)[None]
    padding = torch.zeros(1, 3, dtype=torch.long)
    a, b = toy.batch(first), toy.batch(second)
    packed = toy.Batch(
        ids=torch.cat((first, second, padding), dim=1),
        targets=torch.cat((a.targets, b.targets, padding - 100), dim=1),
        documents=torch.tensor([[0] * 9 + [1] * 6 + [-1] * 3]),
        weight=a.weight + b.weight,
    )
    one, two = toy.model(), toy.model()
    together = next_token_loss(one, packed)
    apart = next_token_loss(two, a) + next_token_loss(two, b)
    together.backward()
    apart.backward()
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(gradients(one), gradients(two), atol=1e-5, rtol=1e-4)


def test_recomputed_is_kept() -> None:
    (batch,) = toy.ToyBatches().rows(0)
    plain, again = toy.model().train(), toy.model().train()
    again.model.activation_checkpointing = True
    left, right = next_token_loss(plain, batch), next_token_loss(again, batch)
    left.backward()
    right.backward()
    assert torch.equal(left, right)
    torch.testing.assert_close(gradients(plain), gradients(again), atol=0, rtol=0)


def test_the_loss_is_torchs() -> None:
    (batch,) = toy.ToyBatches().rows(3)
    model = toy.model()
    expected = torch.nn.functional.cross_entropy(
        model(batch.ids).flatten(0, 1), batch.targets.flatten(), reduction="sum"
    )
    torch.testing.assert_close(next_token_loss(model, batch), expected)


def test_clipping_holds_the_norm() -> None:
    """Plain gradient descent moves as far as the clipped gradient is long."""
    model, plan = toy.model(), toy.plan(3, clip=0.01)
    state = State.fresh(model, plan)
    state.optimiser.parts = [torch.optim.SGD(model.parameters(), lr=1.0)]
    for part in state.optimiser.parts:
        for group in part.param_groups:
            group["peak"] = 1.0
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    step = update(model, toy.objective(), plan, state=state, world=World())
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert step.norm > 0.01
    assert float((after - before).norm()) == pytest.approx(0.01 * step.factor, rel=1e-3)


def test_the_slow_copy_is_what_is_validated() -> None:
    model, plan = toy.model(), toy.plan(6, ema=0.9, validate_every=3)
    state = State.fresh(model, plan)
    seen: list[Validation] = []
    train(model, toy.objective(), plan, state=state, on_validation=seen.append)
    with state.averaged(), torch.no_grad():
        assert toy.objective().validate(model)["loss"] == seen[-1].metrics["loss"]
    with torch.no_grad():
        assert toy.objective().validate(model)["loss"] != seen[-1].metrics["loss"]
    assert [validation.step for validation in seen] == [3, 6]


def test_without_progress_it_ends() -> None:
    class Worse(NextToken):
        losses = iter([3.0, 2.0, 2.5, 2.4, 1.0])

        def validate(self, model: Transformer) -> dict[str, float]:
            return {"loss": next(self.losses)}

    seen: list[Validation] = []
    saved: list[int] = []
    state, _ = run(
        toy.plan(20, validate_every=2, patience=2),
        Worse(batches=toy.ToyBatches()),
        on_validation=seen.append,
        on_checkpoint=lambda state: saved.append(state.step),
    )
    assert (state.ending, state.step, state.best_step, state.best_loss) == (
        "no progress",
        8,
        4,
        2.0,
    )
    assert [validation.best for validation in seen] == [True, True, False, False]
    assert saved == [2, 4, 8]


def test_it_stops_when_asked_and_goes_on() -> None:
    model, plan = toy.model(), toy.plan(6, checkpoint_every=4)
    state, saved = State.fresh(model, plan), []

    def go(**more: Any) -> State:
        return train(
            model, toy.objective(), plan, state=state,
            on_checkpoint=lambda state: saved.append(state.step), **more,
        )  # fmt: skip

    assert go(should_stop=lambda: state.step == 3).ending == "stopped"
    assert go().ending == "finished"
    assert saved == [3, 4, 6]


class Poisoned(NextToken):
    def loss(self, model: Transformer, micro: Any) -> Loss:
        found = super().loss(model, micro)
        return replace(found, total=found.total * float("nan")) if micro.ids[0, 0] == 7 else found


def test_a_loss_that_is_no_number_leaves_the_weights_and_the_batch(tmp_path: Path) -> None:
    class Batches(toy.ToyBatches):
        def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Any]:
            found = super().rows(step)
            if step == 2:
                found[1].ids[0, 0] = 7
            for other in found[:1]:
                other.ids[0, 0] = 8
            return found

    model, plan = toy.model(), toy.plan(5, nonfinite_folder=tmp_path)
    state = State.fresh(model, plan)
    before: list[Tensor] = []
    with pytest.raises(NonFinite, match=r"step 3: the loss is nan; the batch is in .*step-2"):
        train(
            model,
            Poisoned(batches=Batches(rows_per_batch=2)),
            plan,
            state=state,
            on_step=lambda _: before.__setitem__(
                slice(None), [p.detach().clone() for p in model.parameters()]
            ),
        )
    saved = load_file(tmp_path / "nonfinite-step-2.safetensors")
    assert saved.keys() == {"1.ids", "1.targets"}
    assert saved["1.ids"][0, 0] == 7
    assert state.step == 2
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_gradient_that_is_no_number_stops_too() -> None:
    model, plan = toy.model(), toy.plan(5)
    state = State.fresh(model, plan)
    model.model.norm.weight.register_hook(lambda grad: grad * float("inf"))
    with pytest.raises(NonFinite, match="the gradient is"):
        train(model, toy.objective(), plan, state=state)


def test_bfloat16_learns_as_well() -> None:
    exact, rounded = run(toy.plan(30))[1], run(toy.plan(30, precision="bfloat16"))[1]
    assert exact[0].loss == pytest.approx(rounded[0].loss, rel=0.01)
    assert exact[-1].loss == pytest.approx(rounded[-1].loss, rel=0.1)
    assert computes_in_bfloat16("bfloat16", torch.device("cpu"))
    assert not computes_in_bfloat16("float32", torch.device("cpu"))


def test_validation_says_nats_and_bits() -> None:
    held_out = toy.ToyBatches(seed=5).rows(0)
    objective = NextToken(batches=toy.ToyBatches(), held_out=held_out, bytes_per_token=2.0)
    found = objective.validate(toy.model())
    assert found["loss"] == pytest.approx(4.11, abs=0.1)
    assert found["perplexity"] == pytest.approx(2.718281828 ** found["loss"])
    assert found["bits_per_byte"] == pytest.approx(found["loss"] / 0.6931471805599453 / 2)
    assert NextToken(batches=toy.ToyBatches()).validate(toy.model()) == {}


def test_ranks_share_what_one_would_do() -> None:
    """The sum over two ranks' gradients is one rank's gradient."""
    whole, halves = toy.model(), toy.model()
    objective = toy.objective()
    objective.loss(whole, objective.micro_batches(0)[0]).total.backward()
    for rank in range(2):
        part = replace(objective, rank=rank, ranks=2)
        part.loss(halves, part.micro_batches(0)[0]).total.backward()
    torch.testing.assert_close(gradients(whole), gradients(halves), atol=1e-4, rtol=1e-4)


def test_objectives_are_found_by_method() -> None:
    assert type(build("sft", batches=toy.ToyBatches())) is Sft
    assert build("pretrain", batches=toy.ToyBatches()).name == "pretrain"
    assert {"pretrain", "sft", "dpo", "kto", "grpo", "distill"} <= METHODS.keys()
    with pytest.raises(Unsupported, match="no training method 'magic'"):
        build("magic")


@pytest.mark.parametrize(
    "wrong",
    [{"schedule": Schedule(steps=0)}, {"ema": 1.0}, {"patience": 0}, {"validate_every": -1}],
)
def test_plans_that_contradict_themselves(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        toy.plan(**wrong)


def test_compiled_layers_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler here: that every layer is compiled, under its own name, and nothing else."""
    compiled: list[torch.nn.Module] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(self))
    model = toy.model()
    run(toy.plan(1, compile=True), model=model)
    assert compiled == list(model.model.layers)
