"""`/v1/fine_tuning/alpha/graders`: try a grader on one answer, or have it looked through."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import APIRouter, Request

from fireside.graders.kinds import plain
from fireside.graders.scoring import values_of
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.grading import Graded, GraderFailed, Grading
from fireside.server.openapi import documented
from fireside.server.tuning.wire import GraderCheck, GraderRun

FLAGS: Final = (
    "formula_parse_error", "sample_parse_error", "truncated_observation_error",
    "unresponsive_reward_error", "invalid_variable_error", "other_error",
    "python_grader_server_error", "python_grader_runtime_error", "model_grader_server_error",
    "model_grader_refusal_error", "model_grader_parse_error",
)  # fmt: skip
TOLD: Final = (
    "python_grader_server_error_type", "python_grader_runtime_error_details",
    "model_grader_server_error_details",
)  # fmt: skip

SHAPES = "fireside.server.tuning.shapes:"


def routes(grading: Grading) -> APIRouter:
    router = APIRouter(tags=["graders"])

    @router.post("/v1/fine_tuning/alpha/graders/run")
    @documented(request=GraderRun, response=SHAPES + "GraderRunResponse")
    async def run_grader(request: Request) -> dict[str, Any]:
        call = await body.read(request, GraderRun)
        began, failed, graded = time.monotonic(), None, Graded()
        try:
            values = values_of(call.item, call.model_sample)
            graded = await grading.grade(call.grader, values, caller_of(request))
        except GraderFailed as wrong:
            failed = wrong
        usage = graded.usage
        tokens = sum(each.prompt + each.completion for each in usage.values())
        return {
            "reward": graded.score,
            "metadata": {
                "name": call.grader.name,
                "type": call.grader.type,
                "errors": _errors(failed),
                "execution_time": time.monotonic() - began,
                "scores": graded.parts,
                "token_usage": tokens if usage else None,
                "sampled_model_name": next(iter(usage), None),
            },
            "sub_rewards": graded.parts,
            "model_grader_token_usage_per_model": {
                name: {
                    "prompt_tokens": each.prompt,
                    "completion_tokens": each.completion,
                    "total_tokens": each.prompt + each.completion,
                    "cached_tokens": each.cached,
                }
                for name, each in usage.items()
            },
        }

    @router.post("/v1/fine_tuning/alpha/graders/validate")
    @documented(request=GraderCheck, response=SHAPES + "GraderValidateResponse")
    async def validate_grader(request: Request) -> dict[str, Any]:
        call = await body.read(request, GraderCheck)
        return {"grader": plain(call.grader)}

    return router


def _errors(failed: GraderFailed | None) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(FLAGS, False) | dict.fromkeys(TOLD)
    if failed is not None:
        found[failed.kind] = True
        if f"{failed.kind}_details" in found:
            found[f"{failed.kind}_details"] = failed.message
        else:
            found["details"] = failed.message
    return found
