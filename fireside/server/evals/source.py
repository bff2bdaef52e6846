"""A run's items, one by one: from the request, or from an uploaded file of JSON Lines.

Refuses an item that is none, before anything is asked of a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fireside.errors import BadRequest
from fireside.storage.files import Files

MOST: Final = 100_000
LONGEST: Final = 16 * 2**20
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,),
    "object": (dict,), "array": (list,), "null": (type(None),),
}  # fmt: skip


def rows_of(
    source: Mapping[str, Any], files: Files, owner: str, schema: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """`{"item": ..., "sample": ...}` of each.

    Raises:
        NotFound: there is no such file.
        BadRequest: one is no item; names its line.
    """
    if source["type"] == "file_content":
        for number, row in enumerate(source["content"], 1):
            check(row["item"], schema, f"source.content[{number - 1}].item")
            yield row
        return
    with files.content(source["id"], owner) as file:
        number = 0
        while raw := file.readline(LONGEST + 1):
            number += 1
            if raw.strip():
                yield _row(raw, number, schema)
            if number > MOST:
                raise BadRequest(f"The file has more than {MOST:,} items: split it.", param="id")


def _row(raw: bytes, number: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if len(raw) > LONGEST:
            raise ValueError(f"longer than {LONGEST >> 20} MiB")
        row = json.loads(raw.decode("utf-8-sig"))
        json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as wrong:
        said = " ".join(str(wrong).split())[:100] or "too deep"
        raise BadRequest(f"Line {number} is not JSON in UTF-8 ({said}).", param="id") from None
    if not isinstance(row, dict) or not isinstance(row.get("item"), dict):
        raise BadRequest(f"Line {number} is no object with an item: {{'item': ...}}.", param="id")
    if unknown := sorted(set(row) - {"item", "sample"}):
        raise BadRequest(
            f"Line {number} has the unknown field {unknown[0][:40]!r}: put it in item.", param="id"
        )
    if not isinstance(row.get("sample"), dict | None):
        raise BadRequest(f"Line {number} has a sample that is no object.", param="id")
    check(row["item"], schema, f"line {number}")
    return row


def check(item: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    """The schema's top level: what is required, and plain types."""
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in item:
            raise BadRequest(f"{where} lacks {str(name)[:40]!r}, which item_schema requires.")
    properties = schema.get("properties")
    for name, wanted in properties.items() if isinstance(properties, dict) else []:
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if name not in item or not isinstance(kind, str) or kind not in _TYPES:
            continue
        value = item[name]
        truth = isinstance(value, bool) and kind in ("number", "integer")
        if truth or not isinstance(value, _TYPES[kind]):
            raise BadRequest(f"{where}: {str(name)[:40]!r} is not of type {kind}.")
