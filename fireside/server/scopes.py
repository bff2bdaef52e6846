"""What a key may be made for: each URL belongs to one scope.

A key without scopes reaches everything that its user's role allows.  A URL that no line below
names is open to such keys alone, so a new endpoint is closed to narrow keys until it is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

ScopeName = Literal[
    "models.read",
    "inference",
    "files",
    "vector_stores",
    "fine_tuning",
    "batches",
    "evals",
    "data",
    "metrics",
    "admin",
]

SCOPES: Final[Mapping[ScopeName, str]] = {
    "models.read": "list models",
    "inference": "answers, embeddings, moderations, conversations, the page",
    "files": "files and uploads",
    "vector_stores": "vector stores and their search",
    "fine_tuning": "fine-tuning jobs and graders, deleting tuned models",
    "batches": "batches",
    "evals": "evals and their runs",
    "data": "export and delete everything of the project",
    "metrics": "/metrics",
    "admin": "users, projects, keys, the audit log (an admin's key only)",
}

OPEN: Final = frozenset({"/", "/health", "/ready", "/openapi.json", "/api/session", "/favicon.ico"})

_BY_PREFIX: Final[tuple[tuple[str, ScopeName], ...]] = (
    ("/v1/organization", "admin"),
    ("/v1/files", "files"),
    ("/v1/uploads", "files"),
    ("/v1/vector_stores", "vector_stores"),
    ("/v1/fine_tuning", "fine_tuning"),
    ("/v1/batches", "batches"),
    ("/v1/evals", "evals"),
    ("/v1/chat/completions", "inference"),
    ("/v1/completions", "inference"),
    ("/v1/engines", "inference"),
    ("/engines", "inference"),
    ("/v1/responses", "inference"),
    ("/v1/conversations", "inference"),
    ("/v1/embeddings", "inference"),
    ("/v1/moderations", "inference"),
    ("/v1/fireside/memories", "inference"),
    ("/v1/fireside/export", "data"),
    ("/v1/fireside/data", "data"),
    ("/v1/fireside/summaries", "inference"),
    ("/mcp", "inference"),
    ("/api/models/pull", "admin"),
    ("/api", "inference"),
    ("/metrics", "metrics"),
)


def is_open(path: str) -> bool:
    """Whether anybody may ask, with or without a key: nothing of anybody's is there."""
    return path in OPEN or path.startswith("/page/")


def scope_of(method: str, path: str) -> ScopeName | None:
    """The scope that a request needs; None where only a key without scopes will do."""
    if path == "/v1/models" or path.startswith("/v1/models/"):
        return "models.read" if method in ("GET", "HEAD") else "fine_tuning"
    for prefix, scope in _BY_PREFIX:
        if path == prefix or path.startswith(prefix + "/"):
            return scope
    return None
