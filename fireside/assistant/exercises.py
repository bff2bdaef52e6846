"""What a tutor says behind its verdict on a sum: a hint that tells no result, or the next exercise.

hint("7 × 8")        -> "What is 7 × 4? Then double it."
harder("7 × 8")      -> "8 × 8"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fireside.errors import BadRequest
from fireside.language.arithmetic import evaluate, format_number
from fireside.language.sums.answers import LearnerAnswer, check_answer, find_question, read_answer
from fireside.language.sums.judging import CheckedSum, check_equations
from fireside.language.sums.statements import find_statements
from fireside.language.sums.words import write_in_signs
from fireside.messages import Message

LOOKED_AT: Final = 10
"""Messages of a conversation, the last ones."""
MOST_OPEN: Final = 3
MOST_WORDS: Final = 3
"""Of a message that only names a kind of sums."""
UNREAD: Final = (
    "I cannot check that as it stands. Write it with digits and signs, like 12 + 5 = 17."
)
MOST: Final = 10**6
"""The largest number of an exercise that is made."""
FIRST: Final = {"addition": "17 + 8", "subtraction": "23 - 9", "multiplication": "6 × 7",
                "division": "42 ÷ 6", "fraction": "1/2 × 18", "percent": "10% of 70"}  # fmt: skip
_TWO: Final = re.compile(r"(\d{1,7}) (\+|-|\*|/|\*\*|\^) (\d{1,7})")
_FRACTION: Final = re.compile(r"(\d{1,4}) / (\d{1,4}) \* (\d{1,7})")
_PERCENT: Final = re.compile(r"(\d{1,4}) % of (\d{1,7})")
_TOPICS: Final = (
    ("fraction", r"fractions?|halves|thirds|quarters"),
    ("percent", r"percent(?:ages?)?|per cent"),
    ("subtraction", r"subtract(?:ion|ing)?|minus|take away"),
    ("division", r"divi(?:sion|de|ding)"),
    ("addition", r"add(?:ition|ing)?|plus"),
    ("multiplication", r"multipl(?:ication|y|ying)|times tables?|tables?|times"),
)
_WISHES: Final = re.compile(
    r"\b(?:exercises?|sums?|maths?|arithmetic|calculat\w+|problems?|questions?|practi[sc]e|quiz|"
    r"test me|tables?|multiplication|addition|subtraction|division|fractions?|percentages?)\b",
    re.I,
)
_GIVES: Final = re.compile(
    r"\b(?:give|ask|set|next|another|more|practi[sc]e|quiz|test|learn|train|start|begin|try|teach|"
    r"want|let'?s|help)\b",
    re.I,
)
_HELP: Final = re.compile(
    r"\b(?:hints?|help|don'?t (?:know|understand|get)|dunno|idk|no idea|not sure|stuck|give up|"
    r"tell me|show me|why|how|explain|what is it|the (?:answer|result|solution))\b|^\W*\?*\W*$",
    re.I,
)


def wishes_for(message: str) -> str | None:
    """The first exercise that a message asks for; none where it asks for something else."""
    text = message[:400].replace("’", "'")
    topic = next(
        (name for name, words in _TOPICS if re.search(rf"\b(?:{words})\b", text, re.I)), ""
    )
    short = len(text.split()) <= MOST_WORDS
    if not _WISHES.search(text) or not (_GIVES.search(text) or (topic and short)):
        return None
    table = re.search(r"\b(\d{1,3})(?:'?s)? times tables?\b|\btables? of (\d{1,3})\b", text, re.I)
    if table:
        return f"{table[1] or table[2]} × 7"
    return None if any(letter.isdigit() for letter in text) else FIRST[topic or "addition"]


def asks_for_help(message: str) -> bool:
    return _HELP.search(message[:400].replace("’", "'")) is not None


def harder(one: str) -> str | None:
    """The next exercise after a sum that was right; none of a kind that is not known."""
    plain = symbols_of(one)
    if found := _PERCENT.fullmatch(plain):
        percent, of = int(found[1]), int(found[2])
        return f"{min(percent + 10, 90)}% of {of + 20}"
    if found := _FRACTION.fullmatch(plain):
        top, below, of = map(int, found.groups())
        return f"{top}/{below + 1} × {(below + 1) * (of // max(below, 1) + 1)}"
    if not (found := _TWO.fullmatch(plain)):
        return None
    left, sign, right = int(found[1]), found[2], int(found[3])
    if max(left, right) > MOST:
        return None
    match sign:
        case "+":
            return f"{left + 7} + {right + 6}"
        case "-":
            return f"{max(left, right) + 9} - {min(left, right) + 4}"
        case "*":
            return f"{left + 1} × {right}" if left <= right else f"{left} × {right + 1}"
        case "/" if right == 0:
            return None
        case "/" if left < right:
            return f"1/{right} × {right * (left + 1)}"
        case "/":
            return f"{(left // right + 1) * (right + 1)} ÷ {right + 1}"
        case _:
            return f"{left + 1} × {left + 1}"


def hint(one: str) -> str:
    """One step towards a sum, without its result."""
    plain = symbols_of(one)
    if found := _PERCENT.fullmatch(plain):
        percent, of = int(found[1]), found[2]
        if percent == 10:
            return f"10% is a tenth: what is {of} ÷ 10?"
        return f"What is 10% of {of}? From there you come to {percent}%."
    if found := _FRACTION.fullmatch(plain):
        if found[1] == "1":
            return f"Cut {found[3]} into {found[2]} equal parts. How much is one of them?"
        return f"What is {found[3]} ÷ {found[2]}? Then take {found[1]} of these parts."
    if not (found := _TWO.fullmatch(plain)):
        return "Take it one step at a time: which part do you work out first?"
    left, sign, right = int(found[1]), found[2], int(found[3])
    match sign:
        case "+":
            return _added(left, right)
        case "-" if left < right:
            return f"How far is it from {left} to {right}? The result is that far below zero."
        case "-":
            return f"Count up from {right}: how far is it to {left}?"
        case "*":
            return _multiplied(left, right)
        case "/" if right == 0:
            return f"Which number times 0 is {left}? Is there one?"
        case "/" if left < right:
            return f"It is less than 1: one of {right} equal parts, taken {left} times."
        case "/":
            return f"Think of the table of {right}: how often does {right} fit into {left}?"
        case _:
            if right == 2:
                return _multiplied(left, left)
            return f"Begin with {left} × {left}, and multiply by {left} until there are {right}."


def _added(left: int, right: int) -> str:
    tens = right // 10 * 10
    if tens and tens != right:
        return f"What is {left} + {tens}? Then add the other {right - tens}."
    return f"Start at {left} and count on {right}. Where do you arrive?"


def _multiplied(left: int, right: int) -> str:
    small, large = sorted((left, right))
    tens = large // 10 * 10
    if small < 2:
        return f"It is {large}, taken {small} times. How much is that?"
    if tens and tens != large:
        return f"What is {small} × {tens}? Then add {small} × {large - tens}."
    if large % 2 == 0:
        return f"What is {small} × {large // 2}? Then double it."
    return f"What is {small} × {large - 1}? Then add {small} once more."


def symbols_of(one: str) -> str:
    found = next(find_statements(one), None)
    return found.sides[0].plain if found is not None and len(found.sides) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a conversation has come to.

    open: the sums that were asked and not solved, the newest first; a hint asks for a step of the
    one before.  hints: how many were given for the last of them.
    """

    open: Sequence[str] = ()
    hints: int = 0


def lesson_of(history: Sequence[Message]) -> Lesson:
    stack: list[str] = []  # the first sum, then steps of it
    said: list[str] = []
    for message in history[-LOOKED_AT:]:
        text = message.content
        if message.role not in ("user", "assistant"):
            continue
        mine = message.role == "assistant"
        judged = check_equations(text) if message.role == "assistant" else check_answer(text, None)
        stack = stack[: _solved(judged, stack)]
        wrong = [each.sum for each in judged if not each.right and each.relation == "="]
        if wrong and not mine and symbols_of(wrong[0]) not in map(symbols_of, stack):
            stack, said = [wrong[0]], []
        own = None if mine else read_answer(text, []).own
        asked = own or find_question(text)
        is_step = bool(stack) and (hint(stack[0]) in text or text.startswith("And what"))
        if asked and (own or (text.startswith("What is ") and not is_step)):
            stack, said = [asked], []
        elif asked and symbols_of(asked) not in map(symbols_of, stack):
            stack.append(asked)
        if mine:
            said.append(text)
    given = sum(hint(stack[0]) in text for text in said) if stack else 0
    return Lesson(open=stack[::-1][:MOST_OPEN], hints=given)


def _solved(found: Sequence[CheckedSum], stack: Sequence[str]) -> int:
    """How many sums, from the first, are open after these: steps of a solved one are not."""
    right = {symbols_of(each.sum) for each in found if each.right and each.relation == "="}
    return next((n for n, each in enumerate(stack) if symbols_of(each) in right), len(stack))


def reply_to(
    message: str, lesson: Lesson, said: Callable[[CheckedSum], str]
) -> tuple[LearnerAnswer, str | None]:
    """What was read, and what is said; None where it is not about sums.

    said: words a verdict.
    """
    found = read_answer(message, lesson.open)
    if found.sums:
        return found, " ".join([*map(said, found.sums), _behind(found.sums, lesson)])
    return found, _without_a_verdict(message, found, lesson)


def _behind(found: Sequence[CheckedSum], lesson: Lesson) -> str:
    wrong = next((each for each in found if not each.right), None)
    stack = lesson.open[::-1]
    left = stack[: _solved(found, stack)]
    if wrong is not None and wrong.relation == "=":
        return hint(wrong.sum)
    if left:
        return f"And what is {left[-1]}?"
    following = harder(found[-1].sum)
    return f"Next: what is {following}?" if following else "What shall we look at next?"


def _without_a_verdict(message: str, found: LearnerAnswer, lesson: Lesson) -> str | None:
    asked = found.own or next(iter(lesson.open), None)
    if found.unread:
        still = f" And what is {asked}?" if asked else ""
        return f"{UNREAD}{still}"
    if found.numbers > 1 and asked:
        return f"Which of these numbers is your answer to {asked}?"
    if found.own:
        return f"Let us work out {found.own} together. {hint(found.own)}"
    if lesson.open and asks_for_help(message):
        return _helped(lesson)
    if lesson.open and any(letter.isdigit() for letter in write_in_signs(message)):
        return f"Which number is your answer to {asked}? Write that number alone."
    if wish := wishes_for(message):
        return f"What is {wish}?"
    return None


def _helped(lesson: Lesson) -> str:
    """A hint; when that was given, its step; at last the result."""
    newest, first = lesson.open[0], lesson.open[-1]
    if newest != first:
        return f"{solution(newest)} And what is {lesson.open[1]}?"
    if not lesson.hints:
        return hint(first)
    following = harder(first)
    return f"{solution(first)} Next: what is {following}?" if following else solution(first)


def solution(one: str) -> str:
    try:
        return f"{one} = {format_number(evaluate(symbols_of(one)))}."
    except BadRequest:
        return f"{one} has no value."
