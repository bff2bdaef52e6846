"""`{{item.question}}`, `{{ sample.output_json.label }}`: values put into a text.

A name is looked up and written down: what it stands for is never read as a template again, and
nothing is ever run.  A name that is not there is an error that says which names are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fireside.errors import BadRequest

_PLACE: Final = re.compile(r"\{\{([^{}]{0,500})\}\}")
_STEP: Final = re.compile(
    r"\.?([A-Za-z_][\w-]*)|\.(\d{1,6})|\[(\d{1,6})\]|\[\"([^\"]+)\"\]|\['([^']+)'\]"
)
NAMESPACES: Final = ("item", "sample")


LONGEST: Final = 1_000_000
"""Characters of a text with every place filled."""
MOST_PLACES: Final = 1_000


class UnknownVariable(BadRequest):
    default_code = "invalid_variable"


class FilledTooLong(BadRequest):
    default_code = "template_too_long"


def fill(template: str, values: Mapping[str, Any], most: int = LONGEST) -> str:
    """The template with every place filled.  values: `item` and `sample`.

    Raises:
        UnknownVariable: a place names nothing that is there.
        FilledTooLong: it has more than `most` characters; seen before they are put together.
    """
    texts: dict[str, str] = {}
    length = len(template)

    def filled(place: re.Match[str]) -> str:
        nonlocal length
        name = place[1].strip()
        if name not in texts:
            texts[name] = _written(find(name, values))
        length += len(texts[name]) - len(place[0])
        if length > most:
            raise FilledTooLong(
                f"A template has more than {most:,} characters when it is filled: use fewer or "
                "shorter values."
            )
        return texts[name]

    return _PLACE.sub(filled, template)


def names_in(template: str) -> list[str]:
    return [place.strip() for place in _PLACE.findall(template)]


def check(template: str, param: str) -> None:
    """
    Raises:
        UnknownVariable: a place that could never be filled.
        FilledTooLong: more than MOST_PLACES places.
    """
    names = names_in(template)
    if len(names) > MOST_PLACES:
        raise FilledTooLong(
            f"A template has at most {MOST_PLACES:,} places; this has {len(names):,}.", param=param
        )
    for name in names:
        steps = _steps(name)
        if steps is None or steps[0] not in NAMESPACES:
            raise UnknownVariable(
                f"{{{{{name[:100]}}}}} is no variable: write {{{{item.NAME}}}} or "
                "{{sample.output_text}}.",
                param=param,
            )


def find(name: str, values: Mapping[str, Any]) -> Any:
    """What a dotted name stands for.

    Raises:
        UnknownVariable: nothing; the line says what is there.
    """
    steps = _steps(name)
    if steps is None:
        raise UnknownVariable(f"{{{{{name[:100]}}}}} is no variable.")
    found: Any = values
    for step in steps:
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            there = ", ".join(map(str, found)) if isinstance(found, Mapping) else "nothing"
            raise UnknownVariable(
                f"{{{{{name[:100]}}}}} is not there: {step[:100]!r} is none of {there[:200]}."
            )
    return found


def _steps(name: str) -> list[str] | None:
    steps, at = [], 0
    while at < len(name):
        found = _STEP.match(name, at)
        if found is None:
            return None
        steps.append(next(part for part in found.groups() if part))
        at = found.end()
    return steps or None


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
