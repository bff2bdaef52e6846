"""OpenAI's operations beside ours: which are reached, and which of their properties conform.

A property of a request conforms if we take whatever OpenAI takes there: its types, its values, and
no requirement of our own.  A property of an answer conforms if we give nothing but what OpenAI
gives: its types, its values, and always where OpenAI always does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scripts.conformance.shapes import Document, Shape, Table

Side = Literal["request", "response"]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One property of OpenAI's.  fault: why it does not conform, None if it does."""

    side: Side
    name: str
    fault: str | None
    refused: bool = False

    @property
    def is_top(self) -> bool:
        return "." not in self.name and "[" not in self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path of OpenAI's.  findings: None where it is not reached."""

    method: str
    path: str
    group: str
    deprecated: bool
    findings: tuple[Finding, ...] | None

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"


def compared(theirs: Document, ours: Document) -> list[Operation]:
    """Every operation of OpenAI's, in its order."""
    mine = {
        (method, _key(path.removeprefix("/v1"))): operation
        for path, method, operation in _operations(ours)
        if path.startswith("/v1/") and not operation.get("x-refused")
    }
    found = []
    for path, method, operation in _operations(theirs):
        if "?" in path:  # the same endpoint once more, with a header for betas
            continue
        match = mine.get((method, _key(path)))
        found.append(
            Operation(
                method=method,
                path=path,
                group=group_of(path),
                deprecated=bool(operation.get("deprecated")),
                findings=None
                if match is None
                else tuple(_findings(theirs, operation, ours, match)),
            )
        )
    return found


def group_of(path: str) -> str:
    parts = path.strip("/").split("/")
    return "/".join(parts[:2]) if parts[0] == "chat" else parts[0]


def _operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document.paths.items():
        for method in METHODS:
            if method in methods:
                shared = methods.get("parameters", [])
                own = methods[method]
                yield path, method, {**own, "parameters": [*shared, *own.get("parameters", [])]}


def _key(path: str) -> str:
    """Paths are the same whatever their parameters are called."""
    return re.sub(r"\{[^{}]*\}", "{}", path)


def _findings(
    theirs: Document, operation: Mapping[str, Any], ours: Document, match: Mapping[str, Any]
) -> Iterator[Finding]:
    mine = request_table(ours, match)
    for name, shape in request_table(theirs, operation).items():
        yield _judged("request", name, shape, mine)
    mine = response_table(ours, match)
    for name, shape in response_table(theirs, operation).items():
        yield _judged("response", name, shape, mine)


def request_table(document: Document, operation: Mapping[str, Any]) -> Table:
    """Query parameters and the body's properties; a path's parameters are the path."""
    table: Table = {}
    for each in operation["parameters"]:
        parameter = document.followed(each)
        if parameter.get("in") == "query":
            wrapped = {
                "properties": {parameter["name"].removesuffix("[]"): parameter.get("schema", {})},
                "required": [parameter["name"]] if parameter.get("required") else [],
            }
            table |= document.table(wrapped)
    body = document.followed(operation.get("requestBody", {}))
    content = body.get("content", {})
    for kind in ("application/json", "multipart/form-data"):
        if kind in content:
            return table | document.table(content[kind].get("schema", {}))
    return table


def response_table(document: Document, operation: Mapping[str, Any]) -> Table:
    for status, response in sorted(operation.get("responses", {}).items(), key=str):
        if str(status).startswith("2"):
            content = document.followed(response).get("content", {})
            return document.table(content.get("application/json", {}).get("schema", {}))
    return {}


def _judged(side: Side, name: str, shape: Shape, mine: Table) -> Finding:
    own = mine.get(name)
    if own is None or own.refused:
        refused = own is not None
        return Finding(
            side=side, name=name, fault="refused" if refused else "absent", refused=refused
        )
    wider, narrower = (own, shape) if side == "request" else (shape, own)
    fault: str | None = None
    if missing := {t for t in narrower.types if not _has(wider.types, t)}:
        fault = f"type {', '.join(sorted(missing))}"
    elif wider.values is not None and (lost := _values(narrower) - wider.values):
        fault = f"without {', '.join(sorted(lost))}" if side == "request" else "other values"
    elif side == "request" and own.always and not shape.sometimes:
        fault = "required here"
    elif side == "response" and shape.always and not own.sometimes:
        fault = "not always there"
    return Finding(side=side, name=name, fault=fault)


def _has(types: set[str], one: str) -> bool:
    return one in types or (one == "integer" and "number" in types)


def _values(shape: Shape) -> set[str]:
    return {"any other"} if shape.values is None else shape.values
