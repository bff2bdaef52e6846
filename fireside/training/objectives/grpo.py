"""Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300), for answers that can
be checked.

    advantage = (reward - mean of its group) / (std of its group + 1e-4)
    loss      = -min(ratio * advantage, clip(ratio) * advantage) + beta * kl      for each token

A group is several answers of the model to one problem.  Tokens count alike, whatever the length of
their answer (DAPO, arXiv:2503.14476): dividing by each answer's length favours long wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.errors import BadRequest
from fireside.model.lora import adapters, without_adapters
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer
from fireside.training.answers import Answer, Rows, by_length, logprobs_of_tokens
from fireside.training.objective import Loss
from fireside.training.rewards import Rule
from fireside.training.rollouts import Rollouts, Written

if TYPE_CHECKING:
    from fireside.data.token_examples import Examples, TokenProblem


def advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """Of each answer of each group; nothing where all answers are worth the same."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + 1e-4)


def grpo_loss(
    logprobs: Float[Tensor, " N"],
    old: Float[Tensor, " N"],
    advantage: Float[Tensor, " N"],
    reference: Float[Tensor, " N"] | None = None,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    beta: float = 0.0,
) -> Float[Tensor, " N"]:
    """Each answer token's loss.

    old: log-probabilities when the answers were written.  advantage: its answer's.
    reference: the base's, for the estimate of the KL divergence that is never negative
        (Schulman, "Approximating KL Divergence", k3); needed where `beta` is.
    """
    ratio = torch.exp(logprobs - old)
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    loss = -torch.minimum(ratio * advantage, clipped * advantage)
    if beta and reference is not None:
        away = reference - logprobs
        loss = loss + beta * (torch.exp(away) - away - 1)
    return loss


@dataclass(frozen=True, kw_only=True)
class GroupRows:
    """Answers that the model wrote.

    advantage: of each answer.  told: means over the step's answers, for the log.
    weight: answer tokens.
    """

    rows: Rows
    advantage: Float[Tensor, " A"]
    told: dict[str, float]
    weight: float


class Grpo:
    """Learns from answers of its own, by a reward.

    Parts: `examples` (problems) to learn from, `held_out` ones to validate on, with the most
    likely answer; the `tokenizer` that reads answers.

    group: answers to each problem.  rows: answers that go through the model at once, whole groups.
    beta: weight of the KL divergence from the base; more than 0 needs an adapter, because the base
        is the model with the adapter switched off.
    Errors: BadRequest, also for several ranks: each would need the whole model to write with.
    """

    name = "grpo"

    def __init__(
        self,
        *,
        model: Transformer,
        tokenizer: Tokenizer,
        examples: Examples,
        reward: Rule,
        held_out: Sequence[TokenProblem] = (),
        group: int = 8,
        max_new_tokens: int = 64,
        temperature: float = 1.0,
        beta: float = 0.0,
        rows: int = 16,
        seed: int = 0,
        ranks: int = 1,
    ) -> None:
        _check(model, beta=beta, temperature=temperature, group=group, ranks=ranks)
        self.model, self.examples, self.held_out, self.reward = model, examples, held_out, reward
        self.group, self.temperature, self.beta, self.rows = group, temperature, beta, rows
        problems = cast("list[TokenProblem]", [*examples.once(), *held_out])
        self.looks = 0
        self.rollouts = Rollouts(
            model,
            tokenizer,
            longest_prompt=max(len(problem.prompt_ids) for problem in problems),
            max_tokens=max_new_tokens,
            seed=seed,
        )

    def micro_batches(self, step: int) -> list[GroupRows]:
        """Written by the weights as they are: ask once a step, before they change."""
        problems = cast("list[TokenProblem]", self.examples.step(step))
        written = self.rollouts.write(
            [problem.prompt_ids for problem in problems],
            each=self.group,
            step=step,
            temperature=self.temperature,
        )
        rewards = self._judged(problems, written)
        return list(self._micros(problems, written, rewards))

    def loss(self, model: Transformer, micro: GroupRows) -> Loss:
        logprobs = logprobs_of_tokens(model, micro.rows, temperature=self.temperature)
        reference = None
        if self.beta:
            with torch.no_grad(), without_adapters(model):
                reference = logprobs_of_tokens(model, micro.rows, temperature=self.temperature)
        # One update for each writing, so the weights that wrote are the weights of now.
        losses = grpo_loss(
            logprobs,
            logprobs.detach(),
            micro.advantage.to(logprobs.device)[micro.rows.owners.to(logprobs.device)],
            reference,
            beta=self.beta,
        )
        told = {name: value * micro.weight for name, value in micro.told.items()}
        if reference is not None:
            away = reference - logprobs.detach()
            told["kl"] = float((torch.exp(away) - away - 1).sum())
        return Loss(total=losses.sum(), metrics=told)

    def validate(self, model: Transformer) -> dict[str, float]:
        """The mean reward of the most likely answers; "loss" is minus that."""
        if not self.held_out:
            return {}
        # A name that no step has, and another at every look: the weights have moved.
        self.looks += 1
        written = self.rollouts.write(
            [problem.prompt_ids for problem in self.held_out],
            each=1,
            step=-self.looks,
            temperature=0.0,
        )
        reward = float(self._judged(self.held_out, written).mean())
        return {"loss": -reward, "reward": reward}

    def _judged(
        self, problems: Sequence[TokenProblem], written: Sequence[Sequence[Written]]
    ) -> Float[Tensor, "P G"]:
        return torch.tensor(
            [
                [self.reward(one.text, problem.answer) for one in answers]
                for problem, answers in zip(problems, written, strict=True)
            ]
        )

    def _micros(
        self,
        problems: Sequence[TokenProblem],
        written: Sequence[Sequence[Written]],
        rewards: Float[Tensor, "P G"],
    ) -> Iterator[GroupRows]:
        """Groups whose answers are all worth the same teach nothing and are left out (DAPO),
        unless the whole step is like that."""
        worth = advantages(rewards)
        every = [one for answers in written for one in answers]
        told = {
            "reward": float(rewards.mean()),
            "answer_tokens": sum(len(one.ids) for one in every) / len(every),
            "ended": sum(one.ended for one in every) / len(every),
            "groups_that_teach": float((worth.abs().amax(dim=1) > 0).double().mean()),
        }
        keep_all = not bool(worth.any())
        groups = [
            ([Answer(prompt=problem.prompt_ids, answer=one.ids) for one in answers], values)
            for problem, answers, values in zip(problems, written, worth, strict=True)
            if keep_all or bool(values.any())
        ]
        together = max(1, self.rows // self.group)
        for part in by_length(groups, together, lambda group: sum(a.length for a in group[0])):
            answers = [answer for group, _ in part for answer in group]
            yield GroupRows(
                rows=Rows.of(answers),
                advantage=torch.cat([values for _, values in part]),
                told=told,
                weight=float(sum(len(answer.answer) for answer in answers)),
            )


def _check(model: Transformer, *, beta: float, temperature: float, group: int, ranks: int) -> None:
    if ranks > 1:
        raise BadRequest("grpo writes answers with the whole model: run it as one process")
    if group < 2:
        raise BadRequest(
            f"objective.group is {group}: answers are compared with one another, so take at least 2"
        )
    if beta and not adapters(model):
        raise BadRequest(
            "objective.beta compares with the base, which only an adapter can be switched off for: "
            "use --lora, or leave beta out"
        )
    if temperature <= 0 or (temperature != 1 and model.config.logit_softcap is not None):
        raise BadRequest(
            f"objective.temperature cannot be {temperature} here: leave it out, which means 1"
        )
