"""Conversations that an answer is being written to: one at a time.

A second one is refused, not made to wait: it would answer to a history that it has not seen.  Held
by this process; a server that died holds nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fireside.errors import Conflict, FiresideError


def locked_error() -> Conflict:
    """What a second answer is refused with."""
    return Conflict(
        "An answer is being written in this conversation: wait for its end, or stop it.",
        code="conversation_locked",
    )


class Locks:
    """One of these serves the page, the API and the terminal.  By the conversation's id."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._guard = threading.Lock()

    def take(
        self, conversation_id: str, refusal: Callable[[], FiresideError] = locked_error
    ) -> Callable[[], None]:
        """Returns what lets go of it, once, however often it is called.

        Raises:
            FiresideError: `refusal`, if somebody holds it.
        """
        with self._guard:
            if conversation_id in self._held:
                raise refusal()
            self._held.add(conversation_id)

        released = threading.Event()

        def release() -> None:
            with self._guard:
                if not released.is_set():
                    released.set()
                    self._held.discard(conversation_id)

        return release

    @contextmanager
    def held(
        self, conversation_id: str, refusal: Callable[[], FiresideError] = locked_error
    ) -> Iterator[None]:
        release = self.take(conversation_id, refusal)
        try:
            yield
        finally:
            release()
