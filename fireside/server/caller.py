"""Who sent a request: the owner of every row that it makes, and all that it may see.

Where no key was made the server is one person's, and that person is `Caller()`.  `Keys`
(`keys.py`) puts another in a request's state; handlers ask `caller_of` and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """owner: whose rows (a project's id; "" for the one person of an open server).

    key_id: of the key that was shown, None without one.  user_id: whose key that is.
    admin: may make users, projects and keys.  scopes: what the key may do; None, everything.
    """

    owner: str = ""
    key_id: str | None = None
    user_id: str | None = None
    admin: bool = True
    scopes: frozenset[str] | None = None


def caller_of(connection: HTTPConnection) -> Caller:
    """Of a request or a WebSocket."""
    found = getattr(connection.state, "caller", None)
    return found if isinstance(found, Caller) else Caller()
