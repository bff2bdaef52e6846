"""What `parameters.py` does to a request, written into the schema of its shape.

An obligation has the values that pass and is marked `x-refused`; a hint takes any value and is
marked `x-ignored`.  Elements that are taken out by their type, and empty extras, are not described.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fireside.server.parameters import STEP, Hint, Obligation, Parameter, Table

Schema = dict[str, Any]
Step = tuple[str | None, str | None]
"""A member's name, or a selector of elements."""
PREFIX: Final = "#/components/schemas/"


def describe(table: Table, root: Schema, definitions: dict[str, Schema]) -> None:
    """Adds every parameter of the table to the schema where it may stand."""
    for place, parameter in table.items():
        steps = [(member, selector) for member, selector in STEP.findall(place)]
        described = schema_of(parameter)
        if described is not None and steps[-1][0]:
            _add(root, definitions, steps, described)


def schema_of(parameter: Parameter) -> Schema | None:
    match parameter:
        case Obligation():
            empties: list[object] = [None] if parameter.asks_when_empty else [None, "", [], {}]
            return {"enum": [*parameter.passes, *empties], "x-refused": True}
        case Hint():
            return {"x-ignored": True}
        case _:
            return None


def _add(
    schema: Schema, definitions: dict[str, Schema], steps: Sequence[Step], described: Schema
) -> None:
    (member, selector), *rest = steps
    for branch in _branches(schema, definitions):
        if member and "properties" in branch:
            known = branch["properties"]
            if not rest:
                known.setdefault(member, described)
            elif member in known:
                _add(known[member], definitions, rest, described)
        elif not member and isinstance(items := branch.get("items"), dict):
            for element in _branches(items, definitions):
                if not selector or _type(element) == selector:
                    _add(element, definitions, rest, described)


def _branches(schema: Schema, definitions: dict[str, Schema]) -> Iterator[Schema]:
    """What the schema may be, with its references followed."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix(PREFIX)]
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for option in options:
        yield from _branches(option, definitions)
    if not options:
        yield schema


def _type(schema: Schema) -> object:
    return schema.get("properties", {}).get("type", {}).get("const")
