"""A JSON schema as a flat table: `messages[].content[].type` to what may stand there.

References are followed, `allOf` is one object, and the branches of `anyOf` and `oneOf` are laid
over each other.  Null, formats, lengths and ranges are left out: two documents write them in too
many ways to be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Schema = Mapping[str, Any]
DEEPEST: Final = 6
"""Levels below the body.  OpenAI's unions of tools and items go on for ever below that."""
ANYTHING: Final = frozenset({"string", "number", "integer", "boolean", "object", "array"})


@dataclass(slots=True)
class Shape:
    """types: of JSON, less null; integer is a number.  values: of an enumeration, None where any
    value will do.  always, sometimes: required in every, in any branch that has it."""

    types: set[str] = field(default_factory=set)
    values: set[str] | None = field(default_factory=set)
    always: bool = True
    sometimes: bool = False
    refused: bool = False

    def lay_over(self, types: frozenset[str], values: set[str] | None) -> None:
        self.types |= types
        if values is None:
            self.values = None
        elif self.values is not None:
            self.values |= values


Table = dict[str, Shape]


class Document:
    """An OpenAPI document, whose references it can follow."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.paths: Mapping[str, Any] = raw["paths"]

    def followed(self, schema: Any) -> Any:
        while isinstance(schema, Mapping) and "$ref" in schema:
            target: Any = self.raw
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/")]
            schema = target
        return schema

    def table(self, schema: Schema) -> Table:
        """Every property below `schema`."""
        table: Table = {}
        self._walk(schema, "", table, ())
        return table

    def _walk(self, schema: Schema, path: str, table: Table, inside: tuple[int, ...]) -> None:
        branches = list(self._branches(schema))
        required = [set(each.get("required", ())) for each in branches]
        for branch, needs in zip(branches, required, strict=True):
            key = id(branch.get("properties", branch))
            if key in inside or len(inside) > DEEPEST:
                continue
            within = (*inside, key)
            for name, value in branch.get("properties", {}).items():
                where = f"{path}.{name}" if path else name
                self._note(where, value, table, name in needs)
                self._walk(value, where, table, within)
            if isinstance(items := branch.get("items"), Mapping):
                self._note(f"{path}[]", items, table, False)
                self._walk(items, f"{path}[]", table, within)
            if isinstance(more := branch.get("additionalProperties"), Mapping) and more:
                self._note(f"{path}.*", more, table, False)
                self._walk(more, f"{path}.*", table, within)

    def _note(self, where: str, schema: Schema, table: Table, required: bool) -> None:
        shape = table.setdefault(where, Shape())
        shape.always &= required
        shape.sometimes |= required
        schema = self.followed(schema)
        shape.refused |= bool(schema.get("x-refused"))
        for branch in self._branches(schema):
            types, values = _types(branch)
            if types:
                shape.lay_over(types, values)

    def _branches(self, schema: Any) -> Iterator[Schema]:
        """What it may be, each with its `allOf` merged."""
        schema = self.followed(schema)
        if not isinstance(schema, Mapping):
            yield {}
            return
        if parts := schema.get("allOf"):
            merged: list[Schema] = [{k: v for k, v in schema.items() if k != "allOf"}]
            for part in parts:
                merged = [_both(a, b) for a in merged for b in self._branches(part)]
            yield from merged
            return
        options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if not options:
            yield schema
            return
        for option in options:
            for branch in self._branches(option):
                if "properties" in schema:
                    branch = _both(schema, branch)
                yield branch


def _both(a: Schema, b: Schema) -> Schema:
    both = {**a, **b}
    if "properties" in a or "properties" in b:
        both["properties"] = {**a.get("properties", {}), **b.get("properties", {})}
    both["required"] = [*a.get("required", ()), *b.get("required", ())]
    for name in ("anyOf", "oneOf", "allOf"):
        both.pop(name, None)
    return both


def _types(schema: Schema) -> tuple[frozenset[str], set[str] | None]:
    """The JSON types that it allows, and its values where it counts them up."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    said = schema.get("type")
    if said is None:
        if values is not None:
            types = {_type_of(value) for value in values}
        elif "properties" in schema or schema.get("additionalProperties"):
            types = {"object"}
        elif "items" in schema:
            types = {"array"}
        else:
            return ANYTHING, None
    else:
        types = {said} if isinstance(said, str) else set(said)
    types -= {"null"}
    if not types:
        return frozenset(), set()
    if values is None:
        return frozenset(types), None
    return frozenset(types), {str(value) for value in values if value is not None}


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "string"
