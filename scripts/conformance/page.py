"""The tables of docs/api.md: every endpoint and parameter of OpenAI's, works or refused, and why.

Written between two marks; what people wrote around them stays.  The reasons are `reasons.toml`'s,
and a test asks for one for each refusal (`unexplained`), so that nobody has to guess.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from scripts.conformance.comparison import Finding, Operation
from scripts.conformance.report import ADMINISTRATION, rows

BEGIN: Final = "<!-- Written by `python -m scripts.conformance`; do not edit. -->"
END: Final = "<!-- The end of what is written. -->"
UNSAID: Final = "not implemented"
MISSING: Final = ("absent", "refused")
OPENING: Final = """## Every endpoint of OpenAI's

What of OpenAI's public specification works here and what is refused, written from the code. A
parameter that is refused, or that OpenAI adds tomorrow, is a 400 that names it; an endpoint that
is not here is a 404. "Partly" and "in" say what is missing of a parameter that works: values of an
enumeration, and members at any depth by their names.

The score compares `/openapi.json` with the specification, property by property: of a request,
whether we take whatever OpenAI takes; of an answer, whether we give nothing but what OpenAI gives,
and always where OpenAI always does. Null, formats and ranges are not compared, nor what lies
deeper than six levels. To see it, and every fault: `python -m scripts.conformance
openai_openapi.yaml --faults`.
"""


def written(page: str, operations: Sequence[Operation]) -> str:
    """`page` with its tables brought up to date; at its end if it has none yet."""
    tables = f"{BEGIN}\n{OPENING}\n{''.join(_tables(operations))}{END}\n"
    if BEGIN not in page:
        return f"{page.rstrip()}\n\n{tables}"
    before, _, rest = page.partition(BEGIN)
    return f"{before}{tables}{rest.partition(END)[2].lstrip()}"


def _tables(operations: Sequence[Operation]) -> Iterator[str]:
    yield "| group | endpoints | request | answer | top level |\n| --- | --- | --- | --- | --- |\n"
    for row in rows(operations):
        cells = (row.endpoints, row.request, row.response, row.top)
        yield f"| {row.name} | {' | '.join(' '.join(str(each).split()) for each in cells)} |\n"
    yield "\n"
    by_group = sorted(operations, key=lambda each: (each.group in ADMINISTRATION, each.group))
    for group, members in groupby(by_group, key=lambda each: each.group):
        yield from _group(group, list(members))


def _group(group: str, members: Sequence[Operation]) -> Iterator[str]:
    absent = [each for each in members if each.findings is None]
    if len(absent) == len(members):
        yield f"### {group}: not here\n\n"
    else:
        yield f"### {group}\n\n| endpoint | works | refused, and why |\n| --- | --- | --- |\n"
        for each in members:
            if each.findings is not None:
                yield _row(each)
        yield "\n"
    reasons: dict[str, list[str]] = {}
    for each in absent:
        reasons.setdefault(reason_of_endpoint(each) or UNSAID, []).append(f"`{_shown(each)}`")
    for why, names in reasons.items():
        yield f"Not here ({why}): {', '.join(names)}.\n\n"


def _shown(operation: Operation) -> str:
    return f"{operation.method.upper()} /v1{operation.path}"


def _row(operation: Operation) -> str:
    request = [each for each in operation.findings or () if each.side == "request"]
    works, refused = [], []
    for top in (each for each in request if each.is_top):
        if top.fault in MISSING:
            refused.append(f"`{top.name}`: {_why(operation, top)}")
            continue
        works.append(f"`{top.name}`")
        if top.fault is not None:
            refused.append(f"`{top.name}` partly, {_code(top.fault)}: {_why(operation, top)}")
        below = [each for each in request if _is_below(each, top) and each.fault]
        refused += _within(operation, top, _outermost(below))
    cells = (", ".join(works) or "yes", ";<br>".join(refused))
    return f"| `{_shown(operation)}` | {cells[0]} | {cells[1]} |\n"


def _within(operation: Operation, top: Finding, faults: Sequence[Finding]) -> Iterator[str]:
    """Of what lies in `top`, by their last names: OpenAI's unions say the same in many places."""
    by_reason: dict[str, dict[str, None]] = {}
    for each in faults:
        said = f"`{re.split(r'[.]', each.name)[-1]}`"
        if each.fault not in MISSING:
            said += f" ({_code(each.fault or '')})"
        by_reason.setdefault(_why(operation, each), {})[said] = None
    for why, names in by_reason.items():
        yield f"in `{top.name}`: {', '.join(names)}: {why}"


def _why(operation: Operation, finding: Finding) -> str:
    return reason_of_parameter(operation, finding) or UNSAID


def _code(fault: str) -> str:
    """`without a, b` with its values as code."""
    kind, _, values = fault.partition(" ")
    if kind != "without" or values == "any other":
        return fault
    return "without " + ", ".join(f"`{each}`" for each in values.split(", "))


def _is_below(finding: Finding, top: Finding) -> bool:
    return finding.name.startswith((f"{top.name}.", f"{top.name}["))


def _outermost(faults: Sequence[Finding]) -> list[Finding]:
    """Without those that lie in a property which is missing as a whole."""
    gone = [each for each in faults if each.fault in MISSING]
    return [each for each in faults if not any(_is_below(each, other) for other in gone)]


@cache
def _reasons() -> dict[str, Any]:
    raw = (Path(__file__).parent / "reasons.toml").read_text(encoding="utf-8")
    return tomllib.loads(raw)


def reason_of_endpoint(operation: Operation) -> str | None:
    for each in _reasons()["endpoint"]:
        if any(operation.path.startswith(begin) for begin in each["begins"]):
            return str(each["why"])
    return None


def reason_of_parameter(operation: Operation, finding: Finding) -> str | None:
    for each in _reasons()["parameter"]:
        if re.fullmatch(each["name"], finding.name) and operation.path.startswith(
            each.get("operation", "")
        ):
            return str(each["why"])
    return None


def unexplained(operations: Sequence[Operation]) -> list[str]:
    """What is refused without a reason: endpoints, and parameters that are in no other."""
    bare = []
    for each in operations:
        if each.findings is None and reason_of_endpoint(each) is None:
            bare.append(each.name)
        bare += [
            f"{each.name}: {finding.name}: {finding.fault}"
            for finding in each.findings or ()
            if finding.side == "request" and finding.fault and finding.is_top
            if reason_of_parameter(each, finding) is None
        ]
    return bare
