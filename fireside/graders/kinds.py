"""What a grader is, as a client sends it: exact types, no unknown names, templates that can be
filled, formulas that can be read.

Refused by name: python graders, because nothing that a client sends is run here; pictures and
sound.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from fireside.errors import BadRequest
from fireside.graders import formula, templates

Name = Annotated[str, Field(min_length=1, max_length=256)]
Text = Annotated[str, Field(max_length=1_000_000)]
METRIC = Literal[
    "cosine", "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4",
    "rouge_5", "rouge_l",
]  # fmt: skip
MOST: Final = 32


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _template(text: str) -> str:
    try:
        templates.check(text, "")
    except BadRequest as wrong:
        raise PydanticCustomError("template", "{said}", {"said": wrong.message}) from None
    return text


class StringCheck(Part):
    type: Literal["string_check"]
    name: Name
    input: Text
    reference: Text
    operation: Literal["eq", "ne", "like", "ilike"]

    _filled = field_validator("input", "reference")(_template)


class TextSimilarity(Part):
    type: Literal["text_similarity"]
    name: Name
    input: Text
    reference: Text
    evaluation_metric: METRIC

    _filled = field_validator("input", "reference")(_template)


class TextPart(Part):
    type: Literal["input_text", "output_text"]
    text: Text


class GraderMessage(Part):
    """A message of the question to a grader's model; its text is a template."""

    type: Literal["message"] | None = None
    role: Literal["user", "assistant", "system", "developer"]
    content: Text | TextPart | list[Text | TextPart]

    @property
    def text(self) -> str:
        parts = self.content if isinstance(self.content, list) else [self.content]
        return "".join(part if isinstance(part, str) else part.text for part in parts)

    @field_validator("content")
    @classmethod
    def _filled(cls, content: Any) -> Any:
        for part in content if isinstance(content, list) else [content]:
            _template(part if isinstance(part, str) else part.text)
        return content


Messages = Annotated[list[GraderMessage], Field(min_length=1, max_length=100)]


class Sampling(Part):
    max_completions_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refused(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("reasoning_effort") is not None:
            raise PydanticCustomError(
                "unsupported", "reasoning_effort is not supported by this server; leave it out"
            )
        if isinstance(given, dict):
            return {key: value for key, value in given.items() if key != "reasoning_effort"}
        return given


class ScoreModel(Part):
    type: Literal["score_model"]
    name: Name
    model: Name
    input: Messages
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    sampling_params: Sampling | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        low, high = self.range or (0.0, 1.0)
        return low, high

    @field_validator("range")
    @classmethod
    def _rising(cls, bounds: list[float] | None) -> list[float] | None:
        if bounds is not None and bounds[0] >= bounds[1]:
            raise PydanticCustomError("range", "its first number must be less than its second")
        return bounds


class LabelModel(Part):
    type: Literal["label_model"]
    name: Name
    model: Name
    input: Messages
    labels: Annotated[list[Name], Field(min_length=1, max_length=100)]
    passing_labels: Annotated[list[Name], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _subset(self) -> LabelModel:
        absent = [label for label in self.passing_labels if label not in self.labels]
        if absent:
            raise PydanticCustomError(
                "labels", "passing_labels must be among labels: {which}", {"which": absent[0]}
            )
        return self


class Python(Part):
    """Refused, and by its own name."""

    type: Literal["python"]
    name: Name

    @model_validator(mode="before")
    @classmethod
    def _refused(cls, given: Any) -> Any:
        raise PydanticCustomError(
            "unsupported",
            "python graders are not supported: this server never runs what a client sends. Use "
            "string_check, text_similarity, score_model or multi",
        )


Single = Annotated[
    StringCheck | TextSimilarity | ScoreModel | LabelModel | Python, Field(discriminator="type")
]


class Multi(Part):
    """graders: by the names that `calculate_output` knows them by; or one, by its own."""

    type: Literal["multi"]
    name: Name
    graders: Single | Annotated[dict[Name, Single], Field(min_length=1, max_length=MOST)]
    calculate_output: Annotated[str, Field(min_length=1, max_length=formula.LONGEST)]

    @model_validator(mode="after")
    def _readable(self) -> Multi:
        try:
            formula.check(self.calculate_output, list(self.parts))
        except BadRequest as wrong:
            raise PydanticCustomError("formula", "{said}", {"said": wrong.message}) from None
        return self

    @property
    def parts(self) -> dict[str, StringCheck | TextSimilarity | ScoreModel | LabelModel | Python]:
        if isinstance(self.graders, dict):
            return self.graders
        return {self.graders.name: self.graders}


AnyGrader = StringCheck | TextSimilarity | ScoreModel | LabelModel | Python | Multi
Grader = Annotated[AnyGrader, Field(discriminator="type")]


def plain(grader: Part) -> dict[str, Any]:
    """As the client sent it."""
    return grader.model_dump(mode="json", exclude_unset=True)
