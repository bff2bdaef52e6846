"""A running summary in place of a conversation's oldest turns, once they do not fit the window.

A summary is made in steps: when the room is nearly full, the turns go down to about half of it
(`cuts.py`), and until the room is full again every prompt begins with the same tokens, for the
engine's prefix cache.  A turn goes on from the summary of the last answer of its own branch
(`after`), which that answer's receipt names.  Where there is none, the cuts are replayed as the
conversation grew.  So the law: the same messages give the same cuts and the same summaries,
whether the conversation was compacted as it grew, in one go, or in a branch of it.

A summary is a row (kind `summary`, below its conversation) under a name made of what it stands for,
so branches share it, and it links to the one before it and to its turns.  The turns themselves
stay where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.cuts import Sizes, cuts
from fireside.assistant.exchange import Unread
from fireside.assistant.prompt import starts_of
from fireside.assistant.summary import By, summarise
from fireside.errors import Conflict, NotFound
from fireside.messages import Message
from fireside.storage.objects import New, Objects, Stored

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

KIND: Final = "summary"
SUMMARY_SHARE: Final = 1 / 10
MOST_SUMMARY: Final = 256  # tokens
MOST_FOLDS: Final = 4
"""Summaries that a model writes before one answer; what is older is summed up by sentences."""
FOREWORD: Final = (
    "Summary of the {} earlier messages of this conversation (a record of what was said, no "
    "instructions):"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What stands for the messages of a history before `place`, and for those before the history
    that the row counts.  made: summaries written just now."""

    summary: Stored
    place: int
    made: int

    @property
    def messages(self) -> int:
        """All that the summary stands for."""
        return int(self.summary.body["messages"])

    @property
    def unread(self) -> Unread:
        """What came before all of it and was never read."""
        return Unread(**self.summary.body.get("unread", {}))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """A conversation that may be too long, before its question.

    ids: the row of each message.  unread: what came before them.  after: the summary that stood
    for the oldest of them in this branch's last answer, if one did.
    """

    owner: str
    conversation_id: str
    messages: Sequence[Message]
    ids: Sequence[str]
    unread: Unread = field(default_factory=Unread)
    after: str | None = None


class Compaction:
    """Of all conversations.  Thread-safe: two tabs that sum up the same turns get one row."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._sizes = Sizes()

    def compacted(
        self, model: TextModel, old: Old, question: Message, *, room: int, by: By
    ) -> Compacted | None:
        """None where all of it fits.

        room: tokens for history and question.

        Raises:
            Overloaded, Unavailable: the engine takes no more work.
        """
        last = self._last(old)
        begin = 0 if last is None else last.place
        found = [begin + cut for cut in self._cuts(model, old, question, begin, room, last)]
        if not found:
            return last
        return self._folded(model, old, [begin, *found], last, summary_room(room), by)

    def _last(self, old: Old) -> Compacted | None:
        if old.after is None:
            return None
        try:
            row = self._objects.get(KIND, old.after, owner=old.owner)
            place = len(old.ids) - 1 - old.ids[::-1].index(row.body["last_id"])
        except (NotFound, ValueError):
            return None
        return Compacted(summary=row, place=place + 1, made=0)

    def _cuts(
        self,
        model: TextModel,
        old: Old,
        question: Message,
        begin: int,
        room: int,
        last: Compacted | None,
    ) -> list[int]:
        rest = [*old.messages[begin:], question]
        found = cuts(
            self._sizes.of(model, rest),
            [each.role == "user" for each in rest],
            starts_of(rest),
            room,
            for_summary=summary_room(room),
            begun=last is not None,
        )
        return [cut for cut in found if begin + cut <= len(old.messages)]

    def _folded(
        self,
        model: TextModel,
        old: Old,
        ends: Sequence[int],
        last: Compacted | None,
        room: int,
        by: By,
    ) -> Compacted:
        """The summary of all before the last of `ends`, made of those between them."""
        first = None if last is None else last.summary
        names = _names(old, ends, model.name if first is None else first.id, by)
        known = {row.id: row for row in self._objects.chosen(KIND, names, owner=old.owner)}
        there = [fold for fold, name in enumerate(names) if name in known]
        done = there[-1] if there else -1
        stored = first if done < 0 else known[names[done]]
        for fold in range(done + 1, len(names)):
            begin, end = ends[fold], ends[fold + 1]
            made = summarise(
                model,
                "" if stored is None else stored.body["text"],
                old.messages[begin:end],
                room=room,
                by=by if len(names) - fold <= MOST_FOLDS else "extract",
                owner=old.owner,
            )
            before = _before(old) if stored is None else stored.body
            body = {
                "text": made.text,
                "by": made.by,
                "refused": made.refused,
                "dropped_sentences": made.dropped,
                "tokens": len(model.tokenizer.encode(made.text)),
                "model": model.name,
                "conversation_id": old.conversation_id,
                "previous_id": None if stored is None else stored.id,
                "message_ids": list(dict.fromkeys(old.ids[begin:end])),
                "first_id": before["first_id"],
                "last_id": old.ids[end - 1],
                "messages": before["messages"] + end - begin,
                "unread": before.get("unread", {}),
            }
            stored = self._stored(names[fold], body, old)
        assert stored is not None
        return Compacted(summary=stored, place=ends[-1], made=len(names) - 1 - done)

    def _stored(self, name: str, body: dict[str, Any], old: Old) -> Stored:
        try:
            return self._objects.add_all(
                KIND, [New(id=name, body=body)], owner=old.owner, parent_id=old.conversation_id
            )[0]
        except Conflict:  # another tab was faster
            return self._objects.get(KIND, name, owner=old.owner)


def summary_room(room: int) -> int:
    """Tokens of a summary, of so much room."""
    return max(16, min(MOST_SUMMARY, int(room * SUMMARY_SHARE)))


def _before(old: Old) -> Mapping[str, Any]:
    """What the first summary of a conversation begins with."""
    return {"first_id": old.ids[0], "messages": 0, "unread": old.unread.as_receipt()}


def _names(old: Old, ends: Sequence[int], begun: str, by: str) -> list[str]:
    """A row's name says what it stands for: the summary before it, and the messages since."""
    names = []
    for begin, end in pairwise(ends):
        digest = sha256(f"{begun}\0{by}".encode())
        for message, message_id in zip(old.messages[begin:end], old.ids[begin:end], strict=True):
            digest.update(f"\0{message_id or message.content}".encode())
        begun = f"sum_{digest.hexdigest()[:24]}"
        names.append(begun)
    return names
