"""The lines of a batch's file: which are requests, and what is wrong with the others.

A file with one wrong line runs none of them: a batch that half of its writer's mistakes got into
costs hours to clean up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from fireside.errors import BadRequest, NotFound
from fireside.server.body import Wire, validate
from fireside.server.jsonl import BadLine, lines_of, object_of

MAX_LINES: Final = 50_000
MAX_FILE: Final = 200 * 2**20
MAX_ERRORS: Final = 100


class Line(Wire):
    """As OpenAI has it; one of these per line."""

    custom_id: str = Field(min_length=1, max_length=512)
    method: str
    url: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """total: requests.  model: that all of them name, if it is one.  errors: in OpenAI's form."""

    total: int
    model: str | None
    errors: list[dict[str, object]]


def requests_of(path: Path) -> Iterator[Line]:
    """The requests of a file that `check` found to be right."""
    for number, raw in lines_of(path):
        yield validate(object_of(number, raw), Line)


def check(path: Path, endpoint: str) -> Checked:
    """Every line of the file; stops at the hundredth error."""
    if path.stat().st_size > MAX_FILE:
        return _failed("file_too_large", f"The file has more than {MAX_FILE // 2**20} MiB.")
    errors: list[dict[str, object]] = []
    seen: set[str] = set()
    models: set[object] = set()
    total = 0
    try:
        for number, raw in lines_of(path):
            total += 1
            if total > MAX_LINES:
                return _failed("too_many_lines", f"The file has more than {MAX_LINES} lines.")
            try:
                line = _line(number, raw, endpoint)
                if line.custom_id in seen:
                    raise BadRequest(
                        f"custom_id {line.custom_id[:100]!r} is taken by an earlier line.",
                        param="custom_id",
                        code="duplicate_custom_id",
                    )
                seen.add(line.custom_id)
                models.add(line.body.get("model"))
            except BadRequest as error:
                errors.append(_shown(number, error))
                if len(errors) >= MAX_ERRORS:
                    break
    except BadLine as error:  # too long to go on from
        errors.append(_shown(error.line, error))
    if total == 0:
        return _failed("empty_file", "The file holds no line: put one request on each.")
    model = models.pop() if len(models) == 1 else None
    return Checked(total=total, model=model if isinstance(model, str) else None, errors=errors)


def missing_file(error: NotFound) -> Checked:
    return _failed("file_not_found", error.message)


def _line(number: int, raw: bytes, endpoint: str) -> Line:
    line = validate(object_of(number, raw), Line)
    if line.method != "POST":
        raise BadRequest(f"method is {line.method[:20]!r}; it must be 'POST'.", param="method")
    if line.url != endpoint:
        raise BadRequest(
            f"url is {line.url[:100]!r}; it must be the batch's endpoint, {endpoint!r}.",
            param="url",
            code="mismatched_url",
        )
    for name in ("stream", "background"):
        if line.body.get(name):
            raise BadRequest(
                f"{name} is not for batches: leave it out.",
                param=f"body.{name}",
                code="unsupported_parameter",
            )
    return line


def _shown(line: int | None, error: BadRequest) -> dict[str, object]:
    return {
        "code": error.code or "invalid_request",
        "message": error.message,
        "param": error.param,
        "line": line,
    }


def _failed(code: str, message: str) -> Checked:
    error = _shown(None, BadRequest(message, param="input_file_id", code=code))
    return Checked(total=0, model=None, errors=[error])
