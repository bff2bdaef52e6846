"""A summary of turns, by the model itself or of their own sentences, checked before it is used.

What the check lets through: whole sentences, without reasoning, each said once, whose numbers and
names all occur in what they stand for and most of whose words do; together with half of the numbers
and names that the person told, and never more tokens than the turns had.  Where the model does not
pass, sentences of the conversation stand in, the person's own statements first.  It refuses to be
part of an answer: its prompt is its own, and greedy, so the same turns give the same summary.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from fireside.assistant.directions import agrees
from fireside.assistant.memory.facts import facts_in
from fireside.engine.params import SamplingParams
from fireside.knowledge.words import STOPS, wanted, words
from fireside.language.sentences import is_whole, names_in, numbers_in, sentences
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

By = Literal["model", "extract"]

WISH: Final = (
    "Sum up the conversation below in a few short sentences, so that it can go on without it. "
    "Keep what the user wants, facts, names, numbers, dates, decisions and what is still open. "
    "Write only the summary."
)
SUPPORT: Final = 0.6
"""Share of a sentence's telling words that must occur in what it stands for."""
COVERAGE: Final = 0.5
"""Share of the person's own numbers and names that a summary must keep."""
STATED: Final = 20.0
"""What a person stated counts for so much more than what was answered."""
MOST_PARTS: Final = 4
"""Parts that one summary is written from; longer turns than that are summed up by sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """by: who wrote it.  dropped: sentences of the model's that failed the check.
    refused: why none of the model's was used, if it was asked."""

    text: str
    by: By
    dropped: int = 0
    refused: str | None = None


def summarise(
    model: TextModel, before: str, turns: Sequence[Message], *, room: int, by: By, owner: str
) -> Summary:
    """Of what `before` sums up and of these turns, in at most `room` tokens.

    Raises:
        Overloaded, Unavailable: the engine takes no more work.
    """
    source = "\n".join(part for part in (before, *map(_plain, turns)) if part)
    limit = min(room, len(model.tokenizer.encode(source)))
    refused = None
    dropped = 0
    if by == "model":
        written, ended = _written(model, before, turns, room, owner)
        good, dropped = checked(written, source, ended=ended)
        text = _within(model, good, limit)
        refused = _refusal(text, stated(before, turns), written)
        if refused is None:
            return Summary(text=text, by="model", dropped=dropped)
    text = extracted(model, before, turns, limit)
    return Summary(text=text, by="extract", dropped=dropped, refused=refused)


def _refusal(text: str, marks: set[str], written: str) -> str | None:
    if not written:
        return "it was empty"
    if not text:
        return "nothing that the model wrote passed the check"
    kept = marks & (numbers_in(text) | set(words(text)) | names_in(text))
    if len(kept) < COVERAGE * len(marks):
        return f"it kept {len(kept)} of the {len(marks)} numbers and names that had been told"
    return None


def checked(written: str, source: str, *, ended: bool) -> tuple[list[str], int]:
    """The sentences that may stand, and how many may not.

    ended: the model came to its end by itself; else its last sentence may be cut off.
    """
    bare = re.sub(r"<think>.*?(?:</think>|\Z)", "", written, flags=re.DOTALL)
    if "</think>" in bare:
        bare = bare.rpartition("</think>")[2]
    said = sentences(bare)
    known_numbers, known_words = numbers_in(source), set(words(source))
    told = sentences(source)
    good: dict[str, str] = {}
    for place, sentence in enumerate(said):
        last = place == len(said) - 1
        if last and not is_whole(sentence) and not ended:
            continue
        if _supported(sentence, known_numbers, known_words) and agrees(sentence, told):
            good.setdefault(" ".join(words(sentence)), sentence)
    return list(good.values()), len(said) - len(good)


def extracted(model: TextModel, before: str, turns: Sequence[Message], limit: int) -> str:
    """The sentences that tell most, in their order, each with who said it: at most `limit`
    tokens, and never nothing."""
    lines = [line for line in before.split("\n") if line.strip()]
    for turn in turns:
        speaker = "User" if turn.role == "user" else "Assistant"
        lines.extend(f"{speaker}: {each}" for each in sentences(turn.content))
    lines = list(dict.fromkeys(lines))
    telling = [set(wanted(line.partition(": ")[2] or line)) - STOPS for line in lines]
    holding = Counter(word for each in telling for word in each)
    scores = [
        _telling(line, each, holding, len(lines)) for line, each in zip(lines, telling, strict=True)
    ]
    chosen: list[int] = []
    spent = 0
    for place in sorted(range(len(lines)), key=lambda i: (-scores[i], i)):
        cost = len(model.tokenizer.encode(lines[place])) + 1
        if spent + cost <= limit:
            chosen.append(place)
            spent += cost
    if not chosen and lines:  # one endless sentence: its beginning
        ids = model.tokenizer.encode(lines[0])[: max(1, limit - 1)]
        return str(model.tokenizer.decode(ids)).strip() + "…"
    return "\n".join(lines[place] for place in sorted(chosen))


def _telling(line: str, telling: set[str], holding: Counter[str], number: int) -> float:
    speaker, _, said = line.partition(": ")
    if not telling:
        return 0.0
    rare = sum(math.log(1 + number / holding[word]) for word in telling) / math.sqrt(len(telling))
    score = rare + 2.0 * bool(numbers_in(said)) + 1.0 * bool(names_in(said))
    if speaker == "User":
        known = max((fact.score for fact in facts_in(said)), default=0.0)
        score += 1.0 if _asks(said) else STATED + 5.0 * known
    return score / (1 + len(line) / 300)


def _asks(sentence: str) -> bool:
    return sentence.endswith(("?", "？"))


def stated(before: str, turns: Sequence[Message]) -> set[str]:
    """The numbers and names of what the person said, and of the summary so far."""
    found: set[str] = set()
    lines = before.split("\n")
    for turn in turns:
        if turn.role == "user":
            lines.extend(each for each in sentences(turn.content) if not _asks(each))
    for line in lines:
        said = line.removeprefix("User: ").removeprefix("Assistant: ")
        found |= numbers_in(said) | names_in(said)
    return found


def _supported(sentence: str, known_numbers: set[str], known_words: set[str]) -> bool:
    if not numbers_in(sentence) <= known_numbers:
        return False
    if any(not set(words(name)) <= known_words for name in names_in(sentence)):
        return False
    telling = [word for word in wanted(sentence) if not word.isdigit()]
    if set(telling) <= STOPS:
        return False
    return sum(word in known_words for word in telling) >= SUPPORT * len(telling)


def _within(model: TextModel, good: Sequence[str], limit: int) -> str:
    """As many of the sentences, from the first on, as fit."""
    kept = list(good)
    while kept and len(model.tokenizer.encode(" ".join(kept))) > limit:
        kept.pop()
    return " ".join(kept)


def _written(
    model: TextModel, before: str, turns: Sequence[Message], room: int, owner: str
) -> tuple[str, bool]:
    """What the model writes, part by part, and whether it came to its end by itself."""
    transcript = model.tokenizer.encode("\n".join(map(_plain, turns)))
    size = max(64, model.context // 2)
    parts = [transcript[at : at + size] for at in range(0, len(transcript), size)]
    if not parts or len(parts) > MOST_PARTS:
        return "", True
    so_far, ended = before, True
    for part in parts:
        known = f"Summary of what came before:\n{so_far}\n\n" if so_far else ""
        text = f"{WISH}\n\n{known}Conversation:\n{model.tokenizer.decode(part)}"
        ids = model.tokenizer.render([Message(role="user", content=text)]).ids
        if len(ids) + room > model.context:
            return "", True
        params = SamplingParams(temperature=0.0, max_tokens=room)
        so_far, ended = "", False
        for event in model.generate(ids, params, owner=owner):
            so_far += event.text
            ended = event.finish_reason == "stop"
    return so_far.strip(), ended


def _plain(turn: Message) -> str:
    lines = [f"{turn.role}: {turn.content}"] if turn.content else []
    lines.extend(f"calls {call.name}: {call.arguments}" for call in turn.tool_calls)
    return "\n".join(lines)
