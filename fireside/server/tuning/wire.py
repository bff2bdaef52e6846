"""What a client may ask of `/v1/fine_tuning/jobs`.

Refused by name: integrations (nothing leaves this server), and of reinforcement's hyperparameters
what the training room has no counterpart of.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from fireside.errors import Unsupported
from fireside.graders.kinds import Grader
from fireside.graders.scoring import needs_a_model
from fireside.server.body import Wire
from fireside.server.parameters import Obligation, Table
from fireside.server.wire import Metadata

Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
Multiplier = Auto | Annotated[float, Field(gt=0, le=100)]
Id = Annotated[str, Field(min_length=1, max_length=256)]
Suffix = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Kind = Literal["supervised", "dpo", "reinforcement"]
KINDS: Final[tuple[Kind, ...]] = ("supervised", "dpo", "reinforcement")


class Nothing(Wire):
    """An empty object: the URL says it all."""


def is_filled(part: Wire | None) -> bool:
    """Whether an object says anything."""
    return part is not None and bool(part.model_dump(exclude_unset=True))


class Supervised(Wire):
    n_epochs: Epochs | None = None
    batch_size: BatchSize | None = None
    learning_rate_multiplier: Multiplier | None = None


class Dpo(Supervised):
    beta: Auto | Annotated[float, Field(gt=0, le=2)] | None = None


class Reinforcement(Supervised):
    """compute_multiplier: of the answers that are written to each problem."""

    compute_multiplier: Auto | Annotated[float, Field(gt=0, le=8)] | None = None
    eval_interval: Auto | Annotated[int, Field(ge=1, le=100_000)] | None = None
    eval_samples: Auto | int | None = None
    reasoning_effort: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Reinforcement:
        if self.eval_samples not in (None, "auto", 1):
            raise PydanticCustomError(
                "unsupported", "eval_samples is not supported: one answer, the likeliest, is judged"
            )
        if self.reasoning_effort not in (None, "default"):
            raise PydanticCustomError(
                "unsupported", "reasoning_effort is not supported: models here have no such dial"
            )
        return self


class SupervisedMethod(Wire):
    hyperparameters: Supervised | None = None


class DpoMethod(Wire):
    hyperparameters: Dpo | None = None


class ReinforcementMethod(Wire):
    grader: Grader
    hyperparameters: Reinforcement | None = None

    @field_validator("grader")
    @classmethod
    def _without_a_model(cls, grader: Any) -> Any:
        if kind := needs_a_model(grader):
            raise PydanticCustomError(
                "unsupported",
                "{kind} graders are not supported as a reward, for they would ask a model at every "
                "answer: use string_check, text_similarity, or a multi grader of these",
                {"kind": kind},
            )
        return grader


class Method(Wire):
    type: Kind
    supervised: SupervisedMethod | None = None
    dpo: DpoMethod | None = None
    reinforcement: ReinforcementMethod | None = None

    @model_validator(mode="after")
    def _one(self) -> Method:
        others = [kind for kind in KINDS if kind != self.type and is_filled(getattr(self, kind))]
        if others:
            raise PydanticCustomError(
                "method", "method.type is {kind}: leave {other} out",
                {"kind": self.type, "other": others[0]},
            )  # fmt: skip
        if self.type == "reinforcement" and self.reinforcement is None:
            raise PydanticCustomError("method", "reinforcement needs a grader")
        return self


class JobRequest(Wire):
    table: ClassVar[Table] = Table({"integrations": Obligation(why="no calls to other services")})

    model: Id
    training_file: Id
    validation_file: Id | None = None
    suffix: Suffix | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: Metadata | None = None
    method: Method | None = None
    hyperparameters: Supervised | None = None

    @model_validator(mode="after")
    def _said_once(self) -> JobRequest:
        if is_filled(self.hyperparameters) and self.method is not None:
            raise PydanticCustomError(
                "hyperparameters", "hyperparameters stand in method already: leave these out"
            )
        return self

    @property
    def kind(self) -> Kind:
        return self.method.type if self.method is not None else "supervised"

    @property
    def asked(self) -> Supervised:
        """The hyperparameters of the method, whichever it is."""
        if self.method is None:
            return self.hyperparameters or Supervised()
        part = getattr(self.method, self.method.type)
        return Supervised() if part is None else part.hyperparameters or Supervised()

    @property
    def grader(self) -> Any:
        own = self.method.reinforcement if self.method is not None else None
        return None if own is None else own.grader


class GraderRun(Wire):
    """`/v1/fine_tuning/alpha/graders/run`."""

    grader: Grader
    model_sample: Annotated[str, Field(max_length=1_000_000)]
    item: dict[str, Any] = Field(default_factory=dict)


class GraderCheck(Wire):
    """`/v1/fine_tuning/alpha/graders/validate`."""

    grader: Grader


def no_permissions() -> Unsupported:
    return Unsupported(
        "Checkpoint permissions are not supported: a checkpoint is its owner's alone, and there "
        "are no organisations here to share it with.",
        param="permissions",
    )
