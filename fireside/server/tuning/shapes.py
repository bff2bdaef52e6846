"""What `/v1/fine_tuning` answers with, for `/openapi.json`: OpenAI's types, with what is always
there said to be so.  Imported when the schema is built, for OpenAI's types take a second.
"""

from __future__ import annotations

from typing import Any, Literal

from openai.types import fine_tuning as theirs
from openai.types import graders as kinds
from openai.types.fine_tuning.alpha import grader_run_response as graders
from openai.types.fine_tuning.fine_tuning_job import Error, Method
from openai.types.fine_tuning.fine_tuning_job_wandb_integration_object import (
    FineTuningJobWandbIntegrationObject,
)
from pydantic import BaseModel, Field


class JobError(Error):
    param: str | None


OneGrader = (
    kinds.StringCheckGrader
    | kinds.TextSimilarityGrader
    | kinds.ScoreModelGrader
    | kinds.LabelModelGrader
)


class MultiGrader(kinds.MultiGrader):
    graders: dict[str, OneGrader]  # type: ignore[assignment]  # theirs says one; their guide, many


class GraderValidateResponse(BaseModel):
    grader: OneGrader | MultiGrader


class ReinforcementMethod(theirs.ReinforcementMethod):
    grader: OneGrader | MultiGrader  # type: ignore[assignment]


class JobMethod(Method):
    reinforcement: ReinforcementMethod | None = None


class FineTuningJob(theirs.FineTuningJob):
    method: JobMethod | None = None
    error: JobError | None
    estimated_finish: int | None
    fine_tuned_model: str | None
    finished_at: int | None
    integrations: list[FineTuningJobWandbIntegrationObject] | None
    metadata: dict[str, str] | None
    status: Literal[  # type: ignore[assignment]  # theirs pauses, too, and has no word for it
        "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"
    ]
    trained_tokens: int | None
    validation_file: str | None


class FineTuningJobEvent(theirs.FineTuningJobEvent):
    data: dict[str, Any]
    type: Literal["message", "metrics"]


class GraderErrors(graders.MetadataErrors):
    api_model_grader_server_error_details: str | None = Field(
        alias="model_grader_server_error_details"
    )
    python_grader_runtime_error_details: str | None
    python_grader_server_error_type: str | None


class GraderMetadata(graders.Metadata):
    errors: GraderErrors
    sampled_model_name: str | None
    token_usage: int | None


class GraderRunResponse(graders.GraderRunResponse):
    metadata: GraderMetadata
