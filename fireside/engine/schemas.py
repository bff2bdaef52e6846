"""A JSON schema made ready for a token mask: closed, and without places that lead nowhere.

llguidance holds an answer to a schema, but two schemas lead it astray: a pattern of names that are
all used up still allows a comma, after which nothing fits; and a definition that needs itself never
ends.  Here such names become properties, and what has no finite value is taken out.  An object
that lists its properties and does not speak of more has no more: a small model would go on
inventing them.  What is left still validates against the schema as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from re import _parser as regex  # type: ignore[attr-defined]
from typing import Any, Final

from fireside.errors import BadSchema

COMPACT: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""JSON on one line: a model cannot lose itself in white space."""
MAX_NAMES: Final = 256
"""Of a pattern; one with more is not used up before the answer ends."""
MAX_ROUNDS: Final = 32
NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
ONE: Final = (
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
)  # fmt: skip
TOGETHER: Final = (
    "dependentSchemas", "not", "if", "then", "else", "contains", "propertyNames", "allOf",
)  # fmt: skip
MANY: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
OF_OBJECTS: Final = ("properties", "required", "additionalProperties", "patternProperties")
OPEN_ENDED: Final = frozenset(
    [
        "additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames",
        "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas",
        "dependencies",
    ]
)  # fmt: skip
Schema = Mapping[str, Any]


def prepare(schema: Schema) -> dict[str, Any]:
    """
    Raises:
        BadSchema: no finite text matches it.
    """
    # An `x-guidance` of a caller's could bring endless white space back.
    made = {name: each for name, each in schema.items() if name != "x-guidance"}
    joins = any("allOf" in each for each in _every(made))
    definitions = ("$defs", "definitions") if joins else ()
    made = _map(made, _list_names, lambda _: ())
    made = _map(made, _close, lambda each: [*_judged_together(each), *definitions])
    return _drop_endless(made)


def closes(schema: Schema) -> bool:
    """Whether an object lists its properties and leaves open whether there are more."""
    listed, required = schema.get("properties"), schema.get("required", [])
    return (
        isinstance(listed, Mapping)
        and isinstance(required, list)
        and set(map(str, required)) <= set(listed)
        and OPEN_ENDED.isdisjoint(schema)
    )


def _close(schema: Schema) -> Schema:
    return {**schema, "additionalProperties": False} if closes(schema) else schema


def _map(
    schema: Schema,
    change: Callable[[Schema], Schema],
    passed_over: Callable[[Schema], Collection[str]],
) -> dict[str, Any]:
    """Every schema in it changed, the inner ones first.

    passed_over: members of a schema whose own schemas stay as they are.
    """

    def below(value: Any) -> Any:
        return _map(value, change, passed_over) if isinstance(value, Mapping) else value

    made = dict(schema)
    names = made.keys() - set(passed_over(schema))
    for name in names.intersection(NAMED):
        if isinstance(made[name], Mapping):
            made[name] = {key: below(each) for key, each in made[name].items()}
    for name in names.intersection(ONE):
        made[name] = below(made[name])
    for name in names.intersection(MANY):
        if isinstance(made[name], list):
            made[name] = [below(each) for each in made[name]]
    return dict(change(made))


def _judged_together(schema: Schema) -> list[str]:
    """Where to close one object would be to forbid what its neighbour asks for."""
    has_members = any(name in schema for name in OF_OBJECTS)
    return [*TOGETHER, *(("anyOf", "oneOf") if has_members else ())]


def _every(schema: Any) -> Iterator[Schema]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    for name in NAMED:
        if isinstance(schema.get(name), Mapping):
            for each in schema[name].values():
                yield from _every(each)
    for name in ONE:
        yield from _every(schema.get(name))
    for name in MANY:
        if isinstance(schema.get(name), list):
            for each in schema[name]:
                yield from _every(each)


# -- patterns of few names --------------------------------------------------------------------


def _list_names(schema: Schema) -> Schema:
    """Names that a pattern has few of, as properties."""
    patterns = schema.get("patternProperties")
    listed = schema.get("properties", {})
    if not isinstance(patterns, Mapping) or not isinstance(listed, Mapping):
        return schema
    properties, others = dict(listed), {}
    for pattern, each in patterns.items():
        names = names_of(pattern)
        if names is None:
            others[pattern] = each
            continue
        for name in names:
            known = properties.get(name, each)
            properties[name] = each if known == each else {"allOf": [known, each]}
    made = {**schema, "properties": properties, "patternProperties": others}
    if not others:
        del made["patternProperties"]
    return made


def names_of(pattern: str) -> list[str] | None:
    """Every name that a pattern matches; None if there are many, or it cannot be told."""
    try:
        parts = list(regex.parse(pattern))
    except (ValueError, OverflowError, RecursionError, regex.error):
        return None
    is_whole = len(parts) > 1 and [str(parts[place][0]) for place in (0, -1)] == ["AT", "AT"]
    if not is_whole or str(parts[0][1]) != "AT_BEGINNING" or str(parts[-1][1]) != "AT_END":
        return None
    found = _texts(parts[1:-1])
    return None if found is None else sorted(found)


def _texts(parts: list[Any]) -> set[str] | None:
    texts = {""}
    for kind, value in parts:
        more = _alternatives(str(kind), value)
        if more is None or len(texts) * len(more) > MAX_NAMES:
            return None
        texts = {text + end for text in texts for end in more}
    return texts


def _alternatives(kind: str, value: Any) -> set[str] | None:
    match kind:
        case "LITERAL":
            return {chr(value)}
        case "IN":
            return _characters(value)
        case "SUBPATTERN":
            return _texts(list(value[-1]))
        case "BRANCH":
            return _union([_texts(list(each)) for each in value[1]])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, part = value
            if int(most) > MAX_NAMES:
                return None
            return _union([_texts(list(part) * count) for count in range(least, int(most) + 1)])
        case _:
            return None


def _characters(parts: list[Any]) -> set[str] | None:
    found: set[str] = set()
    for kind, value in parts:
        match str(kind):
            case "LITERAL":
                found.add(chr(value))
            case "RANGE" if value[1] - value[0] < MAX_NAMES:
                found.update(map(chr, range(value[0], value[1] + 1)))
            case _:
                return None
    return found


def _union(sets: list[set[str] | None]) -> set[str] | None:
    found: set[str] = set()
    for each in sets:
        if each is None or len(found) > MAX_NAMES:
            return None
        found |= each
    return found


# -- what has a finite value ------------------------------------------------------------------


def _drop_endless(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the optional parts that would never end.

    Raises:
        BadSchema: the whole would not.
    """
    names = {each["$ref"] for each in _every(schema) if isinstance(each.get("$ref"), str)}
    if not names:
        return schema
    ends: set[str] = {name for name in names if _target(schema, name) is None}
    for _ in range(MAX_ROUNDS):
        more = {n for n in names - ends if _has_value(_target(schema, n), ends)}
        if not more:
            break
        ends |= more
    else:
        return schema  # too many to tell
    if not _has_value(schema, ends):
        raise BadSchema("The schema cannot be used: no finite text matches it.", param="constraint")
    return _prune(schema, ends)


def _target(schema: Schema, reference: str) -> Any:
    """What a local reference leads to; None for any other."""
    if not reference.startswith("#"):
        return None
    if reference[1:2] not in ("", "/"):
        return next((each for each in _every(schema) if each.get("$anchor") == reference[1:]), None)
    found: Any = schema
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _has_value(schema: Any, ends: set[str]) -> bool:
    """Whether a finite value matches, as far as the references in `ends` do."""
    if not isinstance(schema, Mapping):
        return schema is not False
    if isinstance(schema.get("$ref"), str) and schema["$ref"] not in ends:
        return False
    for name, judged in (("anyOf", any), ("oneOf", any), ("allOf", all)):
        if isinstance(schema.get(name), list) and not judged(
            _has_value(each, ends) for each in schema[name]
        ):
            return False
    if schema.get("type", "object") == "object" and isinstance(schema.get("required"), list):
        listed = schema.get("properties")
        for name in schema["required"]:
            if isinstance(listed, Mapping) and not _has_value(listed.get(str(name)), ends):
                return False
    return _has_members(schema, ends) and _has_items(schema, ends)


def _has_members(schema: Schema, ends: set[str]) -> bool:
    """As many as `minProperties`, where all of them are of one schema."""
    least = schema.get("minProperties", 0)
    if schema.get("type") != "object" or not isinstance(least, int) or least <= 0:
        return True
    if schema.get("properties") or schema.get("patternProperties"):
        return True
    return _has_value(schema.get("additionalProperties"), ends)


def _has_items(schema: Schema, ends: set[str]) -> bool:
    least = schema.get("minItems", 0)
    if schema.get("type") != "array" or not isinstance(least, int) or least <= 0:
        return True
    first = schema.get("prefixItems") or []
    more = [schema.get("items")] if len(first) < least else []
    return all(_has_value(each, ends) for each in [*first[:least], *more])


def _prune(schema: Schema, ends: set[str]) -> dict[str, Any]:
    made = dict(schema)
    for name in NAMED:
        if isinstance(made.get(name), Mapping):
            made[name] = {key: _prune_part(each, ends) for key, each in made[name].items()}
    for name in ("items", "additionalProperties"):
        if name in made:
            made[name] = _prune_part(made[name], ends)
    for name in ("anyOf", "oneOf"):
        if isinstance(made.get(name), list):
            kept = [each for each in made[name] if _has_value(each, ends)]
            made[name] = [_prune_part(each, ends) for each in kept]
    return made


def _prune_part(schema: Any, ends: set[str]) -> Any:
    if not _has_value(schema, ends):
        return False
    return _prune(schema, ends) if isinstance(schema, Mapping) else schema
