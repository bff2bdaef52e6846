"""Answers that were compared or judged: pairs with a better one, and answers with a thumb.

A pair's answers may be texts, one turn, or whole chats; of whole chats, all but the last turn is
the prompt, and has to be the same in both.
"""

from __future__ import annotations

from fireside.data.chats import (
    INSTRUCTIONS,
    PROMPTS,
    answer_in,
    messages_of,
    no_column,
    prompt_in,
    transcript,
    turns_in,
    with_system,
)
from fireside.data.fields import Fields, Malformed
from fireside.data.turns import Turn
from fireside.messages import Message

CHOSEN = ("chosen", "chosen_response", "chosen_messages", "preferred_output")
REJECTED = ("rejected", "rejected_response", "rejected_messages", "non_preferred_output")
CHATS = ("messages", "conversations", "conversation")
LABELS = ("label", "kto_tag", "good", "thumb")
Pair = tuple[tuple[Message, ...], Message, Message]


def pair_in(fields: Fields, prompt: list[Turn] | None) -> Pair:
    """Prompt, chosen and rejected.

    prompt: what is known of it already.

    Raises:
        Malformed: they are no pair.
    """
    names = [fields.choice(CHOSEN), fields.choice(REJECTED)]
    for name, usual in zip(names, ("chosen", "rejected"), strict=True):
        if name is None:
            advice = "preferences are prompt, chosen and rejected"
            raise Malformed(no_column(fields, usual, advice))
    chosen, rejected = (_answer(fields, name) for name in names if name is not None)
    before, other = messages_of(chosen)[:-1], messages_of(rejected)[:-1]
    if before != other:
        raise Malformed("chosen and rejected begin differently: they answer no common prompt")
    if prompt is None:
        prompt = _prompt(fields, chosen)
    check_flags([*prompt, *chosen[:-1], *rejected[:-1]], [chosen[-1], rejected[-1]])
    whole = _joined(messages_of(prompt), before)
    if not whole:
        raise Malformed("there is no prompt, neither by itself nor as turns of chosen and rejected")
    if chosen[-1].message == rejected[-1].message:
        raise Malformed("chosen and rejected are the same")
    return whole, chosen[-1].message, rejected[-1].message


def _answer(fields: Fields, name: str) -> list[Turn]:
    value = fields.record[name]
    if isinstance(value, str) and not any(fields.has(one) for one in (*PROMPTS, *INSTRUCTIONS)):
        turns = transcript(value)
        if turns:
            fields.use([name])
            if turns[-1].message.role != "assistant" or not turns[-1].message.content:
                raise Malformed(f"the answer is empty: {name} ends without one")
            return turns
    return answer_in(fields, name)


def check_flags(before: list[Turn], answers: list[Turn]) -> None:
    """Of a pair, or a judged answer, the last turn is learned from, and no other."""
    if any(turn.learned is False for turn in answers):
        raise Malformed("an answer is flagged not to be learned, and is what is compared")
    if any(turn.learned for turn in before):
        raise Malformed(
            "an earlier turn is flagged to be learned: of answers that are compared or judged, "
            "only the last turn is"
        )


def _prompt(fields: Fields, chosen: list[Turn]) -> list[Turn]:
    """What the record has as its prompt, apart from the turns of the answers."""
    asked = any(fields.has(name) for name in (*INSTRUCTIONS, *PROMPTS, "input"))
    column = fields.choice(name for name in CHATS if fields.has(name))
    turns: list[Turn] = []
    if column is not None:
        turns = turns_in(fields, column)
        if messages_of(turns) == messages_of(chosen):  # UltraFeedback has the better chat twice
            turns = []
        elif asked:
            raise Malformed(f"{column} is a prompt, and so is another column: keep one of them")
    if asked:
        return prompt_in(fields)
    return with_system(turns, fields)


def _joined(prompt: tuple[Message, ...], before: tuple[Message, ...]) -> tuple[Message, ...]:
    """The prompt by itself and the turns before the answers, as one chat."""
    if not before or not prompt:
        return prompt or before
    system = prompt[:1] if prompt[0].role == "system" else ()
    asked = prompt[len(system) :]
    if before[0].role != "system":
        before = (*system, *before)
    elif system and before[:1] != system:
        raise Malformed("the system message differs from the one that the answers' chats have")
    # A prompt that the chats repeat is their beginning, their end, or one turn of theirs.
    places = {0, len(system), len(before) - len(asked)}
    if any(place >= 0 and before[place : place + len(asked)] == asked for place in places):
        return before
    if len(asked) == 1 and asked[0] in before:
        return before
    rest = before[len(system) :]
    if rest[0].role == "assistant" and asked[-1].role in ("user", "tool"):
        return (*prompt, *rest)  # an answer of several turns: a call, its result, the answer
    raise Malformed("prompt is no turn of the chats in chosen and rejected")


def judgement_in(fields: Fields) -> bool:
    """Whether an answer is good.

    Raises:
        Malformed: nothing says so.
    """
    name = fields.choice(LABELS)
    if name is None:
        advice = "judged answers are prompt, completion and label"
        raise Malformed(no_column(fields, "label", advice))
    known = {"true": True, "1": True, "1.0": True, "up": True, "good": True}
    known |= {"false": False, "0": False, "0.0": False, "down": False, "bad": False}
    truth = known.get(str(fields[name]).strip().lower())
    if truth is None:
        raise Malformed(f"{name} is neither true nor false but {str(fields[name])[:40]!r}")
    return truth
