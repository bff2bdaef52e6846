"""What is open while a Word document is read: paragraphs, what they stand in, tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from fireside.knowledge.marked_text import MarkedText
from fireside.knowledge.tables import Rows


@dataclass(slots=True)
class Paragraph(MarkedText):
    page: int
    level: int | None = None
    is_hidden: bool = False
    is_joined: bool = False  # its end was deleted: the next one goes on in the same line
    after: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Container:
    """The body, a cell or a text box: lines, and the paragraphs that are open in it."""

    lines: list[str] = field(default_factory=list)
    paragraphs: list[Paragraph] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    rows: Rows = field(default_factory=Rows)
    lines: list[str] = field(default_factory=list)
    row: dict[int, str] = field(default_factory=dict)
    above: dict[int, str] = field(default_factory=dict)
    column: int = 0
    span: int = 1
    merge: str = ""
    is_deleted: bool = False
