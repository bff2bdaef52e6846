"""When a person takes over, and what that person is told.

The summary is put together of what the state holds, each value with the words that it was: nothing
of it is generated, so nothing of it is invented.  It refuses to send anything anywhere: it is an
event in the state and in the receipt, and who watches them acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.state import DialogueState, HandOver
from fireside.dialogue.wording import shown

LAST_TURNS: Final = 3
LONGEST: Final = 300  # letters of a turn that are quoted; the conversation itself is there to read


def hand_over(
    config: DialogueConfig,
    state: DialogueState,
    *,
    reason: str,
    to: str | None = None,
    said: Sequence[str] = (),
) -> HandOver:
    """said: the user's turns, the newest last."""
    to = to or config.handover.to
    return HandOver(reason=reason, to=to, summary=summary(config, state, reason=reason, said=said))


def summary(
    config: DialogueConfig, state: DialogueState, *, reason: str, said: Sequence[str] = ()
) -> str:
    lines = [f"Why: {reason}."]
    goal = state.goal or (state.paused[-1].goal if state.paused else None)
    if goal is not None:
        lines.append(f"About: {config.flows[goal].about or goal.replace('_', ' ')}.")
    for name, value in state.slots.items():
        slot = config.slots.get(name)
        label = (slot.about if slot else "") or name.replace("_", " ")
        words = f', "{value.said}"' if value.said and value.said != value.value else ""
        lines.append(f"{label}: {shown(slot, value.value)} ({value.how}{words}).")
    missing = [name for name in config.slots_of(goal) if name not in state.slots]
    if missing:
        lines.append(
            "Not known yet: " + ", ".join(name.replace("_", " ") for name in missing) + "."
        )
    if state.question is not None:
        lines.append(f"Last asked: {state.question.text}")
    if state.mood:
        recent = state.mood[-3:]
        lines.append(f"Mood of the last turns: {', '.join(f'{score:+.2f}' for score in recent)}.")
    for turn in said[-LAST_TURNS:]:
        quoted = turn if len(turn) <= LONGEST else f"{turn[:LONGEST]}… ({len(turn):,} letters)"
        lines.append(f"They wrote: {' '.join(quoted.split())}")
    return "\n".join(lines)


def due(config: DialogueConfig, state: DialogueState) -> str | None:
    """The rule by which a person takes over now; None where there is none."""
    rules = config.handover
    if rules.misunderstood and state.misunderstood >= rules.misunderstood:
        return f"not understood {state.misunderstood} times in a row"
    recent = state.mood[-3:]
    if rules.mood is not None and len(recent) == 3 and sum(recent) / 3 < rules.mood:
        return "the mood of the last three turns is low"
    return None
