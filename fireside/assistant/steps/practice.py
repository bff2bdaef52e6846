"""`practice`: a learner's sums checked before the model answers, and the progress kept after it.

`Practice` puts a verdict before the model's words and tells the model of it and of the progress so
far; `Progressing` keeps the progress as a memory of the persona's own, where the persona remembers
by itself.  They refuse to do anything without `[practice]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fireside.assistant.exchange import Section
from fireside.assistant.frame import Frame
from fireside.assistant.memory.records import Source
from fireside.assistant.practice import Checked, Progress, checked, progress_of, question_in
from fireside.assistant.steps import Stage

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

    checked: Sequence[Checked]
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
    stage: ClassVar[Stage] = "budget"
    name: ClassVar[str] = "practice"

    def run(self, exchange: Exchange) -> Practised | None:
        config = exchange.persona.practice
        if not config.sums or exchange.question.role != "user" or exchange.reply is not None:
            return None
        said = [each.content for each in exchange.history if each.role == "assistant"]
        found = checked(exchange.question.content, question_in(said[-1]) if said else None)
        progress = progress_so_far(self.memories, exchange)
        if progress:
            told = " ".join(each.text for each in progress)
            # It changes with each right answer, so it is no part of the prompt's beginning.
            exchange.sections.append(Section(name="progress", text=f"The learner so far. {told}"))
        if found:
            briefs = [
                (RIGHT if one.right else WRONG).format(sum=one.sum, result=one.result)
                for one in found
            ]
            exchange.sections.append(Section(name=self.name, text="\n".join(briefs)))
            exchange.filters.append(Frame(before=" ".join(map(config.said, found))))
        return Practised(checked=found, progress=progress) if found or progress else None


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
