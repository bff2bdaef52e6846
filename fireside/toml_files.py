"""Reads TOML into a pydantic model; an error names the line, the key and the nearest known name.

    persona = read_toml_model(text, Persona, origin="tutor.toml", param="persona")
    # BadRequest: tutor.toml, line 5: there is no key 'sampling.temprature': did you mean
    #             'sampling.temperature'?

Personas, training configs, tasks and settings are all read here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fireside.errors import BadRequest, NotFound

MOST_KEYS: Final = 20
"""Keys of a table that an error lists where none is near."""

M = TypeVar("M", bound=BaseModel)


def read_text_file(path: Path, *, param: str) -> str:
    """The text of a file in UTF-8; a byte order mark is left out.

    Raises:
        NotFound: there is no such file.
        BadRequest: it cannot be read, or is not text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"There is no {param} file {str(path)!r}.", param=param) from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path.name} is not text in UTF-8.", param=param) from None
    except (OSError, ValueError) as error:  # a folder, a loop of links, no right to read it
        why = getattr(error, "strerror", None) or error
        raise BadRequest(f"{path.name} cannot be read: {why}.", param=param) from None


def parse_toml(text: str, *, origin: str, param: str) -> dict[str, Any]:
    """The tables of a TOML text.  origin: the file's name, for the error.

    Raises:
        BadRequest: it is no TOML; `tomllib` says where.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{origin} is not valid TOML: {error}.", param=param) from None
    except RecursionError:
        raise BadRequest(f"{origin} is nested too deeply.", param=param) from None


def read_toml_model(text: str, model: type[M], *, origin: str, param: str) -> M:
    """A whole TOML text as one model.

    Raises:
        BadRequest: it is no TOML, or does not fit the model.
    """
    table = parse_toml(text, origin=origin, param=param)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise BadRequest(explain(error, model, origin=origin, text=text), param=param) from None


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    origin: str = "",
    text: str = "",
    path: Sequence[str] = (),
) -> str:
    """The first mistake in one line.

    path: of the table that `model` stands for, within `text`.
    """
    details = first_error(error)
    keys = error_path(details)
    line = line_of(text, [*path, *keys])
    place = f"{origin}, line {line}" if line else origin
    name = ".".join(map(str, [*path, *keys]))
    if details["type"] == "extra_forbidden":
        near = [".".join([*path, each]) for each in nearest_keys(model, keys)]
        message = f"there is no key {name!r}"
        known = _keys_at(model, keys[:-1])
        if near:
            message += f": did you mean {' or '.join(map(repr, near))}?"
        elif 0 < len(known) <= MOST_KEYS:
            message += f": known are {', '.join(known)}."
        else:
            message += "."
    else:
        reason = details["msg"].removeprefix("Value error, ")
        message = f"{name}: {reason}{_nearest_choice(details) or '.'}" if name else f"{reason}."
    return f"{place}: {message}" if place else message


def first_error(error: ValidationError) -> ErrorDetails:
    """The error to report: of a misspelt key that is needed, which is two errors, the typo."""
    errors = error.errors()
    return next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])


def error_path(details: ErrorDetails) -> list[str | int]:
    """The keys that lead to the mistake; an error with a `path` of its own extends them."""
    return [*details["loc"], *getattr(details.get("ctx", {}).get("error"), "path", ())]


def nearest_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Dotted names that may be meant by an unknown key: of its own table first, then elsewhere."""
    *tables, last = (part for part in path if isinstance(part, str))
    section = [*tables]
    own = difflib.get_close_matches(last, _keys_at(model, section), n=1, cutoff=0.5)
    if own:
        return [".".join([*section, own[0]])]
    return [name for name in _dotted_keys(model) if name.rpartition(".")[2] == last][:3]


def _nearest_choice(details: ErrorDetails) -> str:
    """For a misspelt value of a choice: the one that is meant."""
    if details["type"] != "literal_error" or not isinstance(details["input"], str):
        return ""
    choices = re.findall(r"'([^']*)'", str(details.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(details["input"], choices, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, from 1, where TOML sets the key at `path`; None where it cannot be told.

    `tomllib` keeps no places, so the text is read once more: headers and the keys under them.
    """
    wanted = [part for part in path if isinstance(part, str)]
    section: list[str] = []
    nearest = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?$", line):
            section = [part.strip(" \"'") for part in header.group(1).split(".")]
            if section[: len(wanted)] == wanted:
                return number
            if section and section == wanted[: len(section)]:
                nearest = number
        elif key := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            here = [*section, *(part.strip(" \"'") for part in key.group(1).split("."))]
            if here == wanted[: len(here)]:
                nearest = number
                if here == wanted:
                    return number
        if section == wanted:
            return nearest
    return nearest


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that there are at `path`; none where it leads into a table of free keys."""
    for part in path:
        field = next((f for key, f in _fields(model) if key == part), None)
        if field is None:
            continue  # an index of a list, or a free key of a table
        inner = _model_in(field)
        if inner is None:
            return []
        model = inner
    return [key for key, _ in _fields(model)]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field.annotation


def _dotted_keys(model: type[BaseModel]) -> Iterator[str]:
    for key, annotation in _fields(model):
        yield key
        if (inner := _model_in(annotation)) is not None and inner is not model:
            yield from (f"{key}.{name}" for name in _dotted_keys(inner))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within `list[Model]`, `Model | None`, `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = map(_model_in, get_args(annotation))
    return next((model for model in inner if model is not None), None)


def without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table as TOML can hold it: a key whose value is None is left out, at any depth."""
    return {key: _without_none(value) for key, value in table.items() if value is not None}


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_none(value)
    return [_without_none(each) for each in value] if isinstance(value, list | tuple) else value
