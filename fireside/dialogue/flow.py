"""A flow goes on: from the first step that is not done to the next thing that only the user knows.

Steps that need nobody (say, start) are taken on the way.  A flow that ends brings back the one that
it interrupted.  It refuses to run for ever: flows that start each other end after MOST_STEPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fireside.dialogue.config import DialogueConfig, StepConfig
from fireside.dialogue.handover import hand_over
from fireside.dialogue.state import DialogueState, HandOver, Question
from fireside.dialogue.wording import filled, named

MOST_STEPS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is said.

    say: a text of the policy's; where the model answers too, it stands before its answer.
    model: the model answers, with `instructions` if there are any.  after: stands behind its
    answer.  ticket: what has to be written for a person; what it comes to is said behind the text.
    """

    say: str | None = None
    model: bool = False
    instructions: str | None = None
    after: str | None = None
    ticket: HandOver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """person: to whom the conversation is handed over."""

    state: DialogueState
    move: Move
    person: str | None = None


def begin(
    config: DialogueConfig, state: DialogueState, name: str, *, message_id: str
) -> DialogueState:
    """A second time, a flow asks anew: only what this turn says is known."""
    if name in state.finished:
        ours = config.slots_of(name)
        kept = {
            slot: value
            for slot, value in state.slots.items()
            if slot not in ours or value.message_id == message_id
        }
        state = replace(state, slots=kept)
    return replace(state, goal=name, done=(), questions=())


def confirmed(config: DialogueConfig, state: DialogueState) -> DialogueState:
    """The open confirmation is given: its step is done, and its values are confirmed."""
    assert state.goal is not None
    steps = config.flows[state.goal].steps
    at = _next(config, state)
    if at is None or steps[at].confirm is None:
        return state
    ours = config.slots_of(state.goal)
    slots = {
        name: replace(value, how="confirmed") if name in ours else value
        for name, value in state.slots.items()
    }
    return replace(state, done=(*state.done, at), questions=(), slots=slots)


def go_on(config: DialogueConfig, state: DialogueState, said: Sequence[str] = ()) -> Went:
    """From where the flow stands to what has to be asked, answered, or handed over.

    said: the user's turns, for a ticket.
    """
    ticket: HandOver | None = None
    texts: list[str] = []
    instructions: str | None = None
    for _ in range(MOST_STEPS):
        if state.goal is None:
            break
        steps = config.flows[state.goal].steps
        at = _next(config, state)
        if at is None:
            state, back = _ended(config, state)
            texts += back
            continue
        step = steps[at]
        if step.handover is not None:
            state = replace(state, done=(*state.done, at), questions=())
            return Went(state=state, move=Move(say=_joined(texts)), person=step.handover)
        if step.ticket is not None:
            if ticket is not None:
                break  # one in a turn
            why = "the form is filled"
            ticket = hand_over(config, state, reason=why, to=step.ticket, said=said)
        if step.answer is not None and instructions is not None:
            break  # one answer of the model's in a turn; the next comes with the next
        question = _question(config, state, step)
        if question is not None:
            asked = replace(state, questions=(question,))
            move = replace(_move(texts, instructions, question.text), ticket=ticket)
            return Went(state=asked, move=move)
        state = replace(state, done=(*state.done, at))
        if step.say is not None and instructions is None:
            texts.append(filled(config, step.say, state.values))
        elif step.answer is not None:
            instructions = filled(config, step.answer, state.values)
        elif step.start is not None:
            state = replace(state, goal=step.start, done=())
    move = _move(texts, instructions, None)
    if ticket is not None and not instructions:
        move = replace(move, model=False, say=move.say or "")
    return Went(state=replace(state, questions=()), move=replace(move, ticket=ticket))


def _next(config: DialogueConfig, state: DialogueState) -> int | None:
    """The first step that is due: not done, its `when` holding, its slot unknown."""
    assert state.goal is not None
    for at, step in enumerate(config.flows[state.goal].steps):
        if at in state.done or not step.due(state.values):
            continue
        if step.ask is not None and step.ask in state.slots:
            continue
        return at
    return None


def _question(config: DialogueConfig, state: DialogueState, step: StepConfig) -> Question | None:
    if step.ask is not None:
        text = filled(config, config.slots[step.ask].question, state.values)
        return Question(kind="slot", slot=step.ask, text=text)
    if step.confirm is not None:
        return Question(kind="confirm", text=filled(config, step.confirm, state.values))
    return None


def _ended(config: DialogueConfig, state: DialogueState) -> tuple[DialogueState, list[str]]:
    assert state.goal is not None
    finished = tuple(dict.fromkeys([*state.finished, state.goal]))
    if not state.paused:
        return replace(state, goal=None, done=(), questions=(), finished=finished), []
    back = state.paused[-1]
    about = config.flows[back.goal].about or back.goal.replace("_", " ")
    state = replace(
        state, goal=back.goal, done=back.done, paused=state.paused[:-1], questions=(),
        finished=finished,
    )  # fmt: skip
    return state, [named(config.back, about=about)]


def _move(texts: list[str], instructions: str | None, question: str | None) -> Move:
    if instructions is not None:
        return Move(say=_joined(texts), model=True, instructions=instructions, after=question)
    said = _joined([*texts, question] if question else texts)
    # A flow that ends without a word leaves the answer to the model.
    return Move(say=said, model=said is None)


def _joined(texts: list[str]) -> str | None:
    return "\n\n".join(texts) or None
