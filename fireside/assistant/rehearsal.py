"""Conversation tests, run: the same turns through the same assistant that answers people.

Each conversation is a stored one of its own, in a database that is thrown away, greedy and without
chance, so that a second run says the same.  It stops a conversation at the first line that fails:
what comes after would be about another conversation.  It refuses to print.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.rehearsal_checks import Heard, met
from fireside.assistant.turn import Done
from fireside.dialogue.chatfile import ChatFile, Expectation, Script
from fireside.dialogue.kept import States
from fireside.dialogue.state import ACTS, DialogueState
from fireside.errors import BadRequest

if TYPE_CHECKING:
    from fireside.assistant.chat import Chat
    from fireside.dialogue.config import DialogueConfig
    from fireside.storage import Store

Mood = Callable[[str], float]
"""Of an answer, from -1 to 1."""
_QUESTIONS: Final = ("confirm", "choose_value", "choose_slot", "choose_intent")


class Counterparts:
    """The moods of the answers to one line, as each variant of a conversation got them."""

    def __init__(self, mood: Mood) -> None:
        self._mood = mood
        self._heard: dict[int, dict[str, float]] = {}

    def objection(self, each: Expectation, variant: str, answer: str) -> str | None:
        """Which earlier one lies too far from this one."""
        moods = self._heard.setdefault(each.line, {})
        here = moods[variant] = self._mood(answer)
        for other, mood in moods.items():
            if abs(here - mood) > float(each.value):
                return f"mood {here:+.2f} for {variant}, {mood:+.2f} for {other}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """line: of the file.  wanted: as it was written.  got: what there was instead."""

    line: int
    user: str
    wanted: str
    got: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """failure: None where every line held.  checked: lines that held."""

    script: Script
    checked: int
    failure: Failure | None = None


def check_names(file: ChatFile, config: DialogueConfig) -> None:
    """Names that the persona does not have are mistakes of the file, told before anything runs.

    Raises:
        BadRequest: with the line and the nearest name.
    """
    known: Mapping[str, list[str]] = {
        "slot": list(config.slots),
        "act": list(ACTS),
        "intent": [*config.intents, "none", "person"],
        "asks": [*config.slots, *_QUESTIONS, "nothing"],
        "goal": [*config.flows, "none"],
        "answered_by": ["policy", "model"],
    }
    for script in file.scripts:
        for turn in script.turns:
            for each in turn.expectations:
                name = each.slot or each.value
                if each.kind in known and name not in known[each.kind]:
                    names = known[each.kind]
                    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
                    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
                    raise BadRequest(
                        f"{file.path}, line {each.line}: there is no {each.kind} '{name}': {hint}",
                        param="conversations",
                    )


def rehearse(
    file: ChatFile,
    chat: Chat,
    store: Store,
    *,
    persona: str,
    sampling: Mapping[str, Any],
    mood: Mood,
) -> Iterator[Rehearsed]:
    """Each conversation of the file, in turn.  mood: asked for where counterparts are compared.

    Raises: whatever a turn raises; a persona that cannot be read, a model that is not there.
    """
    counterparts = Counterparts(mood)
    for script in file.scripts:
        yield rehearse_one(
            script, chat, store, persona=persona, sampling=sampling, counterparts=counterparts
        )


def rehearse_one(
    script: Script,
    chat: Chat,
    store: Store,
    *,
    persona: str,
    sampling: Mapping[str, Any],
    counterparts: Counterparts,
) -> Rehearsed:
    """One conversation, up to the first line that does not hold.  Callable from many threads.

    Raises: whatever a turn raises.
    """
    conversation = store.create_conversation(model=f"persona:{persona}")
    checked = 0
    said = ""
    for turn in script.turns:
        said = f"{said}\n{turn.text}"
        heard = _turn(chat, store, conversation.id, turn.text, said, sampling)
        for each in turn.expectations:
            if each.kind == "alike":
                got = counterparts.objection(each, script.variant or "", heard.answer)
            else:
                got = _objection(each, heard)
            if got is not None:
                failure = Failure(
                    line=each.line, user=turn.text, wanted=_wanted(each), got=got,
                    answer=heard.answer,
                )  # fmt: skip
                return Rehearsed(script=script, checked=checked, failure=failure)
            checked += 1
    return Rehearsed(script=script, checked=checked)


def _turn(
    chat: Chat,
    store: Store,
    conversation_id: str,
    text: str,
    said: str,
    sampling: Mapping[str, Any],
) -> Heard:
    *_, done = chat.turn(conversation_id, text, sampling=sampling)
    assert isinstance(done, Done)
    stored = done.message
    row = States(store.objects).of(conversation_id, owner="")
    state = DialogueState() if row is None else DialogueState.from_json(row.body["state"])
    by = "model" if stored.usage.get("completion_tokens") else "policy"
    called = [*stored.receipt.get("tools", ()), *stored.receipt.get("asks", ())]
    return Heard(
        answer=stored.content,
        state=state,
        by=by,
        said=said,
        calls=tuple(f"{each['name']} {each['arguments']}" for each in called),
    )


def _wanted(each: Expectation) -> str:
    return f"not {each.text}" if each.negated else each.text


def _objection(each: Expectation, heard: Heard) -> str | None:
    """What there was instead of what was expected; None where it was as expected."""
    holds, got = met(each, heard)
    return None if holds != each.negated else got
