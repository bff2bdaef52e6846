"""The state of one conversation at one point of its tree.

Plain values that are never changed: each turn makes a new one.  A value of a slot knows the
message that it came from, and whether it was said, accepted, confirmed, corrected or edited.  It
refuses to know what a slot means; the policy (`config.py`) does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fireside.errors import BadRequest

Act = Literal[
    "inform", "request", "confirm", "deny", "correct", "greet", "thank", "goodbye", "other"
]
ACTS: Final[tuple[Act, ...]] = (
    "inform", "request", "confirm", "deny", "correct", "greet", "thank", "goodbye", "other",
)  # fmt: skip
How = Literal["said", "accepted", "confirmed", "corrected", "edited"]
"""`accepted`: the assistant offered it and the user agreed.  `edited`: through the API."""
Asked = Literal["slot", "confirm", "choose_value", "choose_slot", "choose_intent"]
MOODS_KEPT: Final = 20

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValue:
    """value: in its normal form (dates and times in ISO 8601).  said: the words that it was.
    message_id: where they stand."""

    value: str
    said: str = ""
    message_id: str = ""
    how: How = "said"

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the assistant asked and waits for.

    options: what can be chosen, in normal form.  slot: which one it is about.
    pending: a value that waits for its slot (`choose_slot`).  times: how often it was asked.
    """

    kind: Asked
    text: str
    slot: str | None = None
    options: tuple[str, ...] = ()
    pending: SlotValue | None = None
    times: int = 1

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A person answers from here on.  reason: the rule that did it.  to: who answers.
    summary: what that person is told.  ticket: its number, once it is written."""

    reason: str
    to: str
    summary: str
    ticket: str = ""

    def worded(self, text: str) -> str:
        """A text of the policy's, with {to} and {ticket}."""
        made = text.replace("{to}", self.to).replace("{ticket}", self.ticket)
        return made[:1].upper() + made[1:]

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A flow that waits until a digression is over.  done: its steps that were taken."""

    goal: str
    done: tuple[int, ...] = ()

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueState:
    """goal: the flow under way.  done: its steps that were taken.  intent: of the last turn.
    finished: flows that came to their end.
    mood: scores from -1 to 1, the newest last; the mood step gives them.
    misunderstood: turns in a row of which nothing could be made."""

    goal: str | None = None
    done: tuple[int, ...] = ()
    paused: tuple[Paused, ...] = ()
    finished: tuple[str, ...] = ()
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    act: Act | None = None
    intent: str | None = None
    mood: tuple[float, ...] = ()
    misunderstood: int = 0
    handed_over: HandOver | None = None
    turns: int = 0

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    @property
    def question(self) -> Question | None:
        """The one that was asked last."""
        return self.questions[-1] if self.questions else None

    @property
    def values(self) -> dict[str, str]:
        return {name: slot.value for name, slot in self.slots.items()}

    def with_slot(self, name: str, value: SlotValue | None) -> DialogueState:
        """None takes the value away."""
        slots = {key: kept for key, kept in self.slots.items() if key != name}
        if value is not None:
            slots[name] = value
        return replace(self, slots=slots)

    def with_mood(self, score: float) -> DialogueState:
        return replace(self, mood=(*self.mood, score)[-MOODS_KEPT:])

    def as_json(self) -> dict[str, Any]:
        """Its members as JSON has them; `from_json` makes the same state of them."""
        made: dict[str, Any] = _plain(asdict(self))
        return made

    @staticmethod
    def from_json(given: Mapping[str, Any]) -> DialogueState:
        """Raises BadRequest, naming the member that is wrong."""
        try:
            return _adapter().validate_python(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise BadRequest(f"state: {where}: {first['msg']}.", param=where or "state") from None


@cache
def _adapter() -> TypeAdapter[DialogueState]:
    return TypeAdapter(DialogueState)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
