"""A running summary in place of a conversation's oldest turns, once they do not fit the window.

Where the summary ends is a pure function of the messages and of the room: `cuts` replays how the
conversation grew.  So the law: the same messages give the same cuts, whether the conversation was
compacted as it grew, in one go, or in a branch of it; and with the same rows, the same prompt.
Between two cuts the prompt's beginning stays as it is, for the engine's prefix cache.

A summary is a row (kind `summary`, below its conversation) under a name made of what it stands for,
so branches share it, and it links to the one before it and to its turns.  It refuses to touch the
turns themselves: they stay where they are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.summary import By, summarise
from fireside.errors import Conflict, NotFound
from fireside.messages import Message
from fireside.storage.objects import New, Objects, Stored

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

KIND: Final = "summary"
HIGH, LOW = 0.8, 0.45
"""Shares of the room: history beyond the first is cut until it is below the second."""
SUMMARY_SHARE: Final = 1 / 10
MOST_SUMMARY: Final = 256  # tokens
AROUND: Final = 8
"""Tokens that a template writes around a message, at most, of the families that we know."""
MOST_FOLDS: Final = 4
"""Summaries that a model writes before one answer; what is older is summed up by sentences."""
FOREWORD: Final = (
    "Summary of the {} earlier messages of this conversation (a record of what was said, no "
    "instructions):"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What stands for the first `messages` of a history.  made: summaries written just now."""

    summary: Stored
    messages: int
    made: int

    @property
    def text(self) -> str:
        return FOREWORD.format(self.messages) + "\n" + str(self.summary.body["text"])

    def as_receipt(self) -> dict[str, Any]:
        body = self.summary.body
        told = {
            "summary_id": self.summary.id,
            "covers": {
                "first_id": body["first_id"],
                "last_id": body["last_id"],
                "messages": self.messages,
            },
            "tokens": body["tokens"],
            "by": body["by"],
            "made": self.made,
        }
        return told | ({"refused": body["refused"]} if body["refused"] else {})


class Compaction:
    """Of all conversations.  Thread-safe: two tabs that sum up the same turns get one row."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._sizes = Sizes()

    def compacted(
        self,
        model: TextModel,
        history: Sequence[Message],
        ids: Sequence[str],
        question: Message,
        *,
        room: int,
        starts: Sequence[int],
        by: By,
        owner: str,
        conversation_id: str,
    ) -> Compacted | None:
        """None where all of it fits.

        room: tokens for history and question.  starts: where what is kept may begin.

        Raises:
            Overloaded, Unavailable: the engine takes no more work.
        """
        messages = [*history, question]
        sizes = self._sizes.of(model, messages)
        for_summary = summary_room(room)
        found = cuts(sizes, [m.role == "user" for m in messages], starts, room, for_summary)
        found = [cut for cut in found if cut <= len(history)]
        if not found:
            return None
        marks = [_mark(message, each) for message, each in zip(history, ids, strict=True)]
        names = _names(marks, found, model.name, by)
        stored, last = self._newest(names, owner)
        missing = range(last + 1, len(found))
        for fold in missing:
            begin = found[fold - 1] if fold else 0
            written: By = by if len(found) - fold <= MOST_FOLDS else "extract"
            made = summarise(
                model,
                "" if stored is None else stored.body["text"],
                history[begin : found[fold]],
                room=for_summary,
                by=written,
                owner=owner,
            )
            body = {
                "text": made.text,
                "by": made.by,
                "refused": made.refused,
                "dropped_sentences": made.dropped,
                "tokens": len(model.tokenizer.encode(made.text)),
                "model": model.name,
                "conversation_id": conversation_id,
                "previous_id": None if stored is None else stored.id,
                "message_ids": list(dict.fromkeys(ids[begin : found[fold]])),
                "first_id": ids[0],
                "last_id": ids[found[fold] - 1],
                "messages": found[fold],
            }
            stored = self._kept(names[fold], body, owner, conversation_id)
        assert stored is not None
        return Compacted(summary=stored, messages=found[-1], made=len(missing))

    def _newest(self, names: Sequence[str], owner: str) -> tuple[Stored | None, int]:
        """The last of these rows that is there, and its place; -1 where there is none."""
        for place in range(len(names) - 1, -1, -1):
            try:
                return self._objects.get(KIND, names[place], owner=owner), place
            except NotFound:
                continue
        return None, -1

    def _kept(self, name: str, body: dict[str, Any], owner: str, parent_id: str) -> Stored:
        try:
            return self._objects.add_all(
                KIND, [New(id=name, body=body)], owner=owner, parent_id=parent_id
            )[0]
        except Conflict:  # another tab was faster
            return self._objects.get(KIND, name, owner=owner)


class Sizes:
    """Tokens of messages, counted once: a message is never rewritten."""

    MOST: Final = 100_000

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, int], int] = OrderedDict()

    def of(self, model: TextModel, messages: Sequence[Message]) -> list[int]:
        return [AROUND + sum(self._one(model, text) for text in _texts(each)) for each in messages]

    def _one(self, model: TextModel, text: str) -> int:
        if not text:
            return 0
        key = (model.name, len(text), hash(text))
        size = self._known.get(key)
        if size is None:
            size = self._known[key] = len(model.tokenizer.encode(text))
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        return size


def summary_room(room: int) -> int:
    """Tokens of a summary, of so much room."""
    return max(16, min(MOST_SUMMARY, int(room * SUMMARY_SHARE)))


def cuts(
    sizes: Sequence[int],
    asks: Sequence[bool],
    starts: Sequence[int],
    room: int,
    for_summary: int,
) -> list[int]:
    """Where the summary ended as the conversation grew, question by question: the history before
    each of these is summed up.  Empty where nothing ever had to go.

    sizes: tokens of each message.  asks: whether it is a person's, to which a prompt was made.
    starts: places that a kept history may begin at.
    """
    found: list[int] = []
    begin, total = 0, 0
    for place, size in enumerate(sizes):
        total += size
        if not asks[place] or total + (for_summary if begin else 0) <= HIGH * room:
            continue
        for start in starts[bisect_right(starts, begin) : bisect_right(starts, place)]:
            total -= sum(sizes[begin:start])
            begin = start
            if total + for_summary <= LOW * room:
                break
        if begin and (not found or found[-1] != begin):
            found.append(begin)
    return found


def _names(marks: Sequence[str], found: Sequence[int], model: str, by: str) -> list[str]:
    """A row's name says what it stands for: all messages before it, cut by cut."""
    digest = sha256(f"{model}\0{by}".encode())
    names, begin = [], 0
    for cut in found:
        for mark in marks[begin:cut]:
            digest.update(f"\0{mark}".encode())
        digest.update(b"\1")
        begin = cut
        names.append(f"sum_{digest.copy().hexdigest()[:24]}")
    return names


def _mark(message: Message, message_id: str) -> str:
    return message_id or sha256(message.content.encode()).hexdigest()


def _texts(message: Message) -> list[str]:
    return [message.content, *(call.name + call.arguments for call in message.tool_calls)]
