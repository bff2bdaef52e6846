"""Which calls have run: the same call id runs once, and gives what it gave.

Calls of tools that act are rows, written before the tool begins: after a crash the id is known,
and nobody sends the message a second time.  What was begun and never finished is told as that.  It
refuses an id that comes back with other arguments, and keeps no arguments, only their digest.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from fireside.errors import Conflict, NotFound
from fireside.storage.objects import New, Objects, Stored
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext

KIND: Final = "tool_call"
LIFE: Final = 30 * 86_400.0
REMEMBERED: Final = 512  # calls that this process has made


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One call id.  done: it is over; `outcome` is None only where nothing ran."""

    key: str
    digest: str
    objects: Objects | None = None
    outcome: Outcome | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, outcome: Outcome) -> None:
        """Also when the caller has long gone on without it."""
        if self.objects is not None:
            body = {"digest": self.digest, "outcome": asdict(outcome)}
            with suppress(NotFound):  # its conversation was deleted meanwhile
                self.objects.change(
                    KIND, self.key, lambda row: replace(row, body=body, status="done"), owner=None
                )
        self.outcome = outcome
        self.done.set()


class Ledger:
    """One per process; the rows are the store's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Ticket] = OrderedDict()

    def begin(
        self, tool: Tool, given: Mapping[str, Any], context: ToolContext
    ) -> tuple[Ticket, bool]:
        """The ticket of this call id, and whether the caller is the one who runs it.

        Raises:
            Conflict: the id was another call's, or that of a call whose end nobody knows.
        """
        digest = _digest(tool, given)
        if not context.call_id:
            return Ticket(key="", digest=digest), True
        key = _key(context)
        with self._lock:
            ticket, fresh = self._known.get(key), False
            if ticket is None:
                ticket, fresh = _opened(key, digest, tool, context)
                self._known[key] = ticket
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        if ticket.digest != digest:
            raise Conflict(f"The call id {context.call_id[:64]!r} was another call's.")
        return ticket, fresh

    def withdraw(self, ticket: Ticket) -> None:
        """Nothing ran; the same id may be tried again."""
        with self._lock:
            self._known.pop(ticket.key, None)
        if ticket.objects is not None:
            ticket.objects.discard([ticket.key])
        ticket.done.set()


LEDGER: Final = Ledger()


def _opened(key: str, digest: str, tool: Tool, context: ToolContext) -> tuple[Ticket, bool]:
    if not tool.acts or context.store is None:
        return Ticket(key=key, digest=digest), True
    objects = context.store.objects
    row = New(id=key, body={"digest": digest}, status="begun", expires_at=time.time() + LIFE)
    try:
        objects.add_all(KIND, [row], owner=context.owner, parent_id=context.scope)
    except Conflict:
        return _kept(objects.get(KIND, key, owner=context.owner), tool, digest), False
    return Ticket(key=key, digest=digest, objects=objects), True


def _kept(row: Stored, tool: Tool, digest: str) -> Ticket:
    """Of another process, or of this one long ago."""
    ticket = Ticket(key=row.id, digest=row.body["digest"])
    if row.status == "done":
        ticket.outcome = Outcome(**row.body["outcome"])
    elif ticket.digest == digest:
        ticket.outcome = Outcome(
            error=f"{tool.name} was begun before and its end is not known: it may have been "
            "carried out. Look before you ask again."
        )
    ticket.done.set()
    return ticket


def _key(context: ToolContext) -> str:
    parts = json.dumps([context.owner, context.scope, context.call_id])
    return "tcall_" + hashlib.sha256(parts.encode()).hexdigest()[:40]


def _digest(tool: Tool, given: Mapping[str, Any]) -> str:
    parts = json.dumps([tool.name, given], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()
