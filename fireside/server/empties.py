"""Empty values: null, an empty text, list or object of a parameter that may be left out.

SDKs send every member that they know, filled or not (`tool_calls: null`, `stop: ""`), and some
languages have one empty value for lists and objects (PHP's `parameters: []`).  Such a value asks
for nothing, so it is as good as absent, unless the parameter's own shape takes it: `metadata: {}`
empties the metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.server.body import Wire

KINDS: Final[tuple[type[Any], ...]] = (str, list, dict)


def is_empty(value: object) -> bool:
    """`false` and 0 are not."""
    return value is None or (isinstance(value, KINDS) and not value)


def without_empties(wire: type[Wire], data: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an object that say something to its shape, or that it does not know."""
    return {
        name: value
        for name, value in data.items()
        if not is_empty(value) or _says_something(wire, name, value)
    }


def _says_something(wire: type[Wire], name: str, value: Any) -> bool:
    field = _fields(wire).get(name)
    if field is None:
        return True
    if value is None:
        return name in wire.nulls
    return wire.is_exact or field.is_required() or type(value) in _taken(wire, name)


@cache
def _fields(wire: type[Wire]) -> Mapping[str, FieldInfo]:
    """By their names on the wire."""
    return {field.alias or name: field for name, field in wire.model_fields.items()}


@cache
def _taken(wire: type[Wire], name: str) -> Sequence[type[Any]]:
    """The kinds of which a member may have the empty value."""
    adapter = TypeAdapter[Any](_fields(wire)[name].rebuild_annotation())
    return [kind for kind in KINDS if _is_valid(adapter, kind())]


def _is_valid(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except (ValidationError, FiresideError):
        return False
    return True
