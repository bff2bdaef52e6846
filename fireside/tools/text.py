"""A tool's result as text that a prompt can hold: bounded, printable, and cut where one sees it.

Control tokens are ordinary text here: only templates can write them (`tokenizer/provenance.py`).
It refuses binary.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Final

from fireside.errors import BadRequest
from fireside.tools.outcome import Outcome

# With those that turn the direction of writing: what is read is not what is shown.
CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MOST_CONTROL: Final = 0.05  # of the first letters: text with a few escape codes is still text
LOOKED_AT: Final = 4096


def bounded(outcome: Outcome, limit: int) -> Outcome:
    """The outcome with at most `limit` bytes of text, sixteen times that of data.

    Raises:
        BadRequest: it is binary, or no outcome.
    """
    if not isinstance(outcome, Outcome) or not isinstance(outcome.text, str):
        raise BadRequest("The tool gave no text.")
    text, size, cut = clipped(plain(outcome.text), limit)
    error = outcome.error
    if error is not None:
        error = clipped(plain(str(error)), limit)[0]
    data = outcome.data
    if data is not None and not _fits(data, 16 * limit):
        data, cut = None, True
    return replace(outcome, text=text, data=data, error=error, size=size, cut=outcome.cut or cut)


def plain(text: str) -> str:
    """
    Raises:
        BadRequest: it is binary.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = text[:LOOKED_AT]
    if "\x00" in text or len(CONTROL.findall(head)) > MOST_CONTROL * len(head) + 1:
        raise BadRequest("The tool gave binary data, which is no text for a model.")
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def clipped(text: str, limit: int) -> tuple[str, int, bool]:
    """At most `limit` bytes, whole letters, and a line that says what is missing."""
    data = text.encode()
    if len(data) <= limit:
        return text, len(data), False
    note = f"\n[cut: {limit} of {len(data)} bytes are shown]"
    kept = data[: max(0, limit - len(note))].decode(errors="ignore")
    return kept + note, len(data), True


def _fits(data: object, limit: int) -> bool:
    try:
        return len(json.dumps(data)) <= limit
    except (TypeError, ValueError, RecursionError):
        return False
