"""What a client may ask of `/v1/evals`.

Refused by name: python graders, and sources that search responses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fireside.graders.kinds import (
    GraderMessage,
    LabelModel,
    Python,
    ScoreModel,
    StringCheck,
    TextSimilarity,
)
from fireside.server.body import Wire
from fireside.server.chat_tools import FunctionTool as ChatTool
from fireside.server.chat_wire import ResponseFormat
from fireside.server.responses.tools import FunctionTool
from fireside.server.responses.wire import TextConfig
from fireside.server.tuning.wire import Id, is_filled
from fireside.server.wire import Metadata

Name = Annotated[str, Field(max_length=256)]
Threshold = Annotated[float, Field(ge=-1e9, le=1e9)]


class TextSimilarityCriterion(TextSimilarity):
    pass_threshold: Threshold


class ScoreModelCriterion(ScoreModel):
    pass_threshold: Threshold | None = None


AnyCriterion = StringCheck | TextSimilarityCriterion | ScoreModelCriterion | LabelModel | Python
Criterion = Annotated[AnyCriterion, Field(discriminator="type")]


class Custom(Wire):
    """item_schema: kept and shown; of it the top level is checked, `required` and `type`."""

    type: Literal["custom"]
    item_schema: dict[str, Any]
    include_sample_schema: bool | None = None


class Logged(Wire):
    type: Literal["logs", "stored_completions"]
    metadata: Metadata | None = None


class EvalRequest(Wire):
    name: Name | None = None
    metadata: Metadata | None = None
    data_source_config: Annotated[Custom | Logged, Field(discriminator="type")]
    testing_criteria: Annotated[list[Criterion], Field(min_length=1, max_length=32)]


class EvalChange(Wire):
    name: Name | None = None
    metadata: Metadata | None = None


class Row(Wire):
    item: dict[str, Any]
    sample: dict[str, Any] | None = None


class FileContent(Wire):
    type: Literal["file_content"]
    content: Annotated[list[Row], Field(min_length=1, max_length=100_000)]


class FileId(Wire):
    type: Literal["file_id"]
    id: Id


class Stored(Wire):
    """Chat completions that were stored: `item.input` their messages, their answer the sample."""

    type: Literal["stored_completions"]
    metadata: Metadata | None = None
    model: Id | None = None
    created_after: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    created_before: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Searched(Wire):
    """Refused, and by its own name."""

    type: Literal["responses"]

    @model_validator(mode="before")
    @classmethod
    def _refused(cls, given: Any) -> Any:
        raise PydanticCustomError(
            "unsupported",
            "sources that search responses are not supported by this server: send file_content, "
            "file_id or stored_completions",
        )


Source = Annotated[FileContent | FileId | Stored | Searched, Field(discriminator="type")]


class Template(Wire):
    type: Literal["template"]
    template: Annotated[list[GraderMessage], Field(min_length=1, max_length=100)]


class ItemReference(Wire):
    """item_reference: `item.NAME`, a list of messages in the item."""

    type: Literal["item_reference"]
    item_reference: Annotated[str, Field(pattern=r"^item\.[A-Za-z_][\w.\[\]-]*$", max_length=256)]


class Sampling(Wire):
    """Handed on to the endpoint that answers, which checks them."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    text: TextConfig | None = None
    tools: list[ChatTool | FunctionTool] | None = None


class Jsonl(Wire):
    type: Literal["jsonl"]
    source: Source


class Sampled(Wire):
    """type: which endpoint answers.  Without a model, the rows bring their samples."""

    type: Literal["completions", "responses"]
    source: Source
    model: Id | None = None
    input_messages: Annotated[Template | ItemReference, Field(discriminator="type")] | None = None
    sampling_params: Sampling | None = None

    @model_validator(mode="after")
    def _together(self) -> Sampled:
        if (self.model is None) != (self.input_messages is None):
            raise PydanticCustomError(
                "together", "model and input_messages go together: give both, or neither"
            )
        params = self.sampling_params
        if self.type == "completions" and params is not None and is_filled(params.text):
            raise PydanticCustomError("text", "sampling_params.text is of responses: leave it out")
        if self.type == "responses" and params is not None and params.response_format is not None:
            raise PydanticCustomError(
                "format", "sampling_params.response_format is of completions: leave it out"
            )
        return self


class RunRequest(Wire):
    name: Name | None = None
    metadata: Metadata | None = None
    data_source: Annotated[Jsonl | Sampled, Field(discriminator="type")]


def names_of(criteria: list[dict[str, Any]]) -> list[str]:
    """Each criterion by a name of its own: the second `a` is `a (2)`."""
    names: list[str] = []
    for one in criteria:
        count = sum(other["name"] == one["name"] for other in criteria[: len(names)])
        names.append(one["name"] if not count else f"{one['name']} ({count + 1})")
    return names
