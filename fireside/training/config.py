"""What a run was asked to do: TOML sections, held to their types, frozen.

    [run] [data] [[data.sources]] [data.cleaning] [model] [tokenizer] [optimiser] [schedule]
    [batch] [lora] [objective] [checkpoint] [validate]

A field that is None is derived (`derive.py`) and stands with its value in the run's `config.toml`.
An unknown field is an error that names it and those that come near.  This file refuses to derive
anything, and to look whether a file that is named is there.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fireside.errors import BadRequest
from fireside.toml_files import (
    error_path,
    explain,
    first_error,
    parse_toml,
    read_text_file,
    without_none,
)

Method = Literal["pretrain", "sft", "dpo", "kto", "grpo", "distill"]
FINETUNING: Final[tuple[Method, ...]] = ("sft", "dpo", "kto", "grpo", "distill")

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RunSection(Section):
    out: str = Field(description="The run's folder.")
    method: Method = Field("pretrain", description="What is learned, and how.")
    seed: int = Field(0, ge=0, description="The same seed, the same run.")
    minutes: Positive | None = Field(None, description="How long all of it may take.")
    depth: Count | None = Field(None, description="Layers; the rest of the model follows.")
    base: str | None = Field(None, description="The model to tune, by name or path.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where it is trained.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Arithmetic of the products; auto: bfloat16 where the chip has it."
    )
    threads: int = Field(0, ge=0, description="CPU threads; 0 takes one per core.")
    compile: bool = Field(False, description="torch.compile: pays on a GPU and on long runs.")
    activation_checkpointing: bool = Field(False, description="Less memory for a third more work.")


class SourceSection(Section):
    path: str = Field(description="A file, a folder, or hf:ORG/NAME[:CONFIG][@SPLIT].")
    weight: Positive | None = Field(
        None, description="Its share of a mixture; for none: everything once per epoch."
    )
    format: Literal["auto", "text", "openai", "alpaca", "sharegpt", "columns"] = "auto"
    prompt: str | None = Field(None, description="Template of the question, with {column} names.")
    completion: str | None = Field(None, description="Template of the answer.")
    labels: dict[str, str] = Field({}, description="What a value is called in the answer.")
    columns: tuple[str, ...] = Field((), description="Names, for a table without a header.")
    separator: str | None = Field(None, description="Between the documents of a text file.")


class CleaningSection(Section):
    min_characters: int = Field(0, ge=0, description="Shorter examples go.")
    max_characters: Count | None = Field(None, description="Longer examples go.")
    duplicates: Literal["keep", "exact", "near"] = Field(
        "exact", description="What goes; near: by MinHash, which finds almost equal texts."
    )
    similarity: Annotated[float, Field(gt=0, le=1)] = Field(0.8, description="near: how alike.")
    languages: tuple[str, ...] = Field((), description="Keep these, as ISO 639-1; () keeps all.")
    redact: bool = Field(False, description="Replace personal data by its kind.")


class DataSection(Section):
    sources: tuple[SourceSection, ...] = ()
    validation: Share | None = Field(None, description="The held-out share.")
    held_out: str | None = Field(None, description="A file to validate on, instead of a share.")
    length: Count | None = Field(None, description="Tokens per row.")
    on_broken: Literal["stop", "skip"] = Field("stop", description="At a line that is broken.")
    max_tokens: Count | None = Field(None, description="Stop reading after so many.")
    cleaning: CleaningSection = CleaningSection()


class ModelSection(Section):
    family: Literal["gpt2", "llama"] = "llama"
    width: Count | None = None
    layers: Count | None = None
    heads: Count | None = None
    kv_heads: Count | None = None
    mlp_width: Count | None = None
    context: Count | None = None
    tied: bool = Field(True, description="The head shares the embedding's weights.")


class TokenizerSection(Section):
    path: str | None = Field(None, description="One that is there; else one is trained.")
    vocab_size: Annotated[int, Field(ge=257)] | None = None


class OptimiserSection(Section):
    name: Literal["adamw", "muon"] | None = None
    learning_rate: Positive | None = None
    matrix_learning_rate: Positive | None = Field(None, description="Muon's, for the matrices.")
    multiplier: Positive | None = Field(None, description="Of the learning rate that is derived.")
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    beta1: Share = 0.9
    beta2: Share = 0.95
    clip: Annotated[float, Field(ge=0)] = Field(1.0, description="Gradient norm; 0: never.")
    ema: Share = Field(0.0, description="Decay of the averaged weights; 0: none are kept.")


class ScheduleSection(Section):
    name: Literal["cosine", "wsd"] = "wsd"
    warmup: Annotated[int, Field(ge=0)] | None = Field(None, description="Steps.")
    decay: Annotated[int, Field(ge=0)] | None = Field(
        None, description="The last steps, in which the rate falls (wsd)."
    )
    final: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Its end, as a share.")
    steps: Count | None = None
    epochs: Positive | None = None


class BatchSection(Section):
    tokens: Count | None = Field(None, description="Per step (examples per step: dpo, kto, grpo).")
    examples: Count | None = Field(None, description="Chats per step, about: sets the tokens.")
    rows: Count | None = Field(None, description="Per micro-batch: what memory holds at once.")
    length: Count | None = Field(None, description="Of a row of packed chats; else data.length.")


class LoraSection(Section):
    rank: Count = 16
    alpha: Positive = 32.0
    dropout: Share = 0.0
    targets: tuple[str, ...] = Field((), description="Linears, such as q_proj; () means all.")
    dora: bool = False


class ObjectiveSection(Section):
    beta: Positive | None = Field(None, description="dpo, kto, grpo: how near the base to stay.")
    teacher: str | None = Field(None, description="distill: the model to learn from.")
    temperature: Positive | None = Field(None, description="distill, grpo.")
    group: Annotated[int, Field(ge=2)] | None = Field(None, description="grpo: answers a prompt.")
    max_new_tokens: Count | None = Field(None, description="grpo: the longest answer.")
    reward: str | None = Field(None, description="grpo: the check of an answer.")
    grader: str | None = Field(None, description="grpo: a grader of the API, as JSON, instead.")


class CheckpointSection(Section):
    every: Count | None = Field(None, description="Steps.")
    keep: Count = Field(1, description="How many of the last.")
    best: bool = Field(True, description="Keep the best by validation loss, too.")


class ValidateSection(Section):
    every: Count | None = Field(None, description="Steps.")
    patience: Count | None = Field(
        None, description="Stop after so many validations without a better one."
    )
    tokens: Count | None = Field(None, description="Of held-out data, at each look.")
    samples: Annotated[int, Field(ge=0)] = Field(1, description="Texts written at each.")


class TrainConfig(Section):
    """All of it.  `read` takes a file, `of` takes plain values; both say what is wrong."""

    run: RunSection
    data: DataSection = DataSection()
    model: ModelSection = ModelSection()
    tokenizer: TokenizerSection = TokenizerSection()
    optimiser: OptimiserSection = OptimiserSection()
    schedule: ScheduleSection = ScheduleSection()
    batch: BatchSection = BatchSection()
    lora: LoraSection | None = None
    objective: ObjectiveSection = ObjectiveSection()
    checkpoint: CheckpointSection = CheckpointSection()
    validate_: ValidateSection = Field(ValidateSection(), alias="validate")

    @model_validator(mode="after")
    def _together(self) -> TrainConfig:
        tuning = self.run.method != "pretrain"
        if tuning and self.run.base is None:
            raise ValueError(f"{self.run.method} tunes a model: name it (run.base, --model)")
        if not tuning:
            for name, given in (("run.base", self.run.base), ("lora", self.lora)):
                if given is not None:
                    raise ValueError(f"pretraining begins with nothing: leave {name} out")
        if tuning and self.run.depth is not None:
            raise ValueError("the model to tune has its depth already: leave run.depth out")
        if self.run.minutes is not None and self.schedule.name == "cosine":
            raise ValueError("a cosine must know its end, a clock does not: use wsd with minutes")
        if not self.data.sources:
            raise ValueError("there is nothing to learn from: name data (data.sources, --data)")
        return self

    @classmethod
    def of(cls, values: Mapping[str, Any], *, origin: str = "", text: str = "") -> TrainConfig:
        """
        origin: the file that the values come from.  text: what it holds, for the line of a mistake.

        Raises:
            BadRequest: one line that names the field.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            name = ".".join(
                part for part in error_path(first_error(error)) if isinstance(part, str)
            )
            line = explain(error, cls, origin=origin, text=text)
            raise BadRequest(line, param=name) from None

    @classmethod
    def read(cls, path: Path) -> TrainConfig:
        """
        Raises:
            NotFound, BadRequest: there is no such file, or it is no config.
        """
        text = read_text_file(path, param="config")
        values = parse_toml(text, origin=path.name, param="config")
        return cls.of(values, origin=path.name, text=text)

    def plain(self) -> dict[str, Any]:
        """JSON values of what was set away from its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def toml(self) -> str:
        return tomli_w.dumps(without_none(self.model_dump(mode="json", by_alias=True)))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table; None says nothing."""
    found = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = merged(found[key], value)
        elif value is not None:
            found[key] = merged({}, value) if isinstance(value, Mapping) else value
    return found


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The dotted names of the fields in which two plain configs differ."""
    flat, flat_other = dict(_flat(one)), dict(_flat(other))
    names = [*flat, *(name for name in flat_other if name not in flat)]
    return [name for name in names if flat.get(name) != flat_other.get(name)]


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def fields_of(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every field by its dotted name."""
    for name, field in model.model_fields.items():
        full = f"{path}{field.alias or name}"
        inner = _section_in(field.annotation)
        if inner is None:
            yield full
        else:
            yield from fields_of(inner, f"{full}.")


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple):
        return next(filter(None, map(_section_in, typing.get_args(annotation))), None)
    return None
