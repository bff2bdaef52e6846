"""What an answer consists of as it comes, for whoever shows it.

A function of the client's comes as the call parser's own events; a tool that runs here as its
beginning and its end.  What was given out once is never taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fireside.engine.calling import Arguments, CallEnded, CallStarted

if TYPE_CHECKING:
    from fireside.assistant.exchange import Source
    from fireside.engine.text import TokenInfo
    from fireside.tools.running import ToolRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The next text of the answer, with the tokens that it came of.

    text: for the reader's eyes.  kept: what is stored of it, where that differs: personal data is
        stored masked.  after: what stands between it and the text before it, in one whole text.
    """

    text: str
    kept: str
    after: str = ""
    tokens: tuple[TokenInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call of a tool that runs here.  label: whose tool it is.  question: for the person, where
    the tool asks one in its own words."""

    id: str
    name: str
    label: str
    arguments: str
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """approval: the request for consent that the person has agreed to, where there was one."""

    call: Called
    approval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    run: ToolRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The tool runs when the person agrees: the answer ends here, and another goes on from it."""

    call: Called


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """index: of the mark's first character in the text since the last call or tool."""

    source: Source
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A line below the answer, and no part of it."""

    text: str


Piece = (
    Said | CallStarted | Arguments | CallEnded | ToolStarted | ToolEnded | Asked | Cited | Notice
)
