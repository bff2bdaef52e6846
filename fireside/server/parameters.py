"""Parameters of OpenAI's that do nothing here: obligations are refused, hints are passed over.

An obligation changes what must come out, so a request with one is a 400 that names it.  A hint
says how an answer may be made, or belongs to another provider: the request is answered without it,
and `x-fireside-ignored` and the receipt name it.  `openai_parameters.py` has the tables; this file
applies one to the JSON of a request, before any shape is checked.

A place is a path: `reasoning.effort`, `messages[].cache_control` (of every element),
`input[reasoning].encrypted_content` (of elements of this type), `include[web_search_call.results]`
(the element itself), `messages[].*` (every member that has no other name).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import Unsupported
from fireside.server.empties import is_empty

HEADER: Final = "x-fireside-ignored"
SHOWABLE: Final = re.compile(r"[A-Za-z0-9_$\-]{1,64}")
STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
MAX_NAMES: Final = 32
"""Of ignored parameters that a header names; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Refused, unless the value is empty or one of `passes`, which ask for nothing.

    asks_when_empty: an empty object asks for all that there is.
    """

    why: str
    passes: Sequence[object] = ()
    asks_when_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Taken out and named, unless the value is empty or one of `passes`, which happens anyway.

    is_kept: it stays in the request: its shape is checked, and the answer may repeat it.
    """

    why: str
    passes: Sequence[object] = ()
    is_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyExtras:
    """Members of no shape, if their values are empty.  names: the members of the shapes here."""

    why: str
    names: Callable[[], Collection[str]]


Parameter = Obligation | Hint | EmptyExtras


def is_same(value: object, other: object) -> bool:
    """JSON's equality: `true` is no 1."""
    return type(value) is type(other) and value == other


def passes(value: object, parameter: Obligation | Hint) -> bool:
    if is_empty(value):
        return value is None or not (
            isinstance(parameter, Obligation) and parameter.asks_when_empty
        )
    return any(is_same(value, each) for each in parameter.passes)


@dataclass(slots=True)
class Node:
    """What lies below a place: members by name, elements by selector."""

    members: dict[str, Node] = field(default_factory=dict)
    elements: dict[str, Node] = field(default_factory=dict)
    parameter: Parameter | None = None


class Table(Mapping[str, Parameter]):
    """Parameters by their places."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._parameters = dict(parameters)
        self._root = Node()
        for place, parameter in self._parameters.items():
            node = self._root
            for step in STEP.finditer(place):
                member, selector = step.groups()
                if member is None:
                    node = node.elements.setdefault(selector, Node())
                else:
                    node = node.members.setdefault(member, Node())
            node.parameter = parameter

    def __getitem__(self, place: str) -> Parameter:
        return self._parameters[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def apply(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The request without its hints, and the names of those.

        Raises:
            Unsupported: an obligation, naming it.
        """
        walk = _Walk()
        return walk.members(data, self._root, "", ""), tuple(walk.ignored)


NONE: Final = Table({})


def header_of(names: Sequence[str]) -> str:
    """The value of the header."""
    more = len(names) - MAX_NAMES
    return ", ".join([*names[:MAX_NAMES], *[f"and {more} more"] * (more > 0)])


class IgnoredHeader:
    """Names the hints of a request in its answer; innermost, so that a replayed answer has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_header(message: Message) -> None:
            ignored = scope.get("state", {}).get("ignored")
            if ignored and message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = header_of(ignored)
            await send(message)

        await self.app(scope, receive, with_header if scope["type"] == "http" else send)


class _Walk:
    """One request on its way through the table.

    `where` is a place in this request (`messages[3].audio`), `name` the table's word for it.
    """

    def __init__(self) -> None:
        self.ignored: dict[str, None] = {}

    def members(self, data: Mapping[str, Any], node: Node, where: str, name: str) -> dict[str, Any]:
        members: dict[str, Any] = {}
        others = node.members.get("*")
        extras = others.parameter if others is not None else None
        for key, value in data.items():
            below = node.members.get(key)
            at, place = _joined(where, key), _joined(name, _printable_key(key))
            if below is not None:
                if self._stays(value, below.parameter, at, place):
                    members[key] = self._within(value, below, at, place)
            elif isinstance(extras, EmptyExtras) and is_empty(value) and key not in extras.names():
                self.ignored[place] = None
            else:
                members[key] = value
        return members

    def _within(self, value: Any, node: Node, where: str, name: str) -> Any:
        if node.members and isinstance(value, dict):
            return self.members(value, node, where, name)
        if node.elements and isinstance(value, list):
            return self._elements(value, node, where, name)
        return value

    def _elements(self, values: list[Any], node: Node, where: str, name: str) -> list[Any]:
        elements = []
        for number, value in enumerate(values):
            at, stays = f"{where}[{number}]", True
            for selector in ("", _kind(value)):
                below = node.elements.get(selector) if selector is not None else None
                if below is None or not stays:
                    continue
                place = f"{name}[{selector}]"
                stays = self._stays(value, below.parameter, at, place)
                value = self._within(value, below, at, place)
            if stays:
                elements.append(value)
        return elements

    def _stays(self, value: Any, parameter: Parameter | None, where: str, name: str) -> bool:
        match parameter:
            case Obligation() if not passes(value, parameter):
                raise Unsupported(
                    f"{where} is not supported by this server; leave it out. "
                    "docs/api.md says what is.",
                    param=where,
                )
            case Obligation():
                return False
            case Hint():
                if not passes(value, parameter):
                    self.ignored[name] = None
                return parameter.is_kept
            case _:
                return True


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _printable_key(key: str) -> str:
    """A client's own word goes into a header: nothing but plain names."""
    return key if SHOWABLE.fullmatch(key) else "?"


def _kind(value: object) -> str | None:
    """What selects an element: itself, or its type."""
    kind = value.get("type") if isinstance(value, dict) else value
    return kind if isinstance(kind, str) and kind else None
