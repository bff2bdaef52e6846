"""What a person or a program changes in a state, held to the policy; and states of another policy.

It refuses a goal that is no flow and a value that its slot would not have taken from a user.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from fireside.dialogue.config import DialogueConfig, SlotConfig
from fireside.dialogue.kinds import candidates, within
from fireside.dialogue.placing import DONT_CARE
from fireside.dialogue.state import DialogueState, SlotValue
from fireside.errors import BadRequest

LONGEST: Final = 2000
"""Characters of a value in free words."""


def edited(
    config: DialogueConfig, state: DialogueState, changes: Mapping[str, Any], *, today: date
) -> DialogueState:
    """goal: a flow, or null, which calls it off.  slots: name -> value, or null, which forgets it.
    handed_over: false gives the conversation back to the assistant.

    Raises:
        BadRequest: another member, a flow or a slot that there is not, a value of another type.
    """
    for name, value in changes.items():
        if name == "goal" and (value is None or isinstance(value, str)):
            if value is not None:
                _known(value, config.flows, "flow", "goal")
            state = replace(state, goal=value, done=(), paused=(), questions=())
        elif name == "slots" and isinstance(value, Mapping):
            for slot, given in value.items():
                _known(slot, config.slots, "slot", "slots")
                made = None
                if given is not None:
                    plain = _taken(slot, config.slots[slot], given, today)
                    made = SlotValue(value=plain, said="", how="edited")
                state = replace(state.with_slot(slot, made), questions=(), done=())
        elif name == "handed_over" and value is False:
            state = replace(state, handed_over=None, misunderstood=0)
        else:
            raise BadRequest(
                f"{name[:64]!r} cannot be set to that: goal is a flow or null, slots are strings "
                "or null, handed_over can become false.",
                param=name[:64],
            )
    return state


def fitting(config: DialogueConfig, state: DialogueState) -> DialogueState:
    """Without what this policy does not know: another persona's, or of a file that was changed."""
    goal = state.goal if state.goal in config.flows else None
    done = _done(config, goal, state.done)
    slots = {name: value for name, value in state.slots.items() if name in config.slots}
    questions = tuple(
        each
        for each in state.questions
        if each.slot is None or each.slot in config.slots
        if each.kind != "choose_slot" or all(option in config.slots for option in each.options)
        if each.kind != "choose_intent" or all(option in config.intents for option in each.options)
    )
    return replace(
        state,
        goal=goal,
        done=done,
        paused=tuple(
            replace(each, done=_done(config, each.goal, each.done))
            for each in state.paused
            if each.goal in config.flows
        ),
        slots=slots,
        questions=questions if goal is not None or state.goal is None else (),
    )


def _done(config: DialogueConfig, goal: str | None, done: tuple[int, ...]) -> tuple[int, ...]:
    if goal is None:
        return ()
    return tuple(at for at in done if at < len(config.flows[goal].steps))


def _known(name: str, names: Collection[str], what: str, param: str) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}."
    raise BadRequest(f"There is no {what} {name[:64]!r}; {hint}", param=param)


def _taken(name: str, slot: SlotConfig, given: object, today: date) -> str:
    """`given` in its normal form, if the slot takes it."""
    if not isinstance(given, str):
        raise BadRequest(f"slots.{name} must be a string or null.", param="slots")
    text = given.strip()
    if slot.type in ("text", "name"):
        if 0 < len(text) <= LONGEST:
            return text
        raise BadRequest(
            f"slots.{name} must have 1 to {LONGEST} characters; it has {len(text)}.", param="slots"
        )
    found = {
        each.value
        for each in candidates(slot, text[:LONGEST], today=today)
        if slot.type != "number" or within(slot, float(each.value))
    }
    if text in found or text == DONT_CARE:
        return text
    if len(found) == 1 and len(text) <= LONGEST:
        return found.pop()
    raise BadRequest(
        f"slots.{name} is of the type {slot.type}, and takes no {text[:64]!r}.", param="slots"
    )
