"""The score as a table: endpoints reached, and the share of properties that conform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from scripts.conformance.comparison import Finding, Operation, Side

ADMINISTRATION = ("organization", "projects")
"""Of accounts at OpenAI: people, bills, certificates.  Counted, and set apart."""


@dataclass(frozen=True, slots=True)
class Share:
    good: int
    of: int

    def __str__(self) -> str:
        return f"{self.good}/{self.of} {100 * self.good / self.of:5.1f} %" if self.of else "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Of one group, or of all."""

    name: str
    endpoints: Share
    request: Share
    response: Share
    every: Share
    """All properties, whichever side they stand on."""
    top: Share
    """Of those, the ones that are in no other property."""


def rows(operations: Sequence[Operation]) -> list[Row]:
    """One for each group, then those without administration, then all."""
    by_group = sorted(operations, key=lambda each: each.group)
    made = [row(name, list(each)) for name, each in groupby(by_group, key=lambda o: o.group)]
    made = [each for each in made if each.endpoints.good] + [
        each for each in made if not each.endpoints.good
    ]
    own = [each for each in operations if each.group not in ADMINISTRATION]
    current = [each for each in own if not each.deprecated]
    made.append(row("all but deprecated and administration", current))
    made.append(row("all but administration", own))
    made.append(row("all", operations))
    return made


def row(name: str, operations: Sequence[Operation]) -> Row:
    reached = [each for each in operations if each.findings is not None]
    findings = [finding for each in reached for finding in each.findings or ()]
    return Row(
        name=name,
        endpoints=Share(len(reached), len(operations)),
        request=_share(_of(findings, "request")),
        response=_share(_of(findings, "response")),
        every=_share(findings),
        top=_share([each for each in findings if each.is_top]),
    )


def _of(findings: Iterable[Finding], side: Side) -> list[Finding]:
    return [each for each in findings if each.side == side]


def _share(findings: Sequence[Finding]) -> Share:
    return Share(sum(each.fault is None for each in findings), len(findings))


def printed(operations: Sequence[Operation]) -> str:
    lines = [
        f"{'group':<40}{'endpoints':>16}{'request':>19}{'response':>19}{'all':>20}{'top level':>19}"
    ]
    for each in rows(operations):
        cells = f"{each.endpoints!s:>16}{each.request!s:>19}{each.response!s:>19}"
        lines.append(f"{each.name:<40}{cells}{each.every!s:>20}{each.top!s:>19}")
    return "\n".join(lines)


def faults(operations: Sequence[Operation]) -> str:
    """Every property that does not conform, and why."""
    lines = []
    for operation in operations:
        bad = [each for each in operation.findings or () if each.fault]
        lines += [operation.name] * bool(bad)
        lines += [f"    {each.side:<9}{each.name}: {each.fault}" for each in bad]
    return "\n".join(lines)
