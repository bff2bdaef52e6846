"""States in the database: one row for each user turn, below its conversation.

A row is named after the message that it stands after, so branches of a conversation each have
their own, and an edit begins again from the state before it.  It refuses to show a row to anyone
but its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fireside.dialogue.state import DialogueState
from fireside.errors import Conflict, NotFound
from fireside.storage.objects import New, Objects, Stored

KIND: Final = "dialogue_state"
THIS_TURN: Final = "(this turn)"
"""Stands for the id of a message that has none before it is stored."""
SLICE: Final = 200


class States:
    """Slow as a disk: never on an event loop."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def before(self, message_ids: Sequence[str]) -> DialogueState:
        """The state after the last of these messages that has one; the first state without one.

        message_ids: of one path, the oldest first; the caller has checked whose they are.
        """
        body = self._last(message_ids)
        return DialogueState() if body is None else DialogueState.from_json(body["state"])

    def _last(self, message_ids: Sequence[str]) -> Mapping[str, Any] | None:
        ids = [each for each in message_ids if each]
        for end in range(len(ids), 0, -SLICE):
            some = ids[max(0, end - SLICE) : end]
            found = self._objects.bodies(KIND, [_row_id(each) for each in some])
            for each in reversed(some):
                if (body := found.get(_row_id(each))) is not None:
                    return body
        return None

    def keep(
        self, state: DialogueState, message_id: str, *, scope: str, owner: str, persona: str = ""
    ) -> None:
        """`state` stands after this message; an answer that is made anew writes over it.

        persona: by whose policy, for whoever edits it.
        """
        slots = {
            name: replace(value, message_id=message_id) if value.message_id == THIS_TURN else value
            for name, value in state.slots.items()
        }
        questions = tuple(
            replace(question, pending=replace(question.pending, message_id=message_id))
            if question.pending is not None and question.pending.message_id == THIS_TURN
            else question
            for question in state.questions
        )
        state = replace(state, slots=slots, questions=questions)
        body = {"after": message_id, "persona": persona, "state": state.as_json()}
        new = New(id=_row_id(message_id), body=body)
        try:
            self._objects.add_all(KIND, [new], owner=owner, parent_id=scope)
        except Conflict:
            self._objects.change(KIND, new.id, lambda old: replace(old, body=body), owner=owner)

    def of(
        self,
        scope: str,
        *,
        owner: str,
        after: str | None = None,
        path: Sequence[str] | None = None,
    ) -> Stored | None:
        """The row after this message, or the last one of the path, or the conversation's newest;
        None where there is none.

        Raises:
            NotFound: no state stands after that message in this conversation.
        """
        if after is None and path is not None:
            body = self._last(path)
            if body is None:
                return None
            after = str(body["after"])
        if after is None:
            rows = self._objects.listed(KIND, owner=owner, parent_id=scope, limit=1).items
            return rows[0] if rows else None
        try:
            row = self._objects.get(KIND, _row_id(after), owner=owner)
        except NotFound:
            row = None
        if row is None or row.parent_id != scope:
            raise NotFound(
                f"No dialogue state stands after {after[:100]!r} in this conversation.",
                param="after",
            )
        return row

    def change(
        self, row: Stored, change: Callable[[DialogueState], DialogueState], *, owner: str
    ) -> Stored:
        """Raises whatever `change` raises; nothing is written then."""

        def changed(old: Stored) -> Stored:
            state = change(DialogueState.from_json(old.body["state"]))
            return replace(old, body=old.body | {"state": state.as_json()})

        return self._objects.change(KIND, row.id, changed, owner=owner)


def _row_id(message_id: str) -> str:
    return f"dst_{message_id}"
