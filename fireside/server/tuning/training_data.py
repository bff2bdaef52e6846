"""An uploaded file, checked line by line before anything is trained, and written down as the
training room reads it.

Refuses what would be left out in silence: a line that is broken, a field that nobody reads, a
message's part that is no text.  Every complaint names the line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import BadRequest
from fireside.graders.kinds import AnyGrader
from fireside.graders.scoring import templates_of
from fireside.graders.templates import UnknownVariable, find, names_in

if TYPE_CHECKING:
    from fireside.data.fields import Fields

FEWEST: Final = 10  # OpenAI's
LONGEST_LINE: Final = 16 * 2**20
_CHAT: Final = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})
_PAIR: Final = frozenset({"input", "preferred_output", "non_preferred_output"})


class BadFile(BadRequest):
    """`param` is the file at fault; `code`, OpenAI's."""


@dataclass(frozen=True, slots=True)
class _Wrong(Exception):
    why: str


def convert(
    source: Path, target: Path, kind: str, *, param: str, grader: AnyGrader | None = None
) -> int:
    """Check `source`, write `target`, return the number of examples.

    kind: supervised, dpo, reinforcement.  param: training_file or validation_file.

    Raises:
        BadFile: the first line that is wrong and why, or too few lines.
    """
    from fireside.data.fields import Malformed

    check, count = _checker(kind, grader), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as lines, target.open("w", encoding="utf-8") as out:
        number = 0
        while raw := lines.readline(LONGEST_LINE + 1):
            number += 1
            if not raw.strip():
                continue
            try:
                record = _record(raw, first=number == 1)
                out.write(json.dumps(check(record), ensure_ascii=False) + "\n")
            except (_Wrong, Malformed) as wrong:
                why = wrong.why if isinstance(wrong, _Wrong) else str(wrong)
                raise _bad(param, f"Line {number}: {why[:300]}.") from None
            count += 1
    what = param.replace("_", " ").capitalize()
    least = FEWEST if param == "training_file" else 1
    if count < least:
        raise _bad(
            param, f"{what} has {count} example(s), but must have at least {least} examples."
        )
    return count


def _bad(param: str, why: str) -> BadFile:
    name = param.replace("_", " ")
    return BadFile(
        f"The job failed due to an invalid {name}. {why}", param=param, code=f"invalid_{param}"
    )


def _record(raw: bytes, *, first: bool) -> dict[str, Any]:
    if len(raw) > LONGEST_LINE:
        raise _Wrong(f"it is longer than {LONGEST_LINE >> 20} MiB")
    from fireside.data.records import loads

    try:
        record = loads(raw.decode("utf-8-sig" if first else "utf-8"))
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeDecodeError as wrong:
        raise _Wrong(f"it is not UTF-8 ({wrong.reason})") from None
    except UnicodeEncodeError:
        raise _Wrong("it holds half of a surrogate pair, which is no text") from None
    except (ValueError, RecursionError) as wrong:
        raise _Wrong(f"it is not JSON ({' '.join(str(wrong).split())[:100]})") from None
    if not isinstance(record, dict):
        raise _Wrong(f"it is no JSON object but {type(record).__name__}")
    return record


def _checker(kind: str, grader: AnyGrader | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    from fireside.data.examples import Origin
    from fireside.data.fields import Fields
    from fireside.data.formats import example_of
    from fireside.data.source import Source

    source, origin = Source(path="-", format="openai"), Origin(file="-", line=0)

    def supervised(record: dict[str, Any]) -> dict[str, Any]:
        _only(record, _CHAT, "the line")
        _check_parallel(record, "the line")
        fields = Fields(record)
        example_of(fields, "chat", source, origin)
        _all_read(fields)
        return record

    def dpo(record: dict[str, Any]) -> dict[str, Any]:
        _only(record, _PAIR, "the line")
        given = record.get("input")
        if not isinstance(given, Mapping):
            raise _Wrong("input is no object with messages")
        _only(given, _CHAT, "input")
        _check_parallel(given, "input")
        for name in ("preferred_output", "non_preferred_output"):
            if not isinstance(record.get(name), list):
                raise _Wrong(f"{name} is not a list of messages")
        fields = Fields(record)
        example_of(fields, "preference", source, origin)
        _all_read(fields)
        return record

    def reinforcement(record: dict[str, Any]) -> dict[str, Any]:
        from fireside.training.graded import as_answer

        if record.get("tools") or record.get("functions"):
            raise _Wrong("tools are not supported in reinforcement")
        problem = {"messages": record.get("messages"), "answer": as_answer(record)}
        fields = Fields(problem)
        example_of(fields, "problem", source, origin)
        _all_read(fields)
        assert grader is not None
        for template in templates_of(grader):
            for name in names_in(template):
                if name.startswith("item"):
                    try:
                        find(name, {"item": record})
                    except UnknownVariable as wrong:
                        raise _Wrong(wrong.message.rstrip(".")) from None
        return problem

    return {"supervised": supervised, "dpo": dpo, "reinforcement": reinforcement}[kind]


def _all_read(fields: Fields) -> None:
    """Nothing of the line is left out, but the hint how many calls may stand in an answer."""
    for one in fields.unused():
        if one.name != "parallel_tool_calls":
            raise _Wrong(f"{one.where or 'the line'} has the unknown field {one.name[:40]!r}")


def _only(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise _Wrong(f"{where} has the unknown field {unknown[0][:40]!r}")


def _check_parallel(record: Mapping[str, Any], where: str) -> None:
    if not isinstance(record.get("parallel_tool_calls", True), bool):
        raise _Wrong(f"parallel_tool_calls of {where} is neither true nor false")
