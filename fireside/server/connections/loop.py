"""An event loop whose every iteration is short, however many connections have something to say.

asyncio handles all that is ready before it looks at anything else: two thousand requests that come
together are two seconds in which no other answer gets its next word.  Here an iteration handles
`AT_ONCE` of them; the others keep their place in line.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections import deque
from typing import Final

AT_ONCE: Final = 32
Ready = tuple[selectors.SelectorKey, int]


class ShortSelector(selectors.DefaultSelector):
    """Gives at most `AT_ONCE` of what is ready; nothing newer comes before the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._line: deque[Ready] = deque()

    def select(self, timeout: float | None = None) -> list[Ready]:
        if not self._line:
            self._line.extend(super().select(timeout))
        first = [self._line.popleft() for _ in range(min(AT_ONCE, len(self._line)))]
        registered = self.get_map()
        # What was closed or changed meanwhile has another key, and is asked about anew.
        return [(key, events) for key, events in first if registered.get(key.fd) is key]


def new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # its loop waits for completion, and has no selector
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(ShortSelector())
