"""Tickets: what a person is handed over, one file each in `FIRESIDE_HOME/tickets`.

    T-0007.jsonl    a line of what it is about, then a line for each message
    T-0007.closed   when it was closed

A ticket that `open` returns is on the disk.  E-mail and webhook are sent behind that; a failure of
theirs is a line of the ticket.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fireside.errors import BadRequest, FiresideError, NotFound, Unavailable

NUMBER: Final = re.compile(r"T-\d{4,9}")
MOST_MESSAGES: Final = 200
LONGEST: Final = 8_000
"""Letters of a message; what is longer is cut, and the ticket says so."""
LOOKED_BACK: Final = 50
"""Tickets among which the same message of the same conversation is looked for."""

Send = Callable[["Ticket"], None]
"""Sends a ticket's text somewhere.  Raises: FiresideError, with what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """
    to: who should answer.  reason, summary: why, and what is known.
    key: of the message that opened it, so that an answer made anew opens no second one.
    messages: role and content, in their order.  deliveries: what was sent, and what failed.
    """

    number: str = ""
    to: str
    reason: str
    summary: str = ""
    persona: str = ""
    owner: str = ""
    conversation: str = ""
    key: str = ""
    created_at: str = ""
    closed_at: str = ""
    messages: Sequence[Mapping[str, Any]] = ()
    deliveries: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def status(self) -> str:
        return "closed" if self.closed_at else "open"

    def as_json(self) -> dict[str, Any]:
        head = {name: getattr(self, name) for name in _HEAD}
        return head | {
            "status": self.status,
            "closed_at": self.closed_at or None,
            "messages": list(self.messages),
            "deliveries": list(self.deliveries),
        }

    @property
    def text(self) -> str:
        """For a person: what it is about, then the conversation."""
        said = [f"{each['role']}: {each['content']}" for each in self.messages]
        return "\n".join([f"Ticket {self.number} for {self.to}", self.summary, "", *said])


_HEAD: Final = (
    "number", "created_at", "to", "reason", "summary", "persona", "owner", "conversation", "key",
)  # fmt: skip


class Tickets:
    """Slow as a disk; several processes may write at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, ticket: Ticket, send: Mapping[str, Send] | None = None) -> Ticket:
        """The ticket with its number.  send: by their names, each tried once.

        Raises:
            Unavailable: it could not be written; nobody is told.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (known := self._known(ticket.key)) is not None:
                return known
            made = self._write(replace(ticket, created_at=_now()))
        except OSError as error:
            raise Unavailable(f"The ticket could not be written: {error.strerror}.") from None
        for name, one in (send or {}).items():
            self._deliver(made, name, one)
        return self.get(made.number)

    def add(self, number: str, message: Mapping[str, Any]) -> None:
        """
        Raises:
            NotFound: there is no such ticket.
            Unavailable: the message could not be written.
        """
        path = self._path(number)
        try:
            _append(path, {"message": _bounded(message) | {"at": _now()}})
        except OSError as error:
            raise Unavailable(f"The ticket could not be written: {error.strerror}.") from None

    def read_all(self) -> list[Ticket]:
        """All that can be read, the newest first."""
        return [one for number in self._numbers() if (one := self._read(number)) is not None]

    def get(self, number: str) -> Ticket:
        """
        Raises:
            NotFound: there is no such ticket, or its file is damaged.
        """
        self._path(number)
        found = self._read(number)
        if found is None:
            raise NotFound(f"The file of ticket {number} is damaged.", param="number")
        return found

    def close(self, number: str) -> Ticket:
        """
        Raises:
            NotFound: there is no such ticket.
            Unavailable: it could not be written.
        """
        path = self._path(number)
        try:
            path.with_suffix(".closed").write_text(_now(), encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{number} could not be closed: {error.strerror}.") from None
        return self.get(number)

    def _path(self, number: str) -> Path:
        if not NUMBER.fullmatch(number):
            raise BadRequest(f"{number[:40]!r} is no number of a ticket: they look like T-0007.")
        path = self._folder / f"{number}.jsonl"
        if not path.is_file():
            raise NotFound(f"There is no ticket {number}: see `fireside tickets list`.")
        return path

    def _numbers(self) -> list[str]:
        names = [path.stem for path in self._folder.glob("T-*.jsonl")]
        return sorted(filter(NUMBER.fullmatch, names), key=lambda name: -int(name[2:]))

    def _known(self, key: str) -> Ticket | None:
        recent = self._numbers()[:LOOKED_BACK] if key else []
        found = (self._read(number) for number in recent)
        return next((one for one in found if one is not None and one.key == key), None)

    def _write(self, ticket: Ticket) -> Ticket:
        """Whole or not at all, under the next number that is free."""
        messages = [_bounded(each) for each in ticket.messages[-MOST_MESSAGES:]]
        number = int(next(iter(self._numbers()), "T-0")[2:])
        while True:
            number += 1
            made = replace(ticket, number=f"T-{number:04}", messages=messages)
            head = {name: getattr(made, name) for name in _HEAD}
            unkept = len(ticket.messages) - len(messages)
            lines = [head | ({"messages_left_out": unkept} if unkept else {})]
            lines += [{"message": each} for each in messages]
            handle, part = tempfile.mkstemp(dir=self._folder, prefix=".ticket-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(part, self._folder / f"{made.number}.jsonl")
            except FileExistsError:  # another process was quicker
                continue
            finally:
                os.unlink(part)
            return made

    def _deliver(self, ticket: Ticket, name: str, send: Send) -> None:
        try:
            send(ticket)
            told = {"by": name, "sent": True, "at": _now()}
        except FiresideError as error:
            told = {"by": name, "sent": False, "error": error.message, "at": _now()}
        _append(self._path(ticket.number), {"delivery": told})

    def _read(self, number: str) -> Ticket | None:
        path = self._folder / f"{number}.jsonl"
        try:
            head, *lines = list(_lines(path))
            closed = path.with_suffix(".closed")
            return Ticket(
                **{name: str(head.get(name, "")) for name in _HEAD if name != "number"},
                number=number,
                closed_at=closed.read_text(encoding="utf-8") if closed.is_file() else "",
                messages=[each["message"] for each in lines if "message" in each],
                deliveries=[each["delivery"] for each in lines if "delivery" in each],
            )
        except (OSError, ValueError):
            return None


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        made = json.loads(line)
        if not isinstance(made, dict):
            raise ValueError("A line of a ticket is no object.")
        yield made


def _append(path: Path, line: Mapping[str, Any]) -> None:
    data = f"{json.dumps(line, ensure_ascii=False)}\n".encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _bounded(message: Mapping[str, Any]) -> dict[str, Any]:
    content = str(message.get("content", ""))
    made = {"role": str(message.get("role", "user")), "content": content[:LONGEST]}
    return made | ({"letters": len(content)} if len(content) > LONGEST else {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
