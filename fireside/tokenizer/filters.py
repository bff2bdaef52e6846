"""What a chat template may call: filters, and the functions it finds in place.

Only those that a prompt has a use for, each with its provenance followed and its cost charged.
`tojson`, `raise_exception` and `strftime_now` behave as in transformers.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import jinja2.exceptions
import jinja2.filters
import jinja2.utils

from fireside.tokenizer import provenance
from fireside.tokenizer.budget import MAX_NODES, OverBudget, charged, check_shape, spend
from fireside.tokenizer.provenance import INPUT, TEMPLATE, Marked

_KEPT = """
    abs capitalize count d default dictsort first float groupby int items last length list lower map
    max min reject rejectattr replace reverse select selectattr sort string sum title trim unique
    upper
"""
WIDEST_INDENT = 256
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000"


def template_filters() -> dict[str, Callable[..., Any]]:
    kept = {name: _followed(jinja2.filters.FILTERS[name]) for name in _KEPT.split()}
    return kept | {
        "indent": _indent,
        "join": join,
        "round": _round,
        "safe": _unchanged,
        "tojson": _to_json,
    }


def template_functions() -> dict[str, Any]:
    return {
        "cycler": jinja2.utils.Cycler,
        "dict": _new_dict,
        "joiner": jinja2.utils.Joiner,
        "namespace": Namespace,
        "raise_exception": _raise_exception,
        "strftime_now": _strftime_now,
    }


def before_method(name: str, owner: str, args: tuple[Any, ...]) -> None:
    """Pays for a method of text whose result may be far larger than its text."""
    if name == "replace" and len(args) > 1 and isinstance(args[0], str):
        found = owner.count(args[0])
        spend(found * len(args[1]))
    elif name in ("split", "rsplit", "splitlines"):
        given = args[0] if args and isinstance(args[0], str) else ""
        pieces = sum(map(owner.count, [given] if given else _SPACES))
        if pieces > MAX_NODES:
            raise OverBudget("makes too large a list")
        spend(pieces)
    elif name == "list" and len(owner) > MAX_NODES:
        raise OverBudget("makes too large a list")


def _followed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, with what is known of its result's provenance, and charged for."""
    name = function.__name__.removeprefix("do_")

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        values = [value for value in args if isinstance(value, str)]
        if values:
            # Jinja's context may come in front of the text.
            before_method(name, values[0], tuple(values[1:]))
        made = function(*args, **kwargs)
        if isinstance(made, str) and not isinstance(made, Marked):
            made = provenance.derived(made, (*args, *kwargs.values()))
        return _charged_each(made) if isinstance(made, Iterator) else charged(made)

    return filtered


def _charged_each(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        spend(0)
        yield item


def _unchanged(value: Any) -> Any:
    """`safe` means nothing where nothing is escaped."""
    return value


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    # Jinja's own takes 10 to any power for "ceil" and "floor".
    if method != "common" or abs(precision) > 20:
        raise ValueError("round() takes up to 20 digits here, and no method")
    return round(value, precision)


def join(value: Iterable[object], d: str = "", attribute: str | None = None) -> Marked:
    texts: list[str] = []
    for item in value:
        if attribute is not None:
            item = item.get(attribute, "") if isinstance(item, dict) else ""
        text = item if isinstance(item, str) else str(item)
        spend(len(text) + len(d))
        texts.append(text)
    return provenance.join(d, texts)


def _indent(s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> Marked:
    if isinstance(width, int) and width > WIDEST_INDENT:
        raise OverBudget("indents too far")
    margin = provenance.mark(" " * width, TEMPLATE) if isinstance(width, int) else width
    # As in Jinja: with a line break more, `splitlines` keeps the last line where it is empty.
    lines = provenance.concat((s, provenance.mark("\n", TEMPLATE))).splitlines()
    spend(len(lines) * len(margin) + len(s))
    indented = [
        provenance.concat((margin, line)) if (line or blank if number else first) else line
        for number, line in enumerate(lines)
    ]
    return provenance.join("\n", indented)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> Marked:
    """JSON as models were trained on it: Jinja's own filter escapes HTML."""
    if isinstance(indent, int) and indent > WIDEST_INDENT:
        raise OverBudget("indents too far")
    check_shape(value)
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
    return charged(provenance.derived(text, (value,)))


def _new_dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    made = dict(*args, **kwargs)
    check_shape(made)
    return made


class Namespace(jinja2.utils.Namespace):
    """`namespace()`, without the names that Python keeps to itself."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # so that `namespace(self=1)` is legal
        self, rest = args[0], args[1:]
        attributes = dict(*rest, **kwargs)
        for name in attributes:
            _check_public(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_public(name)
        super().__setitem__(name, value)


def _check_public(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace cannot hold {name!r}")


def _raise_exception(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _strftime_now(pattern: str) -> Marked:
    if len(pattern) > 200:
        raise OverBudget("makes too much text")
    return provenance.mark(datetime.now().strftime(pattern), INPUT)
