"""What a client may send to the two generating endpoints, and what each parameter may be.

The names and ranges are OpenAI's; the extras at the end of `Sampling` are those that open servers
share (`extra_body` in the SDK).  This file holds shapes only: `sampling.py` gives them meaning,
and `openai_parameters.py` has those that do nothing here.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from fireside.engine.params import DRY_BREAKERS
from fireside.errors import BadRequest
from fireside.server.body import Wire
from fireside.server.openai_parameters import COMPLETIONS
from fireside.server.parameters import Table

MAX_CHOICES = 128
MAX_PROMPTS = 2048  # as many as texts of one request for embeddings
INT64 = 2**63
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
StopString = Annotated[str, Field(min_length=1, max_length=1000)]
Label = Annotated[str, Field(max_length=512)]
Key = Annotated[str, Field(max_length=64)]
Metadata = Annotated[dict[Key, Label], Field(max_length=16)]


def _whole(value: object) -> object:
    """1.0 is a whole number in JSON, which knows one kind of number only."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_whole)]
Whole = Annotated[Integer, Field(ge=0, lt=2**31)]
Last = Annotated[Integer, Field(ge=-1, lt=2**31)]
Count = Annotated[Integer, Field(ge=1, le=MAX_CHOICES)]


class StreamOptions(Wire):
    include_usage: bool | None = None


class StructuredOutputs(Wire):
    """Exactly one: the answer is held to it token by token."""

    json_: dict[str, Any] | None = Field(None, alias="json")
    regex: str | None = Field(None, min_length=1)
    choice: list[str] | None = Field(None, min_length=1)
    grammar: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> StructuredOutputs:
        if sum(x is not None for x in (self.json_, self.regex, self.choice, self.grammar)) != 1:
            raise BadRequest(
                "structured_outputs takes exactly one of json, regex, choice and grammar.",
                param="structured_outputs",
            )
        return self


class Sampling(Wire):
    """What both endpoints share."""

    model: str = Field(min_length=1, max_length=1024)
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, ge=0, le=1)
    n: Count = 1
    stop: StopString | Annotated[list[StopString], Field(max_length=16)] = Field(
        default_factory=list
    )
    seed: Integer | None = Field(None, ge=-INT64, lt=INT64)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(default_factory=dict)
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Label | None = None

    top_k: Integer = Field(0, ge=-1, lt=2**31)
    min_p: float = Field(0.0, ge=0, le=1)
    typical_p: float = Field(1.0, gt=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0, le=10)
    repeat_last_n: Last = -1
    dry_multiplier: float = Field(0.0, ge=0, le=100)
    dry_base: float = Field(1.75, ge=1, le=100)
    dry_allowed_length: Annotated[Whole, Field(ge=1)] = 2
    dry_penalty_last_n: Last = -1
    dry_sequence_breakers: list[StopString] = Field(list(DRY_BREAKERS), max_length=16)
    min_tokens: Whole = 0
    ignore_eos: bool = False
    stop_token_ids: list[TokenId] = Field(default_factory=list, max_length=64)
    structured_outputs: StructuredOutputs | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def constrained_by(self) -> str | None:
        """The parameter that says how the answer must look, if one does."""
        return None if self.structured_outputs is None else "structured_outputs"

    @property
    def wants_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> Sampling:
        if self.wants_usage and not self.stream:
            raise BadRequest(
                "stream_options is only allowed when stream is true.", param="stream_options"
            )
        return self


Prompt = (
    Annotated[str, Field(min_length=1)]
    | Annotated[
        list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MAX_PROMPTS)
    ]
    | Annotated[list[TokenId], Field(min_length=1)]
    | Annotated[
        list[Annotated[list[TokenId], Field(min_length=1)]],
        Field(min_length=1, max_length=MAX_PROMPTS),
    ]
)


class CompletionRequest(Sampling):
    prompt: Prompt
    max_tokens: Whole = 16
    best_of: Count | None = None
    echo: bool = False
    logprobs: Integer | None = Field(None, ge=0, le=20)

    table: ClassVar[Table] = COMPLETIONS

    @model_validator(mode="after")
    def _hangs_together(self) -> CompletionRequest:
        if self.best_of is not None and self.best_of < self.n:
            raise BadRequest("best_of must be at least n.", param="best_of")
        if self.best_of is not None and self.best_of > self.n and self.stream:
            raise BadRequest(
                "best_of cannot be streamed: which is best is known at the end.", param="best_of"
            )
        if self.max_tokens == 0 and not self.echo:
            raise BadRequest("max_tokens: 0 makes sense only with echo: true.", param="max_tokens")
        return self

    @property
    def candidates(self) -> int:
        """Answers that are written for all prompts together."""
        return len(self.prompts) * (self.best_of or self.n)

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each prompt by itself, in order."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [[token for token in self.prompt if isinstance(token, int)]]
        return [each for each in self.prompt if not isinstance(each, int)]
