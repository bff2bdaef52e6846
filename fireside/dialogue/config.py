"""The policy: a persona's `[dialogue]` section, which a support desk writes without code.

    [dialogue.slots.order]          what can be known, and how it is asked for
    [dialogue.intents.refund]       what people come for, by examples of their words
    [dialogue.flows.refund]         the steps of a conversation: ask, say, confirm, answer, ...
    [dialogue.handover]             when a person takes over

Everything is checked when the file is read: names that lead nowhere, steps that do two things at
once, texts with a {slot} that is none.  It refuses to run anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Annotated, Any, Literal, Self

import regex
from pydantic import Field, field_validator, model_validator

from fireside.sections import Misdirected, PersonaSection

SlotType = Literal[
    "text", "name", "choice", "yes_no", "number", "date", "time", "email", "phone", "pattern"
]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class SlotConfig(PersonaSection):
    """One thing to know.

    about: in a few words, for the model and for "which one did you mean".
    question: how it is asked for; again: how it is asked for when the answer was not understood.
    type: `text` is a whole answer (what happened), `name` a few words of one (a city, a person).
    choices: the value -> other words for it, or a list of values.  pattern: of type `pattern`.
    cues: words that stand before it ("from") or, with numbers, after it ("people").
    model: when the model reads a name out of a turn: where it was asked for and the cues found
    nothing; always, where the cues found nothing; `trained`, always and with a shorter prompt, for
    an adapter of `examples/recipes/slots`; never.
    """

    type: SlotType = "text"
    about: str = ""
    question: str = ""
    again: str = ""
    choices: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    pattern: str = ""
    cues: tuple[Words, ...] = ()
    model: Literal["asked", "always", "trained", "never"] = "asked"
    min: float | None = None
    max: float | None = None

    @field_validator("choices", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, list):
            return dict.fromkeys(given, ())
        if isinstance(given, Mapping):
            return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return given

    @field_validator("cues", mode="before")
    @classmethod
    def _tuple(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("'choices' belongs to type \"choice\", and that type needs it")
        if (self.type == "pattern") != bool(self.pattern):
            raise ValueError("'pattern' belongs to type \"pattern\", and that type needs it")
        if self.type != "number" and (self.min is not None or self.max is not None):
            raise ValueError("'min' and 'max' belong to type \"number\"")
        try:
            regex.compile(self.pattern)
        except regex.error as error:
            raise ValueError(f"'pattern' is no regular expression: {error}") from None
        return self


class StepConfig(PersonaSection):
    """One step of a flow; it does exactly one thing.

    ask: a slot's name.  say: a text.  confirm: a question that yes or no answers; no asks what is
    wrong.  answer: instructions with which the model answers this turn.  handover: to whom.
    ticket: for whom one is written, while the conversation goes on.
    start: another flow.  when: slot -> the value, or values, at which the step is taken.
    """

    ask: Name | None = None
    say: Words | None = None
    confirm: Words | None = None
    answer: Words | None = None
    handover: Words | None = None
    ticket: Words | None = None
    start: Name | None = None
    when: Mapping[str, str | tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("when", mode="before")
    @classmethod
    def _tuples(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return given

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        names = ("ask", "say", "confirm", "answer", "handover", "ticket", "start")
        set_ = [name for name in names if getattr(self, name) is not None]
        if len(set_) != 1:
            raise ValueError(
                f"a step does one thing of {', '.join(names)}, "
                + (f"not {' and '.join(set_)}: make two steps" if set_ else "and this one nothing")
            )
        return self

    def due(self, values: Mapping[str, str]) -> bool:
        """Whether its `when` holds."""
        return all(
            values.get(slot) in (wanted if isinstance(wanted, tuple) else (wanted,))
            for slot, wanted in self.when.items()
        )


class FlowConfig(PersonaSection):
    """about: what is under way, in words that follow "about ".  steps: in their order.
    cancelled: what is said when the user calls it off."""

    about: str = ""
    steps: tuple[StepConfig, ...] = Field(min_length=1)
    cancelled: str = "All right, I have stopped that. What else can I do for you?"

    @field_validator("steps", mode="before")
    @classmethod
    def _tuple(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given


class IntentConfig(PersonaSection):
    """What people come for.

    examples: how they say it; the more different, the better.  about: for "did you mean", in words
    that follow "you want to ".  One of flow, reply (a fixed text), answer (instructions for the
    model) and handover (to whom) says what happens.
    """

    examples: tuple[Words, ...] = Field(min_length=1)
    about: str = ""
    flow: Name | None = None
    reply: Words | None = None
    answer: Words | None = None
    handover: Words | None = None

    @field_validator("examples", mode="before")
    @classmethod
    def _tuple(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (
            sum(each is not None for each in (self.flow, self.reply, self.answer, self.handover))
            != 1
        ):
            raise ValueError("an intent has one of flow, reply, answer and handover")
        return self


class HandoverConfig(PersonaSection):
    """When a person takes over, and what the user hears.  A ticket holds the conversation.

    asked: when the user asks for a person.  complaints: when the user complains or insults.
    misunderstood: after so many turns in a row of which nothing could be made; 0 never.  mood: when
    the mean of the last three moods is below; None never.  reply, waiting, written: said when it is
    written, when a message was added to it, and of a `ticket` step; with {to} and {ticket}.
    waiting: "" stays silent.  failed: said where it could not be written.  email, webhook: where it
    is sent as well.
    """

    asked: bool = True
    complaints: bool = False
    misunderstood: Annotated[int, Field(ge=0, le=20)] = 3
    mood: Annotated[float, Field(ge=-1, le=1)] | None = None
    to: str = "a colleague"
    reply: str = (
        "I am handing you over to {to}. Your ticket is {ticket}: it holds what we have said so far."
    )
    waiting: str = "Your message is in ticket {ticket} now, for {to}."
    written: str = "I have written ticket {ticket} for {to}, with what you told me."
    failed: str = (
        "I could not write a ticket, so nobody has been told. Please reach {to} another way, or "
        "try again later."
    )
    email: str = ""
    webhook: str = ""

    @field_validator("email")
    @classmethod
    def _address(cls, given: str) -> str:
        if given and not regex.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}", given):
            raise ValueError(f"{given[:60]!r} is no e-mail address")
        return given

    @field_validator("webhook")
    @classmethod
    def _url(cls, given: str) -> str:
        if given and not given.startswith(("https://", "http://")):
            raise ValueError(f"{given[:60]!r} is no address of a web server")
        return given


class DialogueConfig(PersonaSection):
    """No intents and no flows, the default: nothing is asked, said or kept.

    threshold: the cosine below which a turn is none of the intents.  margin: two intents that are
    nearer to each other than this are asked about.
    outside: `offer` says what there is where a turn is in no flow and no document, instead of the
    model's words.  offer: with {options}; greets, thanks, goodbye: to those.
    unclear, which_intent, which_value, which_slot, wrong, back: the assistant's own sentences, for
    other languages and manners.
    """

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.03
    unclear: str = "I am not sure that I understood. Could you say it in other words?"
    which_intent: str = "I am not sure what you would like: {options}?"
    which_value: str = "I have heard more than one answer: {options}. Which one is right?"
    which_slot: str = "What is {value}: {options}?"
    wrong: str = "What should I change?"
    back: str = "Back to {about}."
    outside: Literal["chat", "offer"] = "chat"
    greets: str = "Hello!"
    thanks: str = "You are welcome."
    goodbye: str = "Goodbye."
    offer: str = "I cannot help with that here. I can help you to {options}."
    date_order: Literal["ask", "day_first", "month_first"] = "ask"
    slots: Mapping[Name, SlotConfig] = Field(default_factory=dict)
    intents: Mapping[Name, IntentConfig] = Field(default_factory=dict)
    flows: Mapping[Name, FlowConfig] = Field(default_factory=dict)
    handover: HandoverConfig = Field(default_factory=HandoverConfig)

    @property
    def active(self) -> bool:
        return bool(self.intents or self.flows)

    def slots_of(self, flow: str | None) -> dict[str, SlotConfig]:
        """The slots that a flow asks for, in its order, those of flows that it starts after."""
        found: dict[str, SlotConfig] = {}
        waiting, seen = [flow] if flow else [], set[str]()
        while waiting:
            name = waiting.pop(0)
            if name in seen or name not in self.flows:
                continue
            seen.add(name)
            for step in self.flows[name].steps:
                if step.ask:
                    found[step.ask] = self.slots[step.ask]
                if step.start:
                    waiting.append(step.start)
        return found

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        for name, intent in self.intents.items():
            if intent.flow is not None:
                _known(intent.flow, self.flows, "flow", "the intent", ("intents", name, "flow"))
        for name, flow in self.flows.items():
            for place, step in enumerate(flow.steps, 1):
                where, path = f"step {place}", ("flows", name, "steps")
                if step.ask is not None:
                    _known(step.ask, self.slots, "slot", where, path)
                    if not self.slots[step.ask].question:
                        raise Misdirected(
                            f"{where} asks for it; give it a question", ("slots", step.ask)
                        )
                if step.start is not None:
                    _known(step.start, self.flows, "flow", where, path)
                for slot in [*step.when, *_fields(step.say, path), *_fields(step.confirm, path)]:
                    _known(slot, self.slots, "slot", where, path)
        return self


def _known(name: str, names: Iterable[str], what: str, where: str, path: tuple[str, ...]) -> None:
    known = list(names)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known) or 'none'}"
    raise Misdirected(f"{where}: there is no {what} '{name}': {hint}", path)


def _fields(text: str | None, path: tuple[str, ...]) -> list[str]:
    try:
        return [field for _, field, _, _ in Formatter().parse(text or "") if field is not None]
    except ValueError as error:
        said = f"{text!r}: {error}; a brace that is meant is written twice"
        raise Misdirected(said, path) from None
