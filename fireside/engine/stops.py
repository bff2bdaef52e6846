"""Stop strings in a stream: found across token borders, never half shown.

The definition, on the whole text: it ends at the first place where some stop string is complete,
and is cut where that one begins (where the longest begins, if several end there).  A stream gives
exactly that text, however it is cut into pieces.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopScanner:
    """Holds back the longest end of the text that may yet become a stop string.

    Attributes:
        stopped: a stop string has been found; nothing more will be shown.
    """

    __slots__ = ("_held", "_stops", "stopped")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The text that may be shown now."""
        if not self._stops or self.stopped:
            return "" if self.stopped else text
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        keep = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """The text is over: what was held back is no stop string after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop` without completing it."""
    return next(
        (
            length
            for length in range(min(len(text), len(stop) - 1), 0, -1)
            if text.endswith(stop[:length])
        ),
        0,
    )
