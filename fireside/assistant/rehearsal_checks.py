"""Whether an answer is as a line of a conversation test wants it, told without a model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fireside.assistant.languages import unknown_language
from fireside.dialogue.chatfile import Expectation
from fireside.dialogue.state import DialogueState
from fireside.language.sentences import numbers_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of one turn.

    by: who made the answer, "policy" or "model".
    said: what the user has said up to here.
    calls: tools that ran or ask for consent, each with its arguments.
    """

    answer: str
    state: DialogueState
    by: str
    said: str = ""
    calls: tuple[str, ...] = ()


def met(each: Expectation, heard: Heard) -> tuple[bool, str]:
    """Whether it holds, and what there was."""
    state, answer = heard.state, heard.answer
    match each.kind:
        case "contains":
            return each.value.casefold() in answer.casefold(), "the answer below"
        case "regex":
            return re.search(each.value, answer, re.I) is not None, "the answer below"
        case "slot":
            kept = state.slots.get(each.slot)
            value = "" if kept is None else kept.value
            got = f"{each.slot} = {value}" if kept else f"{each.slot} is not known"
            return value.casefold() == each.value.casefold(), got
        case "act":
            return state.act == each.value, f"act {state.act}"
        case "intent":
            name = "none" if state.intent is None else state.intent
            name = "person" if name.startswith("(") else name
            return name == each.value, f"intent {name}"
        case "asks":
            asked = state.question
            names = {"nothing"} if asked is None else {asked.kind, asked.slot or asked.kind}
            return each.value in names, f"asks {' about '.join(sorted(names))}"
        case "goal":
            return (state.goal or "none") == each.value, f"goal {state.goal or 'none'}"
        case "handed_over":
            got = "handed over" if state.handed_over else "not handed over"
            return state.handed_over is not None, got
        case "answered_by":
            return heard.by == each.value, f"answered by the {heard.by}"
        case _:
            return _met_in_text(each, heard)


def _met_in_text(each: Expectation, heard: Heard) -> tuple[bool, str]:
    match each.kind:
        case "calls":
            got = f"calls {'; '.join(heard.calls) or 'nothing'}"
            if each.value == "nothing":
                return not heard.calls, got
            name, _, rest = each.value.partition(" ")
            return any(
                call.split(" ", 1)[0] == name and rest.casefold() in call.casefold()
                for call in heard.calls
            ), got
        case "at_most":
            count = len(heard.answer.split())
            return count <= int(each.value), f"{count} words"
        case "same_numbers":
            new = sorted(numbers_in(heard.answer) - numbers_in(heard.said))
            return not new, f"the numbers {', '.join(new)}, which nobody said"
        case _:
            found = unknown_language(heard.answer, ["en"])
            code = "en" if found is None else found.code
            return code == each.value, f"language {code}"
