"""A filter that lets an answer through, and says its own before and behind it."""

from __future__ import annotations


class Frame:
    """before, after: paragraphs of their own, or none; without an answer they stand alone."""

    over = False

    def __init__(self, *, before: str | None, after: str | None = None) -> None:
        self._before = before
        self._after = after

    def feed(self, text: str) -> str:
        if not text or self._before is None:
            return text
        before, self._before = self._before, None
        return f"{before}\n\n{text}"

    def finish(self) -> str:
        said = "\n\n".join(part for part in (self._before, self._after) if part)
        told, self._before, self._after = self._before, None, None
        return said if told or not said else f"\n\n{said}"
