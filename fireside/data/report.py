"""What became of the data: read, kept, dropped and why, with a few of the dropped to look at.

Filled while data are read and prepared; written as report.json and shown as a table.  Refuses to
decide anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fireside.data.examples import Origin

SHOWN = 3
PLACE = 40  # letters of a file's path and line in a table
"""Examples that are kept of each reason."""


@dataclass(kw_only=True)
class Dropped:
    """One reason: how often, and the first few."""

    count: int = 0
    examples: list[dict[str, object]] = field(default_factory=list)

    def add(self, origin: Origin, what: str) -> None:
        self.count += 1
        if len(self.examples) < SHOWN:
            self.examples.append({"file": origin.file, "line": origin.line, "what": what[:160]})


@dataclass(kw_only=True)
class FileRead:
    """A file as it was read: `bytes` and `sha256` are of what was there at the start."""

    bytes: int
    sha256: str
    examples: int


@dataclass(kw_only=True)
class Report:
    """The ledger of one data set: `read` = `kept` + everything in `dropped`.

    changed: examples that were kept otherwise than they came: "redacted", "cut".
    counts: figures of what was kept: tokens, bytes, validation tokens, the packing's fill, ...
    """

    read: int = 0
    kept: int = 0
    dropped: dict[str, Dropped] = field(default_factory=dict)
    changed: dict[str, Dropped] = field(default_factory=dict)
    files: dict[str, FileRead] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def drop(self, reason: str, origin: Origin, what: str) -> None:
        """One example that is left out."""
        self.dropped.setdefault(reason, Dropped()).add(origin, what)

    def change(self, reason: str, origin: Origin, what: str) -> None:
        """One example that is kept, but not as it came."""
        self.changed.setdefault(reason, Dropped()).add(origin, what)

    def note(self, line: str) -> None:
        if line not in self.notes:
            self.notes.append(line)

    def write(self, path: Path) -> None:
        path.write_text(
            json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Report:
        """The report that `write` wrote."""
        known = dict(value)
        for name in ("dropped", "changed"):
            known[name] = {k: Dropped(**v) for k, v in known[name].items()}  # type: ignore[attr-defined]
        known["files"] = {k: FileRead(**v) for k, v in known["files"].items()}  # type: ignore[attr-defined]
        return cls(**known)  # type: ignore[arg-type]

    def table(self) -> str:
        """For a person: one line each for what was read, dropped, changed and kept."""
        rows = [("read", self.read, "")]
        for sign, group in (("dropped: ", self.dropped), ("changed: ", self.changed)):
            for reason, found in sorted(group.items(), key=lambda item: -item[1].count):
                first = found.examples[0]
                place = f"{first['file']}:{first['line']}"
                if len(place) > PLACE:  # its end tells the file and the line
                    place = "…" + place[-PLACE:]
                seen = f"{place} {' '.join(str(first['what']).split())}"
                rows.append(
                    (sign + reason, found.count, seen if len(seen) < 78 else seen[:77] + "…")
                )
        rows.append(("kept", self.kept, ""))
        rows += [(name, int(count), "") for name, count in self.counts.items()]
        wide = max(len(row[0]) for row in rows)
        lines = [f"{name:<{wide}}  {count:>10,}  {seen}".rstrip() for name, count, seen in rows]
        return "\n".join(lines + self.notes)
