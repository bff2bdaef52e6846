"""`[task]` of a persona: what it makes of a text, instead of talking about it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fireside.assistant.section import Misdirected, PersonaSection

Kind = Literal["chat", "summarise", "translate", "write", "classify"]


class TaskConfig(PersonaSection):
    """
    kind: `chat` answers; the others treat the whole message as their text.
    words: of a summary or an article, at most.
    sections: of an article.
    target: the language that is translated into, in English: "French".
    terms: source term = what it is always translated as.
    labels: one of them is the answer.
    by: `model` takes the label that the model finds likeliest, or its own summary; `sentiment` the
        trained head, which knows positive, neutral and negative; `extract` the sentences of the
        text that tell most.
    """

    kind: Kind = "chat"
    words: int = Field(120, ge=5, le=20_000)
    sections: int = Field(3, ge=1, le=12)
    target: str = "English"
    terms: dict[str, str] = Field({})
    labels: list[str] = Field([])
    by: Literal["model", "sentiment", "extract"] = "model"

    @model_validator(mode="after")
    def _labels_to_choose_from(self) -> TaskConfig:
        if (self.by == "extract") > (self.kind == "summarise"):
            raise Misdirected("only a summary can be an extract", ("by",))
        if self.kind == "classify" and self.by == "model" and len(set(self.labels)) < 2:
            raise Misdirected("a classifier needs two labels or more", ("labels",))
        return self
