"""The graders that need no model: an answer and its item to a number.

Refuses those that do (`needs_a_model` says which): the server asks for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fireside.errors import BadRequest
from fireside.graders import formula, similarity
from fireside.graders.kinds import (
    AnyGrader,
    LabelModel,
    Multi,
    ScoreModel,
    StringCheck,
    TextSimilarity,
)
from fireside.graders.templates import fill


def values_of(item: Mapping[str, Any], output: str, **more: Any) -> dict[str, Any]:
    """What templates may name.  output: the answer; `output_json` where it is JSON."""
    sample: dict[str, Any] = {"output_text": output, **more}
    try:
        sample["output_json"] = json.loads(output)
    except (ValueError, RecursionError):
        sample["output_json"] = None
    return {"item": item, "sample": sample}


def needs_a_model(grader: AnyGrader) -> str | None:
    """The kind of the first grader in it that asks a model."""
    if isinstance(grader, Multi):
        return next(filter(None, map(needs_a_model, grader.parts.values())), None)
    if isinstance(grader, ScoreModel | LabelModel):
        return grader.type
    if isinstance(grader, TextSimilarity) and grader.evaluation_metric == "cosine":
        return "text_similarity by cosine"
    return None


def templates_of(grader: AnyGrader) -> list[str]:
    """Every template of the graders that need no model."""
    if isinstance(grader, Multi):
        return [text for part in grader.parts.values() for text in templates_of(part)]
    if isinstance(grader, StringCheck | TextSimilarity):
        return [grader.input, grader.reference]
    return []


def score(grader: AnyGrader, values: Mapping[str, Any]) -> float:
    """values: from `values_of`.

    Raises:
        UnknownVariable: a template names what is not there.
        BadFormula: the formula has no finite value.
        BadRequest: the grader asks a model.
    """
    if isinstance(grader, Multi):
        parts = {name: score(part, values) for name, part in grader.parts.items()}
        return formula.evaluate(grader.calculate_output, parts)
    if needs_a_model(grader):
        raise BadRequest(f"{grader.type} graders ask a model, which there is none of here.")
    assert isinstance(grader, StringCheck | TextSimilarity)
    said, reference = fill(grader.input, values), fill(grader.reference, values)
    if isinstance(grader, TextSimilarity):
        return similarity.similarity(grader.evaluation_metric, said, reference)
    return float(checked(grader.operation, said, reference))


def checked(operation: str, said: str, reference: str) -> bool:
    """like, ilike: whether the reference is somewhere in it; ilike in any case."""
    match operation:
        case "eq":
            return said == reference
        case "ne":
            return said != reference
        case "like":
            return reference in said
        case _:
            return reference.casefold() in said.casefold()
