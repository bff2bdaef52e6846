"""A slot's value by the model: one short answer, masked to words that the user said.

The JSON schema of the answer lists the pieces of the message (`spans.options`) and null, so the
model chooses and cannot invent.  It refuses to be asked about what a parser can read: dates, times,
numbers and choices never come here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.dialogue.spans import options
from fireside.engine.params import Constraint, SamplingParams
from fireside.language.mentions import Mention
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

LONGEST: Final = 1_000
"""Characters of a message that the model is shown; a longer answer to a question is taken whole."""

SYSTEM: Final = (
    "You read one detail out of a customer's message. Answer with JSON. "
    "If the message does not say it, the value is null."
)
_SHOTS: Final = (
    ("Hi, my name is Ana Lima and my parcel is late.", "name of the customer", "Ana Lima"),
    ("What are your opening hours?", "city of the shop", None),
    ("I moved from Lyon to Graz last week.", "city that the customer moved to", "Graz"),
    ("I moved from Lyon to Graz last week.", "city that the customer moved from", "Lyon"),
)


@dataclass(frozen=True, slots=True)
class Extractor:
    """owner: whose conversation it is; prompts are shared within it alone."""

    model: TextModel
    owner: str = ""

    def extract(
        self,
        text: str,
        about: str,
        *,
        asked: str = "",
        taken: Sequence[Mention] = (),
        shots: bool = True,
    ) -> Mention | None:
        """The piece of `text` that is `about`; None where the model says that there is none.

        asked: the question that the text answers.  taken: pieces that are other slots' values.
        shots: with examples in the prompt; a model that was trained for this needs none.
        """
        pieces = options(text[:LONGEST], taken)
        if not pieces:
            return None
        by_value: dict[str, Mention] = {}
        for piece in pieces:
            by_value.setdefault(piece.value, piece)
        schema = {
            "type": "object",
            "properties": {"value": {"enum": [*by_value, None]}},
            "required": ["value"],
            "additionalProperties": False,
        }
        said = self._ask(prompt(text[:LONGEST], about, asked, shots=shots), schema)
        value = said.get("value")
        return by_value.get(value) if isinstance(value, str) else None

    def _ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Mapping[str, Any]:
        constraint = Constraint(kind="json_schema", value=schema, tame=True)
        params = SamplingParams(temperature=0.0, max_tokens=64, constraint=constraint)
        ids = self.model.tokenizer.render(messages).ids
        answer = "".join(e.text for e in self.model.generate(ids, params, owner=self.owner))
        try:
            made: Mapping[str, Any] = json.loads(answer)
        except ValueError:  # the answer ran into max_tokens
            return {}
        return made


def prompt(text: str, about: str, asked: str = "", *, shots: bool = True) -> list[Message]:
    """What the model is asked; `examples/recipes/slots` trains on the same words."""
    messages = [Message(role="system", content=SYSTEM)]
    for shown, detail, value in _SHOTS if shots else ():
        messages.append(Message(role="user", content=_put(shown, detail, "")))
        messages.append(Message(role="assistant", content=json.dumps({"value": value})))
    return [*messages, Message(role="user", content=_put(text, about, asked))]


def _put(text: str, about: str, asked: str) -> str:
    before = f"Asked: {asked}\n" if asked else ""
    return f"{before}Message: {text}\nDetail: {about}"
