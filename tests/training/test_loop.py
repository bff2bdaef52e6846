from __future__ import annotations

import torch

from fireside.training.loop import State, train
from tests.training import toy


def test_it_learns() -> None:
    model, plan = toy.model(), toy.plan(60)
    losses = []
    state = train(
        model,
        toy.objective(),
        plan,
        state=State.fresh(model, plan),
        on_step=lambda step: losses.append(step.loss),
    )
    assert (state.step, state.ending, len(losses)) == (60, "finished", 60)
    # Uniform guessing costs ln 61 = 4.1; the language itself ln 3 = 1.1.
    assert losses[0] > 3.9
    assert losses[-1] < 1.8
    assert torch.isfinite(torch.tensor(losses)).all()
