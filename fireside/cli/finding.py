"""What `fireside doctor` found, line by line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report.  `problem` and `advice` are empty when all is well.

    `wrong`: Fireside will not work as it should; otherwise a problem only makes it slower.
    """

    name: str
    value: str
    problem: str = ""
    advice: str = ""
    wrong: bool = False
