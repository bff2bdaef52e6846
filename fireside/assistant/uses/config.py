"""`[task]` of a persona: what it makes of a text, instead of talking about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from fireside.assistant.ability.size import is_small
from fireside.sections import Misdirected, PersonaSection

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

Kind = Literal["chat", "summarise", "translate", "write", "classify"]
By = Literal["auto", "model", "nearest", "sentiment", "extract"]


class TaskConfig(PersonaSection):
    """
    kind: `chat` answers; the others treat the whole message as their text.
    words: of a summary or an article, at most.
    sections: of an article.
    target: the language that is translated into, in English: "French".
    terms: source term = what it is always translated as.
    labels: one of them is the answer, or `none`.
    examples: label = texts that have it; a few of each make the nearest label much surer.
    least: the chance that a label must have; below it the answer is `none`.  Left out: `LEAST`
        where labels are compared, no border where the model chooses.
    none: what is answered where no label is sure enough.
    by: `model` takes the label that the model finds likeliest, or its own summary; `nearest` the
        label whose name and examples are nearest to the text; `sentiment` the trained head, which
        knows positive, neutral and negative; `extract` the sentences of the text that tell most.
        `auto`: a small model (`is_small`) compares and extracts, a larger one does it itself.
    """

    kind: Kind = "chat"
    words: int = Field(120, ge=5, le=20_000)
    sections: int = Field(3, ge=1, le=12)
    target: str = "English"
    terms: dict[str, str] = Field({})
    labels: list[str] = Field([])
    examples: dict[str, list[str]] = Field({})
    least: float | None = Field(None, ge=0, le=1)
    none: str = Field("none of these", min_length=1)
    by: By = "auto"

    @model_validator(mode="after")
    def _labels_to_choose_from(self) -> TaskConfig:
        if (self.by == "extract") > (self.kind == "summarise"):
            raise Misdirected("only a summary can be an extract", ("by",))
        if self.kind != "classify":
            if self.by in ("nearest", "sentiment"):
                raise Misdirected("only labels are chosen so", ("by",))
            return self
        if self.by != "sentiment" and len(set(self.labels)) < 2:
            raise Misdirected("a classifier needs two labels or more", ("labels",))
        for label in self.examples:
            if label not in self.labels:
                raise Misdirected(f"there is no label {label!r}", ("examples", label))
        if self.none in self.labels:
            raise Misdirected("a label cannot stand for none of them", ("none",))
        return self

    def way(self, model: TextModel) -> By:
        """`by`, with `auto` decided."""
        if self.by != "auto":
            return self.by
        if self.kind not in ("classify", "summarise") or not is_small(model):
            return "model"
        return "nearest" if self.kind == "classify" else "extract"
