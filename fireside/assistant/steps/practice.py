"""`practice`: a learner's sums checked before the model answers, and the progress kept after it.

`Practice` answers by rule where a turn is about sums (`exercises.py`); where the persona wants the
model's own words behind the verdict, or the turn is about something else, `SumGuard` takes wrong
sums out of them.  `Progressing` keeps the progress as a memory of the persona's own, where the
persona remembers by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fireside.assistant.exchange import Section
from fireside.assistant.exercises import lesson_of, reply_to
from fireside.assistant.frame import Frame
from fireside.assistant.memory.records import Source
from fireside.assistant.practice import Progress, progress_of
from fireside.assistant.steps import Stage
from fireside.assistant.sum_guard import SumGuard
from fireside.language.sums.judging import CheckedSum
from fireside.language.sums.words import write_in_signs

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.memory.memories import Memories

RIGHT = "The learner's answer is right: {sum} = {result}. Ask for the next one, a little harder."
WRONG = (
    "The learner's answer to {sum} is wrong. Do not tell the result. Ask one short question that "
    "helps."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Practised:
    """checked: sums of this turn.  progress: before it."""

    checked: Sequence[CheckedSum]
    progress: Sequence[Progress]

    def as_receipt(self) -> Mapping[str, Any]:
        return {
            "checked": [
                {"kind": each.kind, "right": each.right, "result": each.result}
                for each in self.checked
            ],
            "progress": [each.text for each in self.progress],
        }


@dataclass(frozen=True, slots=True)
class Practice:
    memories: Memories
    stage: ClassVar[Stage] = "understand"
    name: ClassVar[str] = "practice"

    def run(self, exchange: Exchange) -> Practised | None:
        config = exchange.persona.practice
        if not config.sums or exchange.question.role != "user" or exchange.reply is not None:
            return None
        lesson = lesson_of(exchange.history)
        found, reply = reply_to(exchange.question.content, lesson, config.verdict_on)
        progress = progress_so_far(self.memories, exchange)
        if reply is not None and config.follow == "exercise":
            exchange.reply = reply
        else:
            _lead_the_model(exchange, found.sums, progress)
            numbers = any(letter.isdigit() for letter in write_in_signs(exchange.question.content))
            judged = numbers or bool(lesson.open)
            guard = SumGuard(asked=lesson.open, judged=judged)
            exchange.filters.append(guard)
            if found.sums:
                exchange.filters.append(Frame(before=" ".join(map(config.verdict_on, found.sums))))
        if not found.sums and not progress and exchange.reply is None:
            return None
        return Practised(checked=found.sums, progress=progress)


def _lead_the_model(
    exchange: Exchange, found: Sequence[CheckedSum], progress: Sequence[Progress]
) -> None:
    if progress:
        told = " ".join(each.text for each in progress)
        # It changes with each right answer, so it is no part of the prompt's beginning.
        exchange.sections.append(Section(name="progress", text=f"The learner so far. {told}"))
    if found:
        briefs = [
            (RIGHT if one.right else WRONG).format(sum=one.sum, result=one.result) for one in found
        ]
        exchange.sections.append(Section(name=Practice.name, text="\n".join(briefs)))


@dataclass(frozen=True, slots=True)
class Progressing:
    memories: Memories
    stage: ClassVar[Stage] = "record"
    name: ClassVar[str] = "progress"

    def run(self, exchange: Exchange) -> None:
        found = exchange.results.get("practice")
        if not isinstance(found, Practised) or exchange.persona.memory.write != "automatic":
            return
        # Asked for anew: another tab may have practised meanwhile.
        before = {each.kind: each for each in progress_so_far(self.memories, exchange)}
        after = dict(before)
        for one in found.checked:
            if one.relation != "=":
                continue
            after[one.kind] = after.get(one.kind, Progress(kind=one.kind)).after(one)
        for kind, progress in after.items():
            if progress != before.get(kind):
                self.memories.add(
                    exchange.owner,
                    progress.text,
                    persona=exchange.persona.name,
                    source=Source(
                        by="conversation",
                        conversation_id=exchange.scope,
                        message_id=exchange.question_id or None,
                    ),
                )


def progress_so_far(memories: Memories, exchange: Exchange) -> list[Progress]:
    """By kind, in the order of their names."""
    listed = memories.listed(exchange.owner, persona=exchange.persona.name)
    found = {
        progress.kind: progress
        for each in reversed(listed)
        if (progress := progress_of(each.text)) is not None
    }
    return [found[kind] for kind in sorted(found)]
