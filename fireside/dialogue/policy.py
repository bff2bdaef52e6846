"""State and reading -> the next state, and what to say.

In this order: a person who has taken over; the rules that call one; a choice that was asked for;
calling off; values (new, corrected, competing); intents (a flow begins, a digression, a question of
two); then the flow goes on to the next thing that is missing.  Every way out that is not clear is a
question.  It refuses to read text (`reading.py`) and to generate any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fireside.dialogue import choosing, flow, handover
from fireside.dialogue.config import DialogueConfig, IntentConfig
from fireside.dialogue.filling import amend, fill
from fireside.dialogue.flow import Move
from fireside.dialogue.intents import COMPLAINT, PERSON
from fireside.dialogue.reading import Reading
from fireside.dialogue.state import DialogueState, Paused, Question
from fireside.dialogue.wording import listed, named
from fireside.language.assent import Assent, assent

_CANCEL: Final = re.compile(
    r"^\W*(?:no[, ]+)?(?:please[, ]+)?(?:cancel|stop|abort|quit|never ?mind|forget "
    r"(?:it|about it|that)|leave it|(?:i(?:'ve| have)? )?changed my mind|i do(?:n'?t| not) want "
    r"(?:to|this|that)(?: anymore| any more)?|算了|取消)"
    r"(?: it| that| this| everything| please| now)*\W*$",
    re.I,
)
_PARDON: Final = re.compile(
    r"^\W*(?:what|huh|pardon(?: me)?|sorry|come again|i do(?:n'?t| not) understand|什么)\W*$", re.I
)
STRONG: Final = 0.15
"""By so much over the threshold an intent takes a turn that could also be an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What comes of a turn.

    state: after it.  move: what is said; the model answers where `move.model` is true.
    why: in a word, for the receipt.
    """

    state: DialogueState
    move: Move
    why: str


def decide(
    config: DialogueConfig,
    state: DialogueState,
    reading: Reading,
    *,
    message_id: str = "",
    said: Sequence[str] = (),
) -> Decision:
    """said: the user's turns so far, this one last; for the summary of a hand-over."""
    state = replace(state, turns=state.turns + 1, act=reading.acts.main, intent=reading.intents.one)
    turn = _Turn(config=config, reading=reading, message_id=message_id, said=said)
    return turn.decide(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    config: DialogueConfig
    reading: Reading
    message_id: str
    said: Sequence[str]

    def decide(self, state: DialogueState) -> Decision:
        if state.handed_over is not None:
            waiting = state.handed_over.worded(self.config.handover.waiting)
            return Decision(state=state, move=Move(say=waiting), why="waiting")
        if self.reading.intents.one == PERSON:
            return self._hand_over(state, "the user asked for a person")
        if self.reading.intents.one == COMPLAINT:
            return self._hand_over(state, "the user complains")
        if (rule := handover.due(self.config, state)) is not None:
            return self._hand_over(state, rule)
        chosen = choosing.choose(self.config, state, self.reading)
        if chosen is not None:
            state, intent = chosen
            return self._intent(state, intent, "chosen") if intent else self._on(state, "chosen")
        # "I changed my mind" may also be the reason that was asked for; an answer in free words is
        # whatever was said.
        read = [by for by in self.reading.placed.by.values() if by != "answer"]
        if state.goal and _CANCEL.match(self.reading.text) and not read:
            return self._cancel(state)
        return self._values(state)

    def _values(self, state: DialogueState) -> Decision:
        before = state
        filled = fill(self.config, state, self.reading, message_id=self.message_id)
        state = filled.state
        if filled.question is not None:
            state = replace(self._begun(state), misunderstood=0)
            return self._ask(state, filled.question, "competing values")
        intent = self._wanted(before, got=filled.changed)
        if intent is not None:
            if len(intent) > 1:
                return self._which_intent(state, intent)
            return self._intent(state, intent[0], "intent")
        if state.goal is None:
            return Decision(
                state=replace(state, misunderstood=0), move=Move(model=True), why="open"
            )
        if filled.changed:
            return self._on(replace(state, misunderstood=0), "values")
        return self._answered(state)

    def _answered(self, state: DialogueState) -> Decision:
        """A flow is under way, and the turn brought no value."""
        question, acts = state.question, self.reading.acts
        if question is not None and question.kind == "confirm":
            said = self._assent()
            if said == "yes":
                return self._on(flow.confirmed(self.config, state), "confirmed")
            if said == "no":
                wrong = replace(question, text=self.config.wrong)
                return self._ask(state, wrong, "what is wrong")
            if said == "mixed":
                return self._unclear(state)
        if question is not None and _PARDON.match(self.reading.text):
            return self._again(state, question, "asked again")
        if question is not None and question.text == self.config.wrong:
            amended = amend(self.config, state, self.reading, message_id=self.message_id)
            if amended.question is not None:
                return self._ask(amended.state, amended.question, "which slot")
            if amended.changed:
                return self._on(replace(amended.state, misunderstood=0), "amended")
        if acts.has("request") or acts.main in ("greet", "thank"):
            # A digression: it is answered, and the form comes back with its question.
            back = question.text if question is not None else None
            state = replace(state, misunderstood=0)
            return Decision(state=state, move=Move(model=True, after=back), why="digression")
        return self._unclear(state)

    def _assent(self) -> Assent:
        """What the turn says to a confirmation; a turn that asks back says nothing to it yet."""
        said, act = assent(self.reading.text), self.reading.acts.main
        if said == "none":
            return "yes" if act == "confirm" else "no" if act in ("deny", "correct") else "none"
        if act == "request" and said != "no":
            return "none"
        return "no" if said == "mixed" and act in ("deny", "correct") else said

    def _unclear(self, state: DialogueState) -> Decision:
        state = replace(state, misunderstood=state.misunderstood + 1)
        if self.reading.intents.one == COMPLAINT:
            return self._hand_over(state, "the user complains")
        if (rule := handover.due(self.config, state)) is not None:
            return self._hand_over(state, rule)
        question = state.question
        if question is None:
            return self._on(state, "unclear")
        return self._again(state, question, "unclear")

    def _again(self, state: DialogueState, question: Question, why: str) -> Decision:
        slot = self.config.slots.get(question.slot or "")
        text = (slot.again if slot else "") or f"{self.config.unclear} {question.text}"
        again = replace(question, times=question.times + 1)
        asked = replace(state, questions=(*state.questions[:-1], again))
        return Decision(state=asked, move=Move(say=text), why=why)

    def _begun(self, state: DialogueState) -> DialogueState:
        """With the flow that this turn asks for under way, if none is: a question comes first."""
        names = self._wanted(state) if state.goal is None else None
        name = names[0] if names and len(names) == 1 else None
        intent = self.config.intents.get(name) if name is not None else None
        if intent is None or intent.flow is None:
            return state
        return flow.begin(self.config, state, intent.flow, message_id=self.message_id)

    def _wanted(self, state: DialogueState, *, got: Sequence[str] = ()) -> tuple[str, ...] | None:
        """The intents that this turn begins; None where it goes on with what there is.

        got: the slots that it brought a value for.
        """
        matched = self.reading.intents
        names = _apart(self.config, matched.names)
        current = [n for n in names if n != PERSON and self.config.intents[n].flow == state.goal]
        if not names or (state.goal is not None and current):
            return None
        if state.goal is not None:
            best = matched.scores[names[0]]
            sure = best >= self.config.threshold + STRONG
            # In a form, an answer is an answer unless it is clearly something else.
            asked = state.question.slot if state.question is not None else None
            if asked in got or (got and not (sure and asked is not None)):
                return None
            if not (sure or self.reading.acts.has("request")):
                return None
            return names[:1]
        return names

    def _which_intent(self, state: DialogueState, names: tuple[str, ...]) -> Decision:
        words = [choosing.about(self.config, name) for name in names]
        text = named(self.config.which_intent, options=listed(words))
        question = Question(kind="choose_intent", text=text, options=names)
        return self._ask(replace(state, misunderstood=0), question, "competing intents")

    def _intent(self, state: DialogueState, name: str, why: str) -> Decision:
        state = replace(state, misunderstood=0, intent=name)
        if name == PERSON:
            return self._hand_over(state, "the user asked for a person")
        intent: IntentConfig = self.config.intents[name]
        back = state.question.text if state.goal and state.question else None
        if intent.handover is not None:
            return self._hand_over(state, choosing.about(self.config, name), to=intent.handover)
        if intent.reply is not None:
            say = intent.reply if back is None else f"{intent.reply}\n\n{back}"
            return Decision(state=state, move=Move(say=say), why=why)
        if intent.answer is not None:
            move = Move(model=True, instructions=intent.answer, after=back)
            return Decision(state=state, move=move, why=why)
        assert intent.flow is not None
        if state.goal is not None and state.goal != intent.flow:
            paused = (*state.paused, Paused(goal=state.goal, done=state.done))
            state = replace(state, paused=paused, questions=())
        begun = flow.begin(self.config, state, intent.flow, message_id=self.message_id)
        # What the turn said beside its intent belongs to the flow that it begins.
        return self._on(begun, why)

    def _on(self, state: DialogueState, why: str) -> Decision:
        went = flow.go_on(self.config, state, self.said)
        if went.person is not None:
            return self._hand_over(
                went.state, "the flow ends with a person", to=went.person, first=went.move.say
            )
        return Decision(state=went.state, move=went.move, why=why)

    def _ask(self, state: DialogueState, question: Question, why: str) -> Decision:
        waiting = tuple(q for q in state.questions if q.kind in ("slot", "confirm"))
        if question.kind == "confirm":
            waiting = ()
        asked = replace(state, questions=(*waiting[-1:], question))
        return Decision(state=asked, move=Move(say=question.text), why=why)

    def _cancel(self, state: DialogueState) -> Decision:
        assert state.goal is not None
        said = self.config.flows[state.goal].cancelled
        gone = set(self.config.slots_of(state.goal))
        kept = {name: value for name, value in state.slots.items() if name not in gone}
        state = replace(
            state, goal=None, done=(), questions=(), slots=kept, misunderstood=0, paused=()
        )
        return Decision(state=state, move=Move(say=said), why="cancelled")

    def _hand_over(
        self, state: DialogueState, reason: str, *, to: str | None = None, first: str | None = None
    ) -> Decision:
        made = handover.hand_over(self.config, state, reason=reason, to=to, said=self.said)
        state = replace(state, handed_over=made)
        return Decision(state=state, move=Move(say=first, ticket=made), why="handed_over")


def _apart(config: DialogueConfig, names: Sequence[str]) -> tuple[str, ...]:
    """Intents that lead to the same place do not compete."""
    kept: dict[object, str] = {}
    for name in names:
        intent = config.intents.get(name)
        key = (
            name if intent is None else (intent.flow, intent.reply, intent.answer, intent.handover)
        )
        kept.setdefault(key, name)
    return tuple(kept.values())
