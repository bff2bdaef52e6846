"""A run's items, one by one: from the request, an uploaded file, or stored chat completions.

Refuses an item that is none, before anything is asked of a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fireside.errors import BadRequest
from fireside.server.chat_store import KIND as COMPLETION
from fireside.server.chat_store import MESSAGE
from fireside.storage.files import Files
from fireside.storage.objects import Objects, Stored

MOST: Final = 100_000
LONGEST: Final = 16 * 2**20
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,),
    "object": (dict,), "array": (list,), "null": (type(None),),
}  # fmt: skip


@dataclass(frozen=True)
class Items:
    """Of one owner.  schema: the eval's, of an item."""

    files: Files
    objects: Objects
    owner: str
    schema: Mapping[str, Any]

    def of(self, source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """`{"item": ..., "sample": ...}` of each, in the same order every time.

        Raises:
            NotFound: there is no such file.
            BadRequest: one is no item; names its line.
        """
        match source["type"]:
            case "file_content":
                for number, row in enumerate(source["content"]):
                    check(row["item"], self.schema, f"source.content[{number}].item")
                    yield row
            case "file_id":
                yield from self._lines(source["id"])
            case _:
                yield from self._stored(source)

    def _lines(self, file_id: str) -> Iterator[dict[str, Any]]:
        with self.files.content(file_id, self.owner) as file:
            number = 0
            while raw := file.readline(LONGEST + 1):
                number += 1
                if raw.strip():
                    yield _row(raw, number, self.schema)
                if number > MOST:
                    raise BadRequest(
                        f"The file has more than {MOST:,} items: split it.", param="id"
                    )

    def _stored(self, source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Chat completions that were stored, oldest first."""
        wanted: dict[Any, Any] = {
            ("metadata", name): value for name, value in (source.get("metadata") or {}).items()
        }
        if source.get("model"):
            wanted["model"] = source["model"]
        since, until = source.get("created_after") or 0, source["created_before"]
        left, after = source.get("limit") or MOST, None
        while left:
            page = self.objects.listed(
                COMPLETION, owner=self.owner, matching=wanted, order="asc", after=after, limit=100
            )
            for row in page.items:
                if since <= row.created_at <= until and left:
                    left -= 1
                    yield self._completion(row)
            if not page.more:
                return
            after = page.items[-1].id

    def _completion(self, row: Stored) -> dict[str, Any]:
        asked = self.objects.listed(
            MESSAGE, owner=self.owner, parent_id=row.id, order="asc", limit=10_000
        )
        messages = [{"role": m.body["role"], "content": m.body["content"]} for m in asked.items]
        choices = row.body["choices"]
        sample = {
            "output_text": choices[0]["message"]["content"] or "",
            "model": row.body["model"],
            "choices": choices,
        }
        return {"item": {"input": messages, "metadata": row.body.get("metadata")}, "sample": sample}


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
