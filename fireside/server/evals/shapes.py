"""What `/v1/evals` answers with, for `/openapi.json`: OpenAI's types, with what is always there
said to be so.  Imported when the schema is built, for OpenAI's types take a second.
"""

from __future__ import annotations

from openai.types import EvalCreateResponse
from openai.types.evals import RunCreateResponse

Pairs = dict[str, str]


class Eval(EvalCreateResponse):
    metadata: Pairs | None


class EvalRun(RunCreateResponse):
    metadata: Pairs | None
