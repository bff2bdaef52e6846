"""The lists of docs/api.md that `openai_parameters.py` decides: refused, and ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from fireside.server import openai_parameters as tables
from fireside.server.parameters import EmptyExtras, Hint, Obligation, Parameter, Table

BEGIN: Final = "<!-- The tables of openai_parameters.py; do not edit. -->"
END: Final = "<!-- The end of the tables. -->"
ENDPOINTS: Final[Mapping[str, Table]] = {
    "chat": tables.CHAT,
    "completions": tables.COMPLETIONS,
    "embeddings": tables.EMBEDDINGS,
    "responses": tables.RESPONSES,
    "input_tokens": tables.COUNT,
    "compact": tables.COMPACT,
    "conversations": tables.ITEMS,
}
Where = Mapping[str, Mapping[str, None]]
"""Endpoints, and for each the places that hold a member."""


def tables_of_page() -> str:
    """Both tables in Markdown, with the marks around them."""
    refused = _table("refused", "passes", (Obligation,))
    ignored = _table("ignored", "not named", (Hint, EmptyExtras))
    return f"{BEGIN}\n{refused}\n{ignored}{END}\n"


def written(page: str) -> str:
    """`page` with its lists brought up to date."""
    before, _, rest = page.partition(BEGIN)
    return before + tables_of_page() + rest.partition(END)[2].removeprefix("\n")


def _table(title: str, passes: str, kinds: tuple[type, ...]) -> str:
    rows = "".join(_rows(kinds))
    return f"| {title} | where | {passes} | why |\n| --- | --- | --- | --- |\n{rows}"


def _rows(kinds: tuple[type, ...]) -> Iterator[str]:
    """Names that stand in the same places for the same reason share a row."""
    places: dict[tuple[str, str, str], dict[str, dict[str, None]]] = {}
    for endpoint, table in ENDPOINTS.items():
        for place, parameter in table.items():
            if isinstance(parameter, kinds):
                holder, leaf = _parted(place)
                key = (leaf, parameter.why, _passes(parameter))
                places.setdefault(key, {}).setdefault(endpoint, {})[holder] = None
    rows: dict[tuple[str, str, str], list[str]] = {}
    for (leaf, why, passing), where in places.items():
        rows.setdefault((_where(where), passing, why), []).append(f"`{leaf}`")
    for (shown, passing, why), leaves in rows.items():
        yield f"| {', '.join(leaves)} | {shown} | {passing} | {why} |\n"


def _parted(place: str) -> tuple[str, str]:
    """What holds it, and its own name: `include`, `[a.b]`; `messages[]`, `audio`."""
    if place.endswith("]"):
        holder, _, selector = place.rpartition("[")
        return holder, f"[{selector}"
    holder, _, leaf = place.rpartition(".")
    return holder, leaf


def _where(where: Where) -> str:
    return "; ".join(
        f"{endpoint}{': ' if any(holders) else ''}{', '.join(f'`{h}`' for h in holders if h)}"
        for endpoint, holders in where.items()
    )


def _passes(parameter: Parameter) -> str:
    if isinstance(parameter, EmptyExtras):
        return ""
    return ", ".join(f"`{json.dumps(each)}`" for each in parameter.passes)
