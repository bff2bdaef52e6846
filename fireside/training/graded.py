"""A grader of the API as GRPO's reward: the whole line of the training file is its item.

Refuses graders that ask a model: a run has none to ask.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from fireside.errors import BadRequest
from fireside.graders.formula import BadFormula
from fireside.graders.kinds import AnyGrader, Grader
from fireside.graders.scoring import needs_a_model, score, values_of
from fireside.graders.templates import UnknownVariable

_GRADERS: TypeAdapter[AnyGrader] = TypeAdapter(Grader)


@dataclass(frozen=True, slots=True)
class GraderReward:
    """`answer` of a problem is its item, as JSON (`as_answer`)."""

    grader: AnyGrader

    @classmethod
    def of(cls, text: str) -> GraderReward:
        """Raises BadRequest: the JSON is no grader, or one that asks a model."""
        try:
            grader = _GRADERS.validate_json(text)
        except ValidationError as wrong:
            said = wrong.errors()[0]["msg"]
            raise BadRequest(f"objective.grader: {said}.", param="objective.grader") from None
        if kind := needs_a_model(grader):
            raise BadRequest(
                f"{kind} graders ask a model and cannot reward a training run: use string_check, "
                "text_similarity, or a multi grader of these.",
                param="grader",
            )
        return cls(grader)

    def __call__(self, text: str, answer: str) -> float:
        try:
            return score(self.grader, values_of(json.loads(answer), text))
        except (BadFormula, UnknownVariable):
            # Divided by a score of nothing, or the answer lacks what the grader looks at (its
            # items were looked through before): worth nothing.
            return 0.0


def as_answer(item: object) -> str:
    """JSON without `#`: the reader of problems keeps only what stands behind `####`."""
    return json.dumps(item, ensure_ascii=False).replace("#", "\\u0023")
