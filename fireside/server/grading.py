"""Graders at work: those that ask a model ask this server, as the caller, through `Inside`.

Nothing of a grader is run; what its model says is held to a schema by token masks and read as
JSON.  A grader that fails is told as one that failed, never as a score.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fireside.errors import BadRequest
from fireside.graders import formula
from fireside.graders.kinds import (
    AnyGrader,
    LabelModel,
    Multi,
    ScoreModel,
    TextSimilarity,
)
from fireside.graders.scoring import needs_a_model, score
from fireside.graders.templates import LONGEST, FilledTooLong, UnknownVariable, fill
from fireside.server.caller import Caller
from fireside.server.inside import Answer, Inside

EMBEDDER: Final = "text-embedding-3-small"
PATIENCE: Final = 60  # tries at a full queue
MOST_TOKENS: Final = 256


class GraderFailed(BadRequest):
    """`kind`: the flag of OpenAI's `metadata.errors` that it sets."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message, code=kind)
        self.kind = kind


@dataclass
class Usage:
    """Of one model, over all that it was asked."""

    invocations: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0

    def add(self, usage: Mapping[str, Any]) -> None:
        """usage: a chat completion's, or a response's."""
        self.invocations += 1
        self.prompt += usage.get("prompt_tokens") or usage.get("input_tokens") or 0
        self.completion += usage.get("completion_tokens") or usage.get("output_tokens") or 0
        details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
        self.cached += details.get("cached_tokens") or 0


@dataclass
class Graded:
    """score: of the whole.  parts: of a multi grader's graders.  said: what a model answered."""

    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    said: str | None = None


async def ask(inside: Inside, path: str, body: Mapping[str, Any], caller: Caller) -> Answer:
    """The answer, however long the queue is full."""
    for _ in range(PATIENCE):
        answer = await inside.post(path, body, caller)
        if answer.status != 429:
            return answer
        await asyncio.sleep(answer.retry_after or 1.0)
    return answer


class Grading:
    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    async def grade(self, grader: AnyGrader, values: Mapping[str, Any], caller: Caller) -> Graded:
        """values: from `values_of`.

        Raises:
            GraderFailed: there is no score; says why.
        """
        found = Graded()
        found.score = await self._score(grader, values, caller, found)
        return found

    async def _score(
        self, grader: AnyGrader, values: Mapping[str, Any], caller: Caller, found: Graded
    ) -> float:
        try:
            if isinstance(grader, Multi):
                for name, part in grader.parts.items():
                    found.parts[name] = await self._score(part, values, caller, found)
                return formula.evaluate(grader.calculate_output, found.parts)
            if not needs_a_model(grader):
                return await asyncio.to_thread(score, grader, values)
            if isinstance(grader, TextSimilarity):
                texts = await asyncio.to_thread(_texts, grader, values)
                return await self._cosine(texts, caller, found)
            assert isinstance(grader, ScoreModel | LabelModel)
            return await self._judged(grader, values, caller, found)
        except UnknownVariable as wrong:
            sampled = "sample.output_json" in wrong.message
            kind = "sample_parse_error" if sampled else "invalid_variable_error"
            raise GraderFailed(kind, wrong.message) from None
        except FilledTooLong as wrong:
            raise GraderFailed("other_error", wrong.message) from None
        except formula.BadFormula as wrong:
            raise GraderFailed("formula_parse_error", wrong.message) from None

    async def _cosine(self, texts: tuple[str, str], caller: Caller, found: Graded) -> float:
        body = {"model": EMBEDDER, "input": [text or " " for text in texts]}
        answer = await ask(self._inside, "/v1/embeddings", body, caller)
        _check(answer)
        found.usage.setdefault(answer.body["model"], Usage()).add(answer.body["usage"])
        one, other = (each["embedding"] for each in answer.body["data"])
        product = sum(a * b for a, b in zip(one, other, strict=True))
        return float(product / (math.hypot(*one) * math.hypot(*other) or 1.0))

    async def _judged(
        self,
        grader: ScoreModel | LabelModel,
        values: Mapping[str, Any],
        caller: Caller,
        found: Graded,
    ) -> float:
        question = await asyncio.to_thread(_question, grader, values)
        answer = await ask(self._inside, "/v1/chat/completions", question, caller)
        _check(answer)
        found.usage.setdefault(answer.body["model"], Usage()).add(answer.body["usage"])
        message = answer.body["choices"][0]["message"]
        if message.get("refusal"):
            raise GraderFailed("model_grader_refusal_error", "The grader's model refused.")
        found.said = message["content"] or ""
        try:
            value = json.loads(found.said)["result"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise GraderFailed(
                "model_grader_parse_error",
                f"What {answer.body['model']} said is no result: {found.said[:200]!r}.",
            ) from None
        if isinstance(grader, LabelModel):
            return float(value in grader.passing_labels)
        low, high = grader.bounds
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise GraderFailed(
                "model_grader_parse_error",
                f"{answer.body['model']} gave {str(value)[:40]}: not from {low} to {high}.",
            )
        return float(value)


def _texts(grader: TextSimilarity, values: Mapping[str, Any]) -> tuple[str, str]:
    return fill(grader.input, values), fill(grader.reference, values)


def _question(grader: ScoreModel | LabelModel, values: Mapping[str, Any]) -> dict[str, Any]:
    messages, room = [], LONGEST
    for each in grader.input:
        messages.append({"role": each.role, "content": fill(each.text, values, room)})
        room -= len(messages[-1]["content"])
    if isinstance(grader, LabelModel):
        result: dict[str, Any] = {"type": "string", "enum": grader.labels}
        sampling: dict[str, Any] = {"temperature": 0}
    else:
        low, high = grader.bounds
        result = {"type": "number", "minimum": low, "maximum": high}
        given = grader.sampling_params
        sampling = {} if given is None else given.model_dump(exclude_none=True)
        limit = sampling.pop("max_completions_tokens", MOST_TOKENS)
        sampling["max_completion_tokens"] = limit
    schema = {
        "type": "object", "properties": {"result": result}, "required": ["result"],
        "additionalProperties": False,
    }  # fmt: skip
    return {
        "model": grader.model,
        "messages": messages,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "result", "strict": True, "schema": schema},
        },
        **sampling,
    }


def _check(answer: Answer) -> None:
    if answer.status != 200:
        said = answer.body.get("error", {}).get("message", f"status {answer.status}")
        raise GraderFailed("model_grader_server_error", said)
