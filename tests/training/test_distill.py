"""Distillation: in chunks as in one, and a student that comes near its teacher."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fireside.errors import BadRequest
from fireside.training.loop import State, train
from fireside.training.objectives import distill
from fireside.training.objectives.distill import (
    Distill,
    chunked_distill_loss,
    distill_loss,
    same_vocabulary,
)

from . import toy
from .small_tasks import plan
from .test_preferences import base


def objective(student: Any, **more: Any) -> Distill:
    parts: dict[str, Any] = {"teacher": base(), "batches": toy.ToyBatches(), **more}
    return Distill(model=student, held_out=toy.ToyBatches(seed=77).rows(0), **parts)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_chunks_change_nothing(
    direction: Any, softcap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    student, teacher = toy.model(logit_softcap=softcap), base()
    dice = torch.Generator().manual_seed(0)
    rows = torch.randn(11, 16, generator=dice).requires_grad_()
    wanted = torch.randn(11, 16, generator=dice)
    found = []
    for numbers in (1, 3 * toy.VOCAB, 1 << 20):
        monkeypatch.setattr(distill, "CHUNK_NUMBERS", numbers)
        total = chunked_distill_loss(
            student, teacher, rows, wanted, temperature=2.0, direction=direction
        )
        head = student.head_weight
        found.append([total.detach(), *torch.autograd.grad(total, (rows, head))])
    whole = distill_loss(
        student.head(rows), teacher.head(wanted), temperature=2.0, direction=direction
    ).sum()
    found.append([whole.detach(), *torch.autograd.grad(whole, (rows, student.head_weight))])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_a_student_comes_near_its_teacher(direction: Any) -> None:
    student = toy.model(seed=5)
    goal = objective(student, direction=direction)
    before = goal.validate(student)["loss"]
    kept = {name: p.clone() for name, p in goal.teacher.named_parameters()}
    course = plan(60, 2e-2)
    train(student, goal, course, state=State.fresh(student, course))
    assert goal.validate(student)["loss"] < 0.7 * before
    assert all(torch.equal(p, kept[n]) for n, p in goal.teacher.named_parameters())


def test_a_teacher_of_itself_has_nothing_to_teach() -> None:
    model = base()
    assert objective(model, teacher=base()).validate(model)["loss"] == pytest.approx(0, abs=1e-6)


def test_another_vocabulary_is_refused() -> None:
    with pytest.raises(BadRequest, match="the teacher knows 70 tokens and the model 61"):
        objective(toy.model(), teacher=toy.model(vocab_size=70))
    with pytest.raises(BadRequest, match="temperature 0"):
        objective(toy.model(), temperature=0.0)


class Words:
    def __init__(self, *words: str) -> None:
        self.words = words
        self.vocab_size = len(words)

    def token_bytes(self, number: int) -> bytes:
        return self.words[number].encode()


def test_another_tokenizer_is_refused() -> None:
    same_vocabulary(Words("a", "b"), Words("a", "b"))  # type: ignore[arg-type]
    for other in (Words("a", "c"), Words("a"), Words("a", "b", "c")):
        with pytest.raises(BadRequest, match=r"token [12] of the teacher"):
            same_vocabulary(Words("a", "b"), other)  # type: ignore[arg-type]
