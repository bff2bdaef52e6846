"""What `/v1/evals` answers with, for `/openapi.json`: OpenAI's types, with what is always there
said to be so.  Imported when the schema is built, for OpenAI's types take a second.
"""

from __future__ import annotations

from openai.types import EvalCreateResponse
from openai.types.evals import EvalAPIError, RunCreateResponse
from openai.types.evals.runs import OutputItemRetrieveResponse
from openai.types.evals.runs.output_item_retrieve_response import Sample

Pairs = dict[str, str]


class Eval(EvalCreateResponse):
    metadata: Pairs | None


class EvalRun(RunCreateResponse):
    """error: null of a run that has not failed; OpenAI sends it so, though its type has none."""

    error: EvalAPIError | None  # type: ignore[assignment]
    metadata: Pairs | None


class EvalSample(Sample):
    """error: as a run's."""

    error: EvalAPIError | None  # type: ignore[assignment]


class EvalOutputItem(OutputItemRetrieveResponse):
    sample: EvalSample
