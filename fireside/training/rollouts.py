"""Answers that the model in training writes itself: the engine, over the very weights.

No copy of the model is made: the engine's runner reads the parameters that the optimiser writes.
Keys and values of older weights are never reused, because the prefix cache is salted with the
step.  What is written is a pure function of the weights, the seed, the step and the problems: one
thread, no speculation, a seed for each problem.

It refuses to train, and to judge what it wrote (`rewards.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from fireside.engine.engine import Engine
from fireside.engine.float_runner import FloatRunner
from fireside.engine.params import SamplingParams
from fireside.engine.request import Request
from fireside.errors import BadRequest, Unavailable
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer

BLOCK_SIZE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One answer.

    ids: with the token that ended it, where one did.  text: without.
    ended: it came to its end by itself, within the limit.
    """

    ids: tuple[int, ...]
    text: str
    ended: bool


class Rollouts:
    """Writes answers to prompts.

    Args:
        longest_prompt, max_tokens: what the cache must hold of one sequence.
        together: sequences that are written at once.

    Raises:
        BadRequest: prompt and answer do not fit the model's context.
    """

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        *,
        longest_prompt: int,
        max_tokens: int,
        together: int = 32,
        seed: int = 0,
    ) -> None:
        longest = longest_prompt + max_tokens
        if longest > model.config.context:
            raise BadRequest(
                f"The longest prompt has {longest_prompt} tokens and an answer {max_tokens}, but "
                f"the model's context is {model.config.context}: lower max_new_tokens or leave "
                "long prompts out.",
                param="objective.max_new_tokens",
            )
        blocks = together * -(-(longest + 1) // BLOCK_SIZE)
        self._model, self._tokenizer = model, tokenizer
        self._max_tokens, self._seed = max_tokens, seed
        self._engine = Engine(
            FloatRunner(model, num_blocks=blocks, block_size=BLOCK_SIZE, yielding=False),
            eos_ids=tokenizer.eos_ids,
            max_batch=together,
            max_queue=1 << 30,
            speculative=False,  # whether it pays is measured, so it depends on the clock
        )

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        each: int,
        step: int,
        temperature: float = 1.0,
    ) -> list[list[Written]]:
        """`each` answers to every prompt, with the weights as they are.

        step: names the weights; the same step must mean the same weights.  temperature: 0 writes
        the most likely answer.
        """
        training = self._model.training
        self._model.eval()
        try:
            # Autocast would give keys of another type than the cache holds.
            with torch.autocast(self._model.model.embed_tokens.weight.device.type, enabled=False):
                requests = [
                    self._submitted(prompt, index, each, step, temperature)
                    for index, prompt in enumerate(prompts)
                ]
                while self._engine.step():
                    pass
        finally:
            self._model.train(training)
        return [self._written(request, each) for request in requests]

    def _submitted(
        self, prompt: Sequence[int], index: int, each: int, step: int, temperature: float
    ) -> Request:
        digest = hashlib.sha256(f"{self._seed}/{step}/{index}".encode()).digest()
        params = SamplingParams(
            temperature=temperature,
            max_tokens=self._max_tokens,
            n=each,
            seed=int.from_bytes(digest[:7], "little"),
        )
        return self._engine.submit(prompt, params, cache_salt=f"step {step}")

    def _written(self, request: Request, each: int) -> list[Written]:
        ids: list[list[int]] = [[] for _ in range(each)]
        ended = [False] * each
        for part in request:
            ids[part.index] += part.token_ids
            if part.finish_reason == "error":
                raise Unavailable(f"The model could not write an answer: {request.error}")
            ended[part.index] = part.finish_reason == "stop"
        stops = request.stop_ids
        return [
            Written(
                ids=tuple(one),
                text=self._tokenizer.decode([i for i in one if i not in stops]),
                ended=end,
            )
            for one, end in zip(ids, ended, strict=True)
        ]
