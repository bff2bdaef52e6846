"""A request's body: bytes to checked values.

What could hurt further in is an error of one line each: too large, not JSON, not UTF-8, too deep,
numbers that are not numbers, half characters, unknown or ill-typed parameters.  Parameters of
OpenAI's that Fireside does not implement are `parameters.py`'s: refused, or ignored and named.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from fastapi import Request
from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails
from starlette.requests import ClientDisconnect

from fireside.errors import BadRequest, FiresideError, Interrupted
from fireside.server.empties import without_empties
from fireside.server.parameters import NONE, Table

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 64
MAX_VALUES = 1_000_000
"""Of one body, names among them.  Each is an object, many times larger than its bytes there."""
MAX_MEMBERS = 10_000
"""Of one object: a complaint about each of them would take seconds."""
MAX_NAME = 100  # letters of a member's name that a complaint repeats
SMALL = 64 * 1024  # parsed in under a millisecond: not worth a thread


class TooLarge(BadRequest):
    status = 413
    default_code = "request_too_large"


def too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {MAX_BYTES // 2**20} MiB; send less.")


class WrongContentType(BadRequest):
    status = 415
    default_code = "unsupported_media_type"


class Wire(BaseModel):
    """What a client may send: exact types, no unknown names.

    `table` has the parameters of OpenAI's that Fireside does not implement, in it and below it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    table: ClassVar[Table] = NONE
    nulls: ClassVar[frozenset[str]] = frozenset()
    """Parameters whose null says something; elsewhere null is as good as nothing."""
    is_exact: ClassVar[bool] = False
    """Of shapes that grant something: an empty value of a wrong type is an error there."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empties(cls, data: object) -> object:
        return without_empties(cls, data) if isinstance(data, dict) else data

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A list without an end, of a million wrong items, is one complaint, not a million."""
        schema = handler(source)
        below: list[Any] = [schema]
        while below:
            each = below.pop()
            if isinstance(each, dict):
                if each.get("type") == "list" and "max_length" not in each:
                    each["fail_fast"] = True
                below.extend(each.values())
            elif isinstance(each, list | tuple):
                below.extend(each)
        return schema

    _ignored: tuple[str, ...] = PrivateAttr(())

    @property
    def ignored(self) -> tuple[str, ...]:
        """Hints of the request that change nothing, by their names in the table."""
        return self._ignored


W = TypeVar("W", bound=Wire)
ELEMENT = re.compile(rb'[,\[{]|"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
"""A string of JSON, whole or not, or what a further value comes after; it never goes back."""


async def read(request: Request, wire: type[W], *, given: Mapping[str, str] | None = None) -> W:
    """The checked body of `request`.

    given: members that the URL says already; the body may repeat them, not contradict.

    Raises:
        BadRequest: and its kin, naming the parameter at fault where there is one.
    """
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongContentType("Send JSON, with the header Content-Type: application/json.")
    raw = await _read_bytes(request)
    if len(raw) <= SMALL:
        call = parse(raw, wire, given)
    else:
        call = await asyncio.to_thread(parse, raw, wire, given)
    request.state.ignored = call.ignored  # `IgnoredHeader` names them
    return call


async def _read_bytes(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BYTES:
                raise too_large()
            parts.append(part)
    except ClientDisconnect:
        raise Interrupted("The client went away.") from None
    return b"".join(parts)


def parse(raw: bytes, wire: type[W], given: Mapping[str, str] | None = None) -> W:
    sent = decode(raw)
    for name, value in (given or {}).items():
        if sent.setdefault(name, value) != value:
            raise BadRequest(
                f"{name} is {value[:100]!r} in the URL, but not in the body.", param=name
            )
    return validate(sent, wire)


def decode(raw: bytes) -> dict[str, Any]:
    """Bytes of a JSON object to values that are safe to walk and to encode again."""
    _check_count(raw)
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not valid UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise BadRequest("The body holds a number that is too long.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    _check_values(value)
    return value


def _check_count(raw: bytes) -> None:
    """Before anything is made of them: not too many values."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") <= MAX_VALUES // 3:
        return  # a value comes after one of these, and so does a member with its name
    for number, _ in enumerate(ELEMENT.finditer(raw)):
        if number >= MAX_VALUES:
            raise TooLarge(f"The body holds more than {MAX_VALUES} values; send less.")


def _no_constant(name: str) -> None:
    raise BadRequest(f"The body holds {name}, which is not a JSON number.")


def _check_values(value: object) -> None:
    """No bottomless nesting, no infinite number, no lone surrogate; without recursion."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                if len(item) > MAX_MEMBERS:
                    raise BadRequest(
                        f"The body holds an object with more than {MAX_MEMBERS} members."
                    )
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                _check_text(item)
            elif isinstance(item, float) and math.isinf(item):
                raise BadRequest("The body holds a number that is out of range.")
        if not below:
            return
        level = below
    raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest(
            "The body holds half a character (a lone surrogate); send whole Unicode text."
        ) from None


def validate(data: Mapping[str, Any], wire: type[W]) -> W:
    """Names first, then types: an unknown name is said even where its value is null."""
    sent, ignored = wire.table.apply(data)
    for name in sent:
        if name not in wire.model_fields:
            raise BadRequest(
                f"Unknown parameter: {name[:100]!r}.", param=name[:100], code="unknown_parameter"
            )
    try:
        made = wire.model_validate(sent)
    except ValidationError as error:
        raise _one_line(error, sent) from None
    made._ignored = ignored
    return made


def _one_line(error: ValidationError, data: object) -> FiresideError:
    """The complaint that reached deepest; of a union, what each branch would have taken."""
    located = [(_locate(each, data), each) for each in error.errors(include_url=False)]
    param = max((name for name, _ in located), key=lambda name: name.count(".") + name.count("["))
    here = [each for name, each in located if name == param]
    if any(each["type"] == "missing" for each in here):
        return BadRequest(f"Missing required parameter: {param!r}.", param=param)
    if any(each["type"] == "extra_forbidden" for each in here):
        return BadRequest(
            f"Unknown parameter: {param[-200:]!r}.", param=param, code="unknown_parameter"
        )
    told = ", or ".join(dict.fromkeys(each["msg"] for each in here))
    return BadRequest(f"Invalid value for {param!r}: {told}.", param=param)


def _locate(error: ErrorDetails, data: object) -> str:
    """`messages[0].content[1].type`: pydantic's path without its marks for union branches."""
    path, last = "", len(error["loc"]) - 1
    for place, step in enumerate(error["loc"]):
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            path, data = f"{path}[{step}]", data[step]
        elif (
            isinstance(data, dict)
            and isinstance(step, str)
            and (step in data or (error["type"] == "missing" and place == last))
        ):
            name = step[:MAX_NAME]
            path, data = (f"{path}.{name}" if path else name), data.get(step)
    return path
