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
"""Examples that are kept of each reason."""
PLACE = 40  # letters of a file's path and line in a table
SHOWN_FIELDS = 8
"""Unused fields that are said, one a line, before a run begins."""
MOST_NAMES = 200
"""Names of unused fields that are told apart: a stranger's file may have a new one in each row."""


@dataclass(kw_only=True)
class Dropped:
    """One reason: how often, and the first few."""

    count: int = 0
    examples: list[dict[str, object]] = field(default_factory=list)

    def add(self, origin: Origin, what: str) -> None:
        self.count += 1
        if len(self.examples) < SHOWN:
            self.examples.append({"file": origin.file, "line": origin.line, "what": what[:160]})

    @property
    def place(self) -> str:
        """Where the first one stands: the name of its file, and the line."""
        first = self.examples[0]
        return f"{str(first['file']).rpartition('/')[2]}:{first['line']}"


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
    unused: fields that have a value and that nothing was learned from, by their names.
    remarks: what was read as it stands, and is worth a look.
    counts: figures of what was kept: tokens, bytes, validation tokens, the packing's fill, ...
    """

    read: int = 0
    kept: int = 0
    dropped: dict[str, Dropped] = field(default_factory=dict)
    changed: dict[str, Dropped] = field(default_factory=dict)
    unused: dict[str, Dropped] = field(default_factory=dict)
    remarks: dict[str, Dropped] = field(default_factory=dict)
    files: dict[str, FileRead] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def drop(self, reason: str, origin: Origin, what: str) -> None:
        """One example that is left out."""
        self.dropped.setdefault(reason, Dropped()).add(origin, what)

    def change(self, reason: str, origin: Origin, what: str) -> None:
        """One example that is kept, but not as it came."""
        self.changed.setdefault(reason, Dropped()).add(origin, what)

    def leave(self, name: str, origin: Origin, what: str) -> None:
        """One row's field that is not used."""
        name = " ".join(name.split())[:80]
        if name not in self.unused and len(self.unused) >= MOST_NAMES:
            name = "(further fields)"
        self.unused.setdefault(name, Dropped()).add(origin, what)

    def remark(self, what: str, origin: Origin) -> None:
        """One row that was read as it stands."""
        self.remarks.setdefault(what, Dropped()).add(origin, "")

    def lines(self) -> list[str]:
        """What a person should know before the data are learned from."""
        ranked = sorted(self.unused.items(), key=lambda item: -item[1].count)
        unused = [
            f"not used: {name}, of {one.count:,} rows (first {one.place})"
            for name, one in ranked[:SHOWN_FIELDS]
        ]
        if len(ranked) > SHOWN_FIELDS:
            unused.append(f"not used: {len(ranked) - SHOWN_FIELDS:,} more, named in report.json")
        groups = (("dropped", self.dropped), ("changed", self.changed), ("note", self.remarks))
        others = [
            f"{word}: {reason}, {one.count:,} rows (first {one.place})"
            for word, group in groups
            for reason, one in sorted(group.items(), key=lambda item: -item[1].count)
        ]
        return [*others, *unused, *self.notes]

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
        for name in ("dropped", "changed", "unused", "remarks"):
            group = known.get(name, {})
            known[name] = {k: Dropped(**v) for k, v in group.items()}  # type: ignore[attr-defined]
        known["files"] = {k: FileRead(**v) for k, v in known["files"].items()}  # type: ignore[attr-defined]
        return cls(**known)  # type: ignore[arg-type]

    def table(self) -> str:
        """For a person: one line each for what was read, dropped, changed, not used and kept."""
        rows = [("read", self.read, "")]
        groups = (
            ("dropped: ", self.dropped),
            ("changed: ", self.changed),
            ("not used: ", self.unused),
            ("note: ", self.remarks),
        )
        for sign, group in groups:
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
