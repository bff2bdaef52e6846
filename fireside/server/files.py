"""`/v1/files`: upload, list, look at, download, delete.

What is uploaded is bytes: it is stored under an id, never run, never unpacked here, and given
back as a download whatever it claims to be.  JSON Lines are checked on their way in.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import FileResponse, JSONResponse, Response

from fireside.errors import BadRequest, NotFound
from fireside.server import jsonl
from fireside.server.body import Wire, validate
from fireside.server.caller import caller_of
from fireside.server.listing import shown_list
from fireside.server.multipart import receive
from fireside.server.openapi import Listed, documented
from fireside.storage.files import Files
from fireside.storage.objects import Stored

MAX_FILE: Final = 512 * 2**20
MAX_NAME: Final = 255
BATCH_LIFE: Final = 30 * 86400
JSONL: Final = frozenset({"batch", "fine-tune"})

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
PURPOSES: Final = frozenset(Purpose.__args__)  # type: ignore[attr-defined]
OUTPUTS: Final = frozenset({"assistants_output", "batch_output", "fine-tune-results"})

FILE: Final = {
    "type": "object",
    "required": ["id", "object", "bytes", "created_at", "filename", "purpose", "status"],
    "properties": {
        "id": {"type": "string"},
        "object": {"enum": ["file"]},
        "bytes": {"type": "integer"},
        "created_at": {"type": "integer"},
        "expires_at": {"type": ["integer", "null"]},
        "filename": {"type": "string"},
        "purpose": {"type": "string", "enum": sorted(PURPOSES | OUTPUTS)},
        "status": {"type": "string", "enum": ["processed"]},
        "status_details": {"type": "null"},
    },
}
"""OpenAI's `FileObject`, which forgets the purpose `evals` that its own requests have."""


class ExpiresAfter(Wire):
    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=30 * 86400)


class CreateFileRequest(Wire):
    """The form's fields beside the file itself."""

    purpose: Purpose
    expires_after: ExpiresAfter | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """As OpenAI has it: a list of files is ten thousand long unless told otherwise."""

    purpose: Annotated[str | None, Query(max_length=64)] = None
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000
    order: Annotated[Literal["asc", "desc"], Query()] = "desc"
    after: Annotated[str | None, Query(max_length=256)] = None

    def check(self) -> None:
        if self.purpose is not None and self.purpose not in PURPOSES | OUTPUTS:
            known = ", ".join(sorted(PURPOSES | OUTPUTS))
            raise BadRequest(f"purpose is one of {known}.", param="purpose")


def routes(files: Files, max_bytes: int = MAX_FILE) -> APIRouter:
    router = APIRouter(tags=["files"])

    @router.post("/v1/files")
    @documented(request=CreateFileRequest, file="file", response=FILE)
    async def create_file(request: Request) -> Response:
        path = await asyncio.to_thread(files.temporary)
        form = await receive(request, path, file_field="file", limit=max_bytes)

        def keep() -> Stored:
            try:
                call = fields_of(form.fields)
                name = clean_name(form.filename or "upload")
                if call.purpose in JSONL:
                    jsonl.check(path)
                life = lifetime(call.purpose, call.expires_after)
                expires_at = None if life is None else time.time() + life
                return files.add(caller_of(request).owner, name, call.purpose, path, expires_at)
            finally:
                path.unlink(missing_ok=True)

        # Shielded: a client that leaves now must not leave half of it behind.
        return JSONResponse(shown(await asyncio.shield(asyncio.to_thread(keep))))

    @router.get("/v1/files")
    @documented(response=Listed(FILE))
    async def list_files(
        request: Request, page: Annotated[FilePage, Depends()]
    ) -> dict[str, object]:
        page.check()
        listed = await asyncio.to_thread(
            files.listed, caller_of(request).owner, purpose=page.purpose, order=page.order,
            after=page.after, limit=page.limit,
        )  # fmt: skip
        return shown_list(listed, shown)

    @router.get("/v1/files/{file_id}")
    @documented(response=FILE)
    async def retrieve_file(request: Request, file_id: str) -> dict[str, object]:
        return shown(await asyncio.to_thread(files.get, file_id, caller_of(request).owner))

    @router.delete("/v1/files/{file_id}")
    @documented(response="FileDeleted")
    async def delete_file(request: Request, file_id: str) -> dict[str, object]:
        gone = await asyncio.to_thread(files.remove, file_id, caller_of(request).owner)
        return {"id": gone.id, "object": "file", "deleted": True}

    @router.get("/v1/files/{file_id}/content")
    @documented(binary="application/octet-stream")
    async def download_file(request: Request, file_id: str) -> Response:
        owner = caller_of(request).owner
        stored = await asyncio.to_thread(files.get, file_id, owner)
        path = await asyncio.to_thread(files.path, file_id, owner)
        try:
            stat = await asyncio.to_thread(path.stat)
        except FileNotFoundError:
            raise NotFound(f"There is no file {file_id[:100]!r}.") from None
        return FileResponse(
            path,
            media_type="application/octet-stream",
            filename=stored.body["filename"],
            stat_result=stat,
        )

    return router


def fields_of(fields: Mapping[str, str]) -> CreateFileRequest:
    """`expires_after[seconds]=3600`, as the SDKs flatten it, to a checked value."""
    nested: dict[str, Any] = {}
    expires: dict[str, Any] = {}
    for name, value in fields.items():
        if name.startswith("expires_after[") and name.endswith("]"):
            inner = name[len("expires_after[") : -1]
            expires[inner] = int(value) if inner == "seconds" and _is_number(value) else value
        else:
            nested[name] = value
    if expires:
        nested["expires_after"] = expires
    return validate(nested, CreateFileRequest)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def lifetime(purpose: str, asked: ExpiresAfter | None) -> float | None:
    """Seconds.  OpenAI's rule: files of batches live thirty days, all others for ever."""
    if asked is not None:
        return asked.seconds
    return BATCH_LIFE if purpose == "batch" else None


def clean_name(given: str, *, param: str = "file") -> str:
    """A label for people: no folders, no control characters, nothing that turns writing around.

    Raises:
        BadRequest: nothing is left of it, or too much.
    """
    name = given.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs") and not _turns(c))
    name = name.strip()
    if name.strip(". ") == "" or len(name) > MAX_NAME:
        raise BadRequest(
            f"The file's name must have 1 to {MAX_NAME} characters besides its folders.",
            param=param,
        )
    return name


def _turns(character: str) -> bool:
    """Bidirectional overrides: they make `exe.fdp` look like `pdf.exe`, or the other way."""
    return "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"


def shown(file: Stored) -> dict[str, object]:
    """As OpenAI shows a file."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.body["bytes"],
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.body["filename"],
        "purpose": file.body["purpose"],
        "status": file.status,
        "status_details": None,
    }
