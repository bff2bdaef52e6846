"""Vector stores, their files and batches as the API shows them, in the types of OpenAI's client.

Beside OpenAI's members a file has `unread`: what it holds that was not read, a line each; and a
passage has `page`, `section` and `scores`: what its score was made of.
"""

from __future__ import annotations

from typing import Any

from fireside.knowledge.collection_rows import WAITING, Counts, expires_at, is_expired
from fireside.knowledge.passage import Passage
from fireside.storage.objects import Stored


def shown_counts(counts: Counts) -> dict[str, int]:
    return {
        "in_progress": counts.in_progress,
        "completed": counts.completed,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "total": counts.total,
    }


def shown_store(store: Stored, counts: Counts) -> dict[str, Any]:
    body = store.body
    end = expires_at(store)
    status = "in_progress" if counts.in_progress else "completed"
    days = body["days"]
    return {
        "id": store.id,
        "object": "vector_store",
        "created_at": int(store.created_at),
        "name": body["name"],
        "description": body["description"],
        "usage_bytes": counts.usage_bytes,
        "file_counts": shown_counts(counts),
        "status": "expired" if is_expired(store) else status,
        "expires_after": None if days is None else {"anchor": "last_active_at", "days": days},
        "expires_at": None if end is None else int(end),
        "last_active_at": int(body["last_active_at"]),
        "metadata": body["metadata"] or {},
    }


def shown_file(row: Stored) -> dict[str, Any]:
    body = row.body
    sizes = ("max_chunk_size_tokens", "chunk_overlap_tokens")
    return {
        "id": body["file_id"],
        "object": "vector_store.file",
        "created_at": int(row.created_at),
        "vector_store_id": row.parent_id,
        "status": "in_progress" if row.status in WAITING else row.status,
        "last_error": body["last_error"],
        "unread": body.get("unread", []),  # rows of before it was kept have none
        "usage_bytes": body["usage_bytes"],
        "attributes": body["attributes"],
        "chunking_strategy": {"type": "static", "static": {name: body[name] for name in sizes}},
    }


def shown_batch(batch: Stored, counts: Counts) -> dict[str, Any]:
    status = "in_progress" if counts.in_progress else "completed"
    if counts.total and counts.failed == counts.total:
        status = "failed"
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": int(batch.created_at),
        "vector_store_id": batch.parent_id,
        "status": batch.status or status,
        "file_counts": shown_counts(counts),
    }


def shown_passage(passage: Passage) -> dict[str, Any]:
    return {
        "file_id": passage.file_id,
        "filename": passage.filename,
        "score": passage.score,
        "attributes": dict(passage.attributes),
        "content": [{"type": "text", "text": passage.text}],
        "page": passage.page,
        "section": list(passage.section),
        "scores": dict(passage.scores),
    }
